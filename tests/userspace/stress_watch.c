// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images and the dirty log under stress: an image never changes, and whoever changes a page writes
 * it to the log. Calls the API of images and of the log; world->narrowing is held, so guests and
 * hosts only write meanwhile.
 */
#include <axas/access.h>
#include <axas/image.h>
#include <unistd.h>

#include "stress.h"

static u64 image_word(struct thread *t, struct axas_image *image, u64 gpa)
{
	u64 val = 0;
	int err = axas_image_read(image, axas_gpa(gpa), &val, sizeof(val));

	/* Not mapped in the image. */
	if (err == -EFAULT)
		return 0;
	if (err)
		die(t, "an image that cannot be read", gpa, err);
	return val;
}

/* An image holds what it held when it was made. */
static void check_snapshot(struct thread *t, const struct snapshot *s)
{
	unsigned int i;
	u64 val;

	for (i = 0; i < NR_SAMPLES; i++) {
		val = image_word(t, s->image, s->gpa[i]);
		if (val != s->val[i])
			die(t, "an image has changed", s->gpa[i], val);
	}
}

static void put_snapshot(struct world *w, struct snapshot *s, const struct snapshot *new)
{
	struct axas_image *image = s->image;

	pthread_mutex_lock(&w->taking);
	*s = *new;
	pthread_mutex_unlock(&w->taking);
	axas_image_put(image);
}

static void drop(struct world *w, struct snapshot *s)
{
	put_snapshot(w, s, &(struct snapshot){});
}

static void freeze(struct thread *t, struct world *w, struct snapshot *s)
{
	struct snapshot new = { .image = axas_space_freeze(w->space) };
	unsigned int i;

	/* A log that goes on keeps images from being joined. */
	if (new.image == ERR_PTR(-ELOOP))
		return;
	if (IS_ERR(new.image))
		die(t, "a freeze that answers", 0, PTR_ERR(new.image));
	for (i = 0; i < NR_SAMPLES; i++) {
		new.gpa[i] = random_page(t);
		new.val[i] = image_word(t, new.image, new.gpa[i]);
	}
	put_snapshot(w, s, &new);
}

static void reset(struct thread *t, struct world *w, const struct snapshot *s)
{
	int err = axas_space_reset(w->space, s->image, rnd(t, 4) ? 0 : AXAS_RESET_DROP);

	/* In a log. */
	if (err && err != -EBUSY)
		die(t, "a reset that answers", 0, err);
}

/* A clone has the content of its image, and what is written to it is seen in no other space. */
static void clone_once(struct thread *t, const struct snapshot *s)
{
	struct axas_space *space = axas_image_clone(s->image, 0);
	unsigned int i;
	u64 val;
	int err;

	if (IS_ERR(space))
		die(t, "a clone that answers", 0, PTR_ERR(space));
	for (i = 0; i < NR_SAMPLES; i++) {
		err = axas_read_obj(space, axas_gpa(s->gpa[i]), AXAS_WIDTH_64, &val);
		if (!err && val != s->val[i])
			die(t, "a clone differs from its image", s->gpa[i], val);
	}
	for (i = 0; i < NR_SAMPLES; i++)
		err = axas_write_obj(space, axas_gpa(s->gpa[i]), AXAS_WIDTH_64, ~s->val[i]);
	check_snapshot(t, s);
	axas_space_put(space);
}

static void diff(struct thread *t, struct world *w)
{
	struct axas_diff_extent extents[4];
	struct axas_gpa_range range = random_range(t);
	int n;

	do {
		n = axas_space_diff(w->space, &range, extents, ARRAY_SIZE(extents));
		if (n < 0 && n != -ENOENT)
			die(t, "a diff that answers", range.start.val, n);
	} while (n > 0 && range.size);
}

static void image_step(struct thread *t, struct world *w)
{
	struct snapshot *s = &w->snapshots[rnd(t, NR_IMAGES)];
	u32 what = rnd(t, 8);

	if (!s->image || !what)
		return freeze(t, w, s);
	switch (what) {
	case 1:
		return drop(w, s);
	case 2:
	case 3:
		return reset(t, w, s);
	case 4:
		return clone_once(t, s);
	case 5:
		return diff(t, w);
	default:
		check_snapshot(t, s);
	}
}

/* The last reference may be the host's: images and clones end beside freezes and faults. */
void watch_host_step(struct thread *t, struct world *w)
{
	struct snapshot s;

	pthread_mutex_lock(&w->taking);
	s = w->snapshots[rnd(t, NR_IMAGES)];
	if (s.image)
		axas_image_get(s.image);
	pthread_mutex_unlock(&w->taking);
	if (!s.image)
		return;
	if (rnd(t, 2))
		check_snapshot(t, &s);
	else
		clone_once(t, &s);
	axas_image_put(s.image);
}

/* Read a word of up to NR_SAMPLES pages, distributed over the range; ~0: not mapped. */
static void sample(struct world *w, struct axas_gpa_range range, u64 *words)
{
	u64 pages = range.size / SZ_4K, step = DIV_ROUND_UP(pages, NR_SAMPLES), i;

	for (i = 0; i * step < pages; i++)
		if (axas_read_obj(w->space, axas_gpa(range.start.val + i * step * SZ_4K),
				  AXAS_WIDTH_64, &words[i]))
			words[i] = ~0ull;
}

/* What changes between two looks is in the log that is read after them. */
static void expect_logged(struct thread *t, struct world *w, struct axas_gpa_range range,
			  unsigned long *bitmap)
{
	u64 pages = range.size / SZ_4K, step = DIV_ROUND_UP(pages, NR_SAMPLES), i, epoch;
	u64 words[2][NR_SAMPLES];

	/* This thread brings what is missing; and the other space writes to what is shared. */
	if (brought)
		return;
	sample(w, range, words[0]);
	/* Long enough for some to be written. */
	usleep(rnd(t, 2) * 2000);
	sample(w, range, words[1]);
	if (axas_space_get_log(w->space, range, bitmap, &epoch))
		die(t, "a log that cannot be read", range.start.val, 0);
	for (i = 0; i * step < pages; i++)
		if (words[0][i] != words[1][i] && !test_bit(i * step, bitmap))
			die(t, "was written, but is not in the log",
			    range.start.val + i * step * SZ_4K, words[1][i]);
}

static void log_step(struct thread *t, struct world *w)
{
	struct axas_gpa_range range = random_range(t);
	DECLARE_BITMAP(bitmap, NR_PAGES);
	u64 epoch;
	int err;

	if (!rnd(t, 3)) {
		if (rnd(t, 2))
			range = axas_gpa_range(axas_gpa(BASE), (u64)NR_PAGES * SZ_4K);
		err = axas_space_stop_log(w->space, range, &epoch);
		return;
	}
	err = axas_space_start_log(w->space, range, &epoch);
	if (err == -ENOENT)
		return;
	if (err)
		die(t, "a log that cannot start", range.start.val, err);
	expect_logged(t, w, range, bitmap);
	if (rnd(t, 2) && !brought)
		freeze(t, w, &w->snapshots[rnd(t, NR_IMAGES)]);
	epoch = 0;
	if (axas_space_clear_log(w->space, range, bitmap, &epoch))
		die(t, "a log that cannot be cleared", range.start.val, 0);
	expect_logged(t, w, range, bitmap);
}

void watch_step(struct thread *t, struct world *w)
{
	if (rnd(t, 3) && !brought)
		image_step(t, w);
	else
		log_step(t, w);
}

void watch_end(struct world *w)
{
	unsigned int i;

	for (i = 0; i < NR_IMAGES; i++)
		drop(w, &w->snapshots[i]);
}
