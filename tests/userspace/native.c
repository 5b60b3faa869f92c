// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds on this machine of the core, built with the kernel's flags (the Makefile's modes
 * native and retpoline): one thread on one CPU, no lock debugging.
 *
 *   native [ROUNDS]
 *
 * Each row is two lines in the format of scripts/bench.sh: the minimum of all rounds, which is
 * the most reliable figure on a shared machine, and the median. A wrong result ends the program.
 *
 * The costs of Linux are left out, or are those of the shims: frames are allocated beforehand
 * and come from a stack; frames of guests are never zeroed, tables are. A grace period has no
 * readers to wait for, an uncontended semaphore is one atomic, and the tree of areas is not the
 * kernel's.
 */
#include <axas/access.h>
#include <axas/image.h>
#include <sched.h>

#include "axas_image.h"
#include "axas_space.h"

#define BASE		((u64)SZ_1G)
#define PAGES		8192u
#define SIZE		(PAGES * (u64)SZ_4K)
#define HOT		512u	/* reads and writes of the same bytes per round */
#define MOST_ROUNDS	1000u

#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)

/* Enough for all pages and their tables. */
#define FRAMES		(PAGES + PAGES / 512 + 64)

static struct axas_space *space;
static struct axas_hpa frames[FRAMES];
static unsigned int nr_frames;
static u8 buf[SZ_4K], other_buf[SZ_4K];

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("failed: %s\n", what);
	exit(1);
}

static unsigned int stack_alloc_frames(const struct axas_hal *hal, unsigned int order, u32 flags,
				       struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	if (order)
		return 0;
	n = min(n, nr_frames);
	for (i = 0; i < n; i++)
		hpas[i] = frames[--nr_frames];
	return n;
}

static int stack_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		       struct axas_hpa *hpa)
{
	if (!stack_alloc_frames(hal, order, flags, hpa, 1))
		return -ENOMEM;
	if (flags & AXAS_FRAME_TABLE && flags & AXAS_FRAME_ZERO)
		clear_page(__va(hpa->val));
	return 0;
}

static void stack_free_frames(const struct axas_hal *hal, unsigned int order,
			      const struct axas_hpa *hpas, unsigned int n)
{
	while (n--)
		frames[nr_frames++] = *hpas++;
}

static void stack_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		       u32 flags)
{
	frames[nr_frames++] = hpa;
}

static const struct axas_hal stack_hal = {
	.name		= "stack",
	/* At most the address bits of entries, so that frames need no check. */
	.phys_bits	= 48,
	.alloc_frame	= stack_alloc,
	.free_frame	= stack_free,
	.alloc_frames	= stack_alloc_frames,
	.free_frames	= stack_free_frames,
};

static void take_frames(void)
{
	while (nr_frames < FRAMES) {
		struct page *page = alloc_page(GFP_KERNEL);

		check(page, "memory");
		frames[nr_frames++] = axas_hpa(page_to_phys(page));
	}
}

/*
 * Frames for a guest of 64 GiB: addresses alone, of which there are enough; nobody looks at what
 * they have. Its 32,833 tables are memory.
 */
#define LARGE		((u64)SZ_1G * 64)
#define LARGE_ROUNDS	3
#define NO_MEMORY	BIT_ULL(44)	/* addresses from here on have none */

static int large_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		       struct axas_hpa *hpa)
{
	static u64 next = NO_MEMORY;
	struct page *page;

	if (!(flags & AXAS_FRAME_TABLE)) {
		*hpa = axas_hpa(next);
		next += (u64)SZ_4K << order;
		return 0;
	}
	page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
	if (!page)
		return -ENOMEM;
	*hpa = axas_hpa(page_to_phys(page));
	return 0;
}

static void large_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		       u32 flags)
{
	if (flags & AXAS_FRAME_TABLE)
		__free_pages(virt_to_page(__va(hpa.val)), order);
}

static const struct axas_hal large_hal = {
	.name		= "large",
	.phys_bits	= 48,
	.alloc_frame	= large_alloc,
	.free_frame	= large_free,
};

