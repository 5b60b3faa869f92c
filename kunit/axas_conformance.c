// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks of include/axas/conformance.h. Uses only include/axas/, so that the authors of other
 * modules can link it to theirs. Locks: counts_lock, for what the threads of a run count.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <axas/access.h>
#include <axas/conformance.h>
#include <axas/frame.h>

#define BATCH		8u
#define LARGE		9u	/* order of 2 MiB */
#define THREADS		4u
#define ROUNDS		64u
#define POISON		0x5bu
#define GPA		((u64)SZ_64M)

__printf(2, 3) static void error(struct axas_conformance *result, const char *fmt, ...)
{
	va_list args;

	if (!result->errors++) {
		va_start(args, fmt);
		vsnprintf(result->error, sizeof(result->error), fmt, args);
		va_end(args);
	}
}

static struct axas_gpa_range range(u64 gpa, u64 size)
{
	return axas_gpa_range(axas_gpa(gpa), size);
}

static bool all_are(const u8 *mem, u8 byte, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (mem[i] != byte)
			return false;
	return true;
}

/* Aligned, not at address 0, none twice. */
static void check_frames(struct axas_conformance *result, unsigned int order,
			 const struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		if (!hpas[i].val || !axas_hpa_is_aligned(hpas[i], AXAS_FRAME_SIZE << order))
			error(result, "a frame of order %u at %#llx", order, hpas[i].val);
		for (j = 0; j < i; j++)
			if (hpas[i].val == hpas[j].val)
				error(result, "two frames at %#llx", hpas[i].val);
	}
}

/**
 * struct crowd - threads that do the same at once
 * @fn: what they do
 * @result: the result of the run
 * @done: completed by each
 */
struct crowd {
	void (*fn)(struct axas_conformance *result);
	struct axas_conformance *result;
	struct completion done;
};

static int crowd_member(void *data)
{
	struct crowd *crowd = data;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		crowd->fn(crowd->result);
		cond_resched();
	}
	complete(&crowd->done);
	return 0;
}

static void at_once(struct axas_conformance *result, void (*fn)(struct axas_conformance *result))
{
	struct crowd crowd = { .fn = fn, .result = result };
	unsigned int i, started = 0;

	init_completion(&crowd.done);
	for (i = 0; i < THREADS; i++)
		started += !IS_ERR(kthread_run(crowd_member, &crowd, "axas_conformance"));
	for (i = 0; i < started; i++)
		wait_for_completion(&crowd.done);
}

/**
 * struct tested - the type that is checked, and what it has given
 * @type: the type
 * @objects: objects that are open
 * @frames: 4 KiB frames got and not put
 * @space: unmap this while get() runs; NULL: do not
 * @object: an object of the type, for calls without a space
 * @params: for spaces
 * @size: bytes that every object has
 */
static struct tested {
	const struct axas_backend_type *type;
	int objects;
	long frames;
	struct axas_space *space;
	void *object;
	const struct axas_space_params *params;
	u64 size;
} tested;

static DEFINE_SPINLOCK(counts_lock);

static void count(long frames)
{
	spin_lock(&counts_lock);
	tested.frames += frames;
	spin_unlock(&counts_lock);
}

static int counted_open(u64 arg, bool user, void **object)
{
	int err = tested.type->open(arg, user, object);

	tested.objects += !err;
	return err;
}

static void counted_release(void *object)
{
	if (tested.type->release)
		tested.type->release(object);
	tested.objects--;
}

static int counted_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		       unsigned int n)
{
	int got = tested.type->get(object, offset, order, hpas, n);
	struct axas_space *space = tested.space;

	if (got > 0)
		count((long)min_t(unsigned int, got, n) << order);
	tested.space = NULL;
	if (space)
		axas_space_clear(space);
	return got;
}

static void counted_put(void *object, unsigned int order, const struct axas_hpa *hpas,
			unsigned int n)
{
	count(-((long)n << order));
	tested.type->put(object, order, hpas, n);
}