static struct axas_gpa page(unsigned int i)
{
	return axas_gpa(BASE + i * (u64)SZ_4K);
}

/* Visits every page once, in an order that defeats prefetchers. */
static struct axas_gpa scattered(unsigned int i)
{
	return page(i * 2654435761u % PAGES);
}

static void map(u32 flags)
{
	axas_space_clear(space);
	check(!axas_space_map_alloc(space, axas_gpa_range(page(0), SIZE), RW, AXAS_TYPE_NORMAL,
				    AXAS_MAP_HUGE_NEVER | flags), "map");
}

static void map_lazy(void)
{
	map(0);
}

static void map_all(void)
{
	map(AXAS_MAP_POPULATE);
}

static void fault_each(struct axas_gpa (*of)(unsigned int i), int expected)
{
	unsigned int i;
	int wrong = 0;

	for (i = 0; i < PAGES; i++)
		wrong |= axas_space_fault(space, of(i), RW, NULL) ^ expected;
	check(!wrong, "fault");
}

static void run_fault(void)
{
	fault_each(page, AXAS_FAULT_FIXED);
}

static void run_fault_anywhere(void)
{
	fault_each(scattered, AXAS_FAULT_FIXED);
}

static void run_fault_spurious(void)
{
	fault_each(page, AXAS_FAULT_SPURIOUS);
}

/* Allocate the tables and access each of them on this CPU. */
static void map_tables(void)
{
	unsigned int i;

	map_lazy();
	for (i = 0; i < PAGES; i += 512)
		axas_space_fault(space, page(i), RW, NULL);
}

/* On AXAS_FAULT_RETRY a vCPU would leave its loop: axas_space_fault() follows. */
static void run_fault_nowait(void)
{
	unsigned int i, retries = 0;

	for (i = 0; i < PAGES; i++) {
		if (axas_space_fault_nowait(space, page(i), RW) != AXAS_FAULT_RETRY)
			continue;
		axas_space_fault(space, page(i), RW, NULL);
		retries++;
	}
	check(retries < PAGES / 32, "nowait");
}

static void translate_each(struct axas_gpa (*of)(unsigned int i))
{
	struct axas_translation to;
	unsigned int i;
	int wrong = 0;

	for (i = 0; i < PAGES; i++)
		wrong |= axas_space_translate(space, of(i), &to);
	check(!wrong, "translate");
}

static void run_translate(void)
{
	translate_each(page);
}

static void run_translate_anywhere(void)
{
	translate_each(scattered);
}

static void read_hot(size_t len)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOT; i++)
		err |= axas_read(space, page(0), buf, len);
	check(!err, "read");
}

static void write_hot(size_t len)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HOT; i++)
		err |= axas_write(space, page(0), buf, len);
	check(!err, "write");
}

static void run_read_8(void)
{
	read_hot(8);
}

static void run_read_64(void)
{
	read_hot(64);
}

static void run_read_4k(void)
{
	read_hot(SZ_4K);
}

static void run_write_8(void)
{
	write_hot(8);
}

static void run_write_64(void)
{
	write_hot(64);
}

static void run_write_4k(void)
{
	write_hot(SZ_4K);
}

static void run_populate(void)
{
	u64 done;

	check(!axas_space_populate(space, axas_gpa_range(page(0), SIZE), &done), "populate");
}

static void run_protect(void)
{
	check(!axas_space_protect(space, axas_gpa_range(page(0), SIZE), AXAS_PROT_READ), "protect");
}

static void run_unmap(void)
{
	check(!axas_space_unmap(space, axas_gpa_range(page(0), SIZE)), "unmap");
}

/* The part of Linux in a read, and in zeroing a frame. */
static void run_memcpy_4k(void)
{
	unsigned int i;

	for (i = 0; i < HOT; i++) {
		memcpy(buf, other_buf, sizeof(buf));
		barrier();
	}
}

static void run_clear_page(void)
{
	unsigned int i;

	for (i = 0; i < HOT; i++) {
		clear_page(buf);
		barrier();
	}
}