/* Get, with the checks of what is returned; 0 if there is nothing to go on with. */
static unsigned int get(struct axas_conformance *result, u64 offset, unsigned int order,
			struct axas_hpa *hpas, unsigned int n)
{
	int got = tested.type->get(tested.object, offset, order, hpas, n);

	if (got > (int)n)
		error(result, "%u frames wanted, %d returned", n, got);
	if (got <= 0) {
		if (!order || got != -ENOMEM)
			error(result, "a frame of order %u at %#llx: %d", order, offset, got);
		return 0;
	}
	got = min_t(unsigned int, got, n);
	check_frames(result, order, hpas, got);
	return got;
}

/* One by one, from the last one on, in 4 KiB pieces. */
static void put_backwards(unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	struct axas_hpa piece;
	unsigned int i;

	while (n--)
		for (i = 1u << order; i--;) {
			piece = axas_hpa_offset(hpas[n], (u64)i << AXAS_FRAME_SHIFT);
			tested.type->put(tested.object, 0, &piece, 1);
		}
}

static void get_and_put(struct axas_conformance *result)
{
	struct axas_hpa hpas[BATCH];

	put_backwards(0, hpas, get(result, 0, 0, hpas, BATCH));
}

static void check_large(struct axas_conformance *result)
{
	struct axas_hpa hpa;

	if (tested.type->flags & AXAS_FRAMES_2M && tested.size >= SZ_2M &&
	    get(result, 0, LARGE, &hpa, 1))
		put_backwards(LARGE, &hpa, 1);
}

static struct axas_space *new_space(struct axas_conformance *result)
{
	struct axas_space *space = axas_space_create(tested.params);

	if (!IS_ERR(space))
		return space;
	error(result, "no space: %ld", PTR_ERR(space));
	return NULL;
}

static int map_object(struct axas_space *space, u64 arg)
{
	struct axas_backend_object *object = axas_backend_open("axas-conformance", arg);
	int err;

	if (IS_ERR(object))
		return PTR_ERR(object);
	err = axas_space_map_backend(space, range(GPA, tested.size), object, 0,
				     AXAS_PROT_READ | AXAS_PROT_WRITE, AXAS_TYPE_NORMAL, 0);
	axas_backend_close(object);
	return err;
}

static bool is_page_of(struct axas_space *space, u64 gpa, u8 byte)
{
	u8 mem[64];

	return !axas_read(space, axas_gpa(gpa), mem, sizeof(mem)) &&
	       all_are(mem, byte, sizeof(mem));
}

/* What was written at one offset shows at no other, not even when the frame has come back. */
static void check_content(struct axas_conformance *result, struct axas_space *space)
{
	struct axas_gpa_range first = range(GPA, AXAS_FRAME_SIZE);
	u8 mem[64];
	u64 done;
	u64 at;

	if (!(tested.type->flags & (AXAS_FRAMES_DIRECT | AXAS_FRAMES_WINDOW)))
		return;
	memset(mem, POISON, sizeof(mem));
	if (axas_write(space, axas_gpa(GPA), mem, sizeof(mem)))
		error(result, "the memory is not written");
	if (axas_space_discard(space, &first, 1, &done))
		error(result, "the memory is not discarded");
	for (at = AXAS_FRAME_SIZE; at < min_t(u64, tested.size, SZ_64K); at += AXAS_FRAME_SIZE)
		if (is_page_of(space, GPA + at, POISON))
			error(result, "offset %#llx shows what was written at 0", at);
}

static void check_in_space(struct axas_conformance *result, u64 arg)
{
	struct axas_space *space = new_space(result);
	u64 done;
	int err;

	if (!space)
		return;
	err = map_object(space, arg);
	if (err)
		error(result, "map: %d", err);
	err = axas_space_fault(space, axas_gpa(GPA), AXAS_PROT_READ, NULL);
	if (err != AXAS_FAULT_FIXED)
		error(result, "a fault is answered %d", err);
	check_content(result, space);
	err = axas_space_populate(space, range(GPA, tested.size), &done);
	if (err)
		error(result, "populate: %d after %#llx bytes", err, done);
	err = axas_space_unmap(space, range(GPA + AXAS_FRAME_SIZE, AXAS_FRAME_SIZE));
	if (err)
		error(result, "unmap: %d", err);
	axas_space_clear(space);
	/* The area is gone when get() returns. */
	if (!map_object(space, arg)) {
		tested.space = space;
		err = axas_space_fault(space, axas_gpa(GPA), AXAS_PROT_READ, NULL);
		if (err != AXAS_FAULT_HOLE)
			error(result, "a fault beside an unmap is answered %d", err);
	}
	axas_space_put(space);
}

void axas_conformance_backend(struct axas_conformance *result,
			      const struct axas_space_params *params,
			      const struct axas_backend_type *type, u64 arg, u64 size)
{
	struct axas_backend_type counted = {
		.name = "axas-conformance", .flags = type->flags, .open = counted_open,
		.release = counted_release, .get = counted_get, .put = counted_put,
	};
	int err;

	tested = (struct tested){ .type = type, .params = params, .size = size };
	err = type->open(arg, false, &tested.object);
	if (err) {
		error(result, "open() returned %d", err);
		return;
	}
	get_and_put(result);
	check_large(result);
	at_once(result, get_and_put);
	if (type->release)
		type->release(tested.object);
	if (result->errors)
		return;
	err = axas_backend_register(&counted, THIS_MODULE);
	if (err) {
		error(result, "register: %d", err);
		return;
	}
	check_in_space(result, arg);
	axas_backend_unregister(&counted);
	if (tested.objects || tested.frames)
		error(result, "%d objects and %ld frames are left", tested.objects, tested.frames);
}

static const struct axas_hal *tested_hal;

static void check_zero(struct axas_conformance *result, struct axas_hpa hpa, unsigned int order)
{
	void *va = axas_hal_va(tested_hal, hpa);

	if (axas_hal_pa(tested_hal, va).val != hpa.val)
		error(result, "%#llx is not at the address that it is reached by", hpa.val);
	if (!all_are(va, 0, AXAS_FRAME_SIZE))
		error(result, "the frame at %#llx is not zeroed", hpa.val);
	memset(va, POISON, AXAS_FRAME_SIZE);
}

static void check_page(struct axas_conformance *result, struct axas_hpa hpa)
{
	struct page *page;

	if (!tested_hal->frame_page)
		return;
	page = tested_hal->frame_page(tested_hal, hpa);
	if (page && (page != tested_hal->frame_page(tested_hal, hpa) || page_count(page) < 1))
		error(result, "frame_page() of %#llx has no page of its own", hpa.val);
}

static void free_piece(struct axas_hpa hpa)
{
	tested_hal->free_frame(tested_hal, hpa, 0, 0);
}

/* Several frames, freed from the last on. */
static void alloc_and_free(struct axas_conformance *result)
{
	struct axas_hpa hpas[BATCH];
	unsigned int n = axas_frames_alloc(tested_hal, 0, AXAS_FRAME_ZERO, hpas, BATCH), i;

	if (n > BATCH) {
		error(result, "%u frames instead of %u", n, BATCH);
		return;
	}
	check_frames(result, 0, hpas, n);
	for (i = 0; i < n; i++) {
		check_zero(result, hpas[i], 0);
		check_page(result, hpas[i]);
	}
	while (n)
		free_piece(hpas[--n]);
}