static const struct row {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
	unsigned int n;
} rows[] = {
	{ "fault", map_lazy, run_fault, PAGES },
	{ "fault_anywhere", map_lazy, run_fault_anywhere, PAGES },
	{ "fault_nowait", map_tables, run_fault_nowait, PAGES },
	{ "fault_spurious", map_all, run_fault_spurious, PAGES },
	{ "translate", map_all, run_translate, PAGES },
	{ "translate_anywhere", map_all, run_translate_anywhere, PAGES },
	{ "read_8", map_all, run_read_8, HOT },
	{ "read_64", map_all, run_read_64, HOT },
	{ "read_4k", map_all, run_read_4k, HOT },
	{ "write_8", map_all, run_write_8, HOT },
	{ "write_64", map_all, run_write_64, HOT },
	{ "write_4k", map_all, run_write_4k, HOT },
	{ "populate", map_lazy, run_populate, PAGES },
	{ "protect", map_all, run_protect, PAGES },
	{ "unmap", map_all, run_unmap, PAGES },
	{ "floor_memcpy_4k", map_all, run_memcpy_4k, HOT },
	{ "floor_clear_page", map_all, run_clear_page, HOT },
};

static int compare(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, double *ns, unsigned int rounds)
{
	qsort(ns, rounds, sizeof(*ns), compare);
	printf("%s.least %.3f %u 0\n", name, ns[0], rounds);
	printf("%s.median %.3f %u 0\n", name, ns[rounds / 2], rounds);
}

static void measure(const struct row *row, unsigned int rounds)
{
	double ns[MOST_ROUNDS];
	unsigned int i;
	u64 start;

	for (i = 0; i < rounds; i++) {
		row->prepare();
		start = ktime_get_ns();
		row->run();
		ns[i] = (double)(ktime_get_ns() - start) / row->n;
	}
	report(row->name, ns, rounds);
}

/* One freeze and clone of a new space, whose 4 KiB leaves are all there. */
static double fork_large(void)
{
	struct axas_space_params params = { .hal = &large_hal };
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(BASE), LARGE);
	struct axas_npt_caps caps = axas_npt_svm.caps;
	struct axas_space *parent, *clone;
	struct axas_image *image;
	u64 start, ns;

	parent = axas_space_create_fmt(&params, &axas_npt_svm, &caps);
	check(!IS_ERR(parent), "create a large space");
	check(!axas_space_map_alloc(parent, range, RW, AXAS_TYPE_NORMAL,
				    AXAS_MAP_HUGE_NEVER | AXAS_MAP_POPULATE), "map 64 GiB");
	start = ktime_get_ns();
	image = axas_space_freeze(parent);
	check(!IS_ERR(image), "freeze");
	clone = axas_image_clone(image, 0);
	ns = ktime_get_ns() - start;
	check(!IS_ERR(clone), "clone");
	check(axas_npt_leaves(&image->base->npt, 0) == LARGE / SZ_4K, "leaves of an image");
	axas_space_put(clone);
	axas_image_put(image);
	axas_space_put(parent);
	return ns;
}

static void measure_large(void)
{
	double ns[LARGE_ROUNDS];
	unsigned int i;

	for (i = 0; i < LARGE_ROUNDS; i++)
		ns[i] = fork_large();
	report("freeze_clone_64g", ns, LARGE_ROUNDS);
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	check(!sched_setaffinity(0, sizeof(set), &set), "one CPU");
}

int main(int argc, char **argv)
{
	struct axas_space_params params = { .hal = &stack_hal };
	struct axas_npt_caps caps = axas_npt_svm.caps;
	unsigned int i, rounds = argc > 1 ? atoi(argv[1]) : 301;

	check(rounds && rounds <= MOST_ROUNDS, "from 1 to 1,000 rounds");
	pin();
	take_frames();
	space = axas_space_create_fmt(&params, &axas_npt_svm, &caps);
	check(!IS_ERR(space), "create a space");
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		measure(&rows[i], rounds);
	measure_large();
	axas_space_put(space);
	check(nr_frames == FRAMES, "a frame is lost");
	fprintf(stderr, "native: %zu rows, %u rounds\n", ARRAY_SIZE(rows) + 1, rounds);
	return 0;
}