/* A large frame in pieces, its last ones first; a table as a whole. */
static void check_orders(struct axas_conformance *result)
{
	struct axas_hpa hpa;
	unsigned int i;

	if (!tested_hal->alloc_frame(tested_hal, LARGE, AXAS_FRAME_ZERO, &hpa)) {
		check_frames(result, LARGE, &hpa, 1);
		for (i = 1u << LARGE; i--;) {
			struct axas_hpa piece = axas_hpa_offset(hpa, (u64)i << AXAS_FRAME_SHIFT);

			check_zero(result, piece, 0);
			free_piece(piece);
		}
	}
	for (i = 0; i <= 2; i++) {
		u32 flags = AXAS_FRAME_ZERO | AXAS_FRAME_TABLE;

		if (tested_hal->alloc_frame(tested_hal, i, flags, &hpa))
			continue;
		check_frames(result, i, &hpa, 1);
		check_zero(result, hpa, i);
		tested_hal->free_frame(tested_hal, hpa, i, AXAS_FRAME_TABLE);
	}
}

void axas_conformance_hal(struct axas_conformance *result, const struct axas_hal *hal)
{
	tested_hal = hal;
	alloc_and_free(result);
	alloc_and_free(result);
	check_orders(result);
	at_once(result, alloc_and_free);
}

/**
 * struct guest - the consumer that is checked
 * @result: of the run
 * @space: its space
 * @read: its read
 * @ctx: for @read
 * @root: the root at the start
 */
struct guest {
	struct axas_conformance *result;
	struct axas_space *space;
	int (*read)(void *ctx, u64 gpa, u64 *val);
	void *ctx;
	u64 root;
};

static void expect_read(struct guest *guest, u64 gpa, u64 want, const char *when)
{
	u64 val = ~want;
	int err = guest->read(guest->ctx, gpa, &val);

	if (err || val != want)
		error(guest->result, "after %s the guest reads %#llx, not %#llx (%d)", when, val,
		      want, err);
	if (axas_space_root(guest->space).val != guest->root)
		error(guest->result, "the root changed");
}

static void expect_gone(struct guest *guest, u64 gpa, const char *when)
{
	u64 val;

	if (!guest->read(guest->ctx, gpa, &val))
		error(guest->result, "after %s the guest still reads", when);
}

static void write_word(struct guest *guest, u64 gpa, u64 val)
{
	int err = axas_write_obj(guest->space, axas_gpa(gpa), AXAS_WIDTH_64, val);

	if (err)
		error(guest->result, "write: %d", err);
}

static void change(struct guest *guest, int err)
{
	if (err)
		error(guest->result, "a call on the space: %d", err);
}

static int map_memory(struct guest *guest, u32 prot)
{
	return axas_space_map_alloc(guest->space, range(GPA, SZ_4M), prot, AXAS_TYPE_NORMAL, 0);
}

void axas_conformance_consumer(struct axas_conformance *result, struct axas_space *space,
			       int (*read)(void *ctx, u64 gpa, u64 *val), void *ctx)
{
	u32 rw = AXAS_PROT_READ | AXAS_PROT_WRITE;
	struct guest guest = { result, space, read, ctx, axas_space_root(space).val };
	struct axas_gpa_range page = range(GPA, AXAS_FRAME_SIZE);
	u64 done;

	change(&guest, map_memory(&guest, rw));
	write_word(&guest, GPA, 1);
	expect_read(&guest, GPA, 1, "map");
	/* A read-only leaf, then a new frame, with a flush between. */
	change(&guest, axas_space_protect(space, page, AXAS_PROT_READ));
	expect_read(&guest, GPA, 1, "protect");
	change(&guest, axas_space_discard(space, &page, 1, &done));
	expect_read(&guest, GPA, 0, "discard");
	change(&guest, axas_space_protect(space, page, rw));
	write_word(&guest, GPA, 2);
	expect_read(&guest, GPA, 2, "write");
	/* A table that goes, and another one in its place. */
	change(&guest, axas_space_unmap(space, range(GPA, SZ_4M)));
	expect_gone(&guest, GPA, "unmap");
	change(&guest, map_memory(&guest, rw));
	write_word(&guest, GPA + SZ_2M, 3);
	expect_read(&guest, GPA + SZ_2M, 3, "unmap and map");
	expect_read(&guest, GPA, 0, "unmap and map");
	axas_space_clear(space);
	expect_gone(&guest, GPA + SZ_2M, "clear");
}
