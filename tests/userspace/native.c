// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds on this machine, of the core built with the kernel's own flags (see the
 * Makefile's native and native-retpoline): no lock debugging, one thread, nobody else. What
 * Linux adds is only as good as the shims: pages come from a list of the CPU's own, a grace
 * period costs next to nothing, and the tree of areas is not the kernel's (it is most of
 * what the unmap of one page takes here). The least of all rounds says most: it is good for
 * comparing the core with itself.
 */
#include <axas/access.h>

#include "axas_space.h"

#define BASE		((u64)SZ_1G)
#define PAGES		8192u
#define SIZE		(PAGES * (u64)SZ_4K)
#define ROUNDS		15
#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)

static struct axas_space *space;

static struct axas_gpa page(unsigned int i)
{
	return axas_gpa(BASE + i * (u64)SZ_4K);
}

/* Every page once, in an order that no prefetcher guesses. */
static struct axas_gpa scattered(unsigned int i)
{
	return page(i * 2654435761u % PAGES);
}

static void map(u32 flags)
{
	if (axas_space_map_alloc(space, axas_gpa_range(page(0), SIZE), RW, AXAS_TYPE_NORMAL, flags))
		abort();
}

static void clear(void)
{
	axas_space_clear(space);
}

static void map_lazy(void)
{
	clear();
	map(AXAS_MAP_HUGE_NEVER);
}

static void map_all(void)
{
	clear();
	map(AXAS_MAP_HUGE_NEVER | AXAS_MAP_POPULATE);
}

static void map_huge(void)
{
	clear();
	map(AXAS_MAP_POPULATE);
}

static void run_fault(void)
{
	for (unsigned int i = 0; i < PAGES; i++)
		axas_space_fault(space, page(i), RW, NULL);
}

static void run_fault_scattered(void)
{
	for (unsigned int i = 0; i < PAGES; i++)
		axas_space_fault(space, scattered(i), RW, NULL);
}

/* A table is there, and this CPU has found it: the rest is the nowait's. */
static void run_fault_nowait(void)
{
	struct axas_translation to;

	for (unsigned int i = 0; i < PAGES; i += 512) {
		axas_space_fault(space, page(i), RW, NULL);
		axas_space_translate(space, page(i), &to);
	}
	for (unsigned int i = 0; i < PAGES; i++)
		axas_space_fault_nowait(space, page(i), RW);
}

static void run_translate(void)
{
	struct axas_translation to;

	for (unsigned int i = 0; i < PAGES; i++)
		axas_space_translate(space, page(i), &to);
}

static void run_translate_scattered(void)
{
	struct axas_translation to;

	for (unsigned int i = 0; i < PAGES; i++)
		axas_space_translate(space, scattered(i), &to);
}

static void run_read(void)
{
	u64 val;

	for (unsigned int i = 0; i < PAGES; i++)
		axas_read_obj(space, page(i), AXAS_WIDTH_64, &val);
}

static void run_write_64(void)
{
	u64 buf[8] = {};

	for (unsigned int i = 0; i < PAGES; i++)
		axas_write(space, page(i), buf, sizeof(buf));
}

static void run_populate(void)
{
	u64 done;

	if (axas_space_populate(space, axas_gpa_range(page(0), SIZE), &done))
		abort();
}

static void run_unmap_each(void)
{
	for (unsigned int i = 0; i < PAGES; i++)
		axas_space_unmap(space, axas_gpa_range(page(i), SZ_4K));
}

static void run_unmap(void)
{
	axas_space_unmap(space, axas_gpa_range(page(0), SIZE));
}

static void run_protect(void)
{
	axas_space_protect(space, axas_gpa_range(page(0), SIZE), AXAS_PROT_READ);
}

static const struct row {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
	unsigned int n;
} rows[] = {
	{ "fault, new page in order (with 4 KiB of zeroes)", map_lazy, run_fault, PAGES },
	{ "fault, new page anywhere", map_lazy, run_fault_scattered, PAGES },
	{ "fault, page there already", map_all, run_fault, PAGES },
	{ "fault_nowait, new page in order", map_lazy, run_fault_nowait, PAGES },
	{ "translate, in order", map_all, run_translate, PAGES },
	{ "translate, anywhere", map_all, run_translate_scattered, PAGES },
	{ "translate, 2 MiB leaves", map_huge, run_translate, PAGES },
	{ "read of 8 bytes", map_all, run_read, PAGES },
	{ "read of 8 bytes, 2 MiB leaves", map_huge, run_read, PAGES },
	{ "write of 64 bytes", map_all, run_write_64, PAGES },
	{ "populate, per 4 KiB", map_lazy, run_populate, PAGES },
	{ "unmap of one page", map_all, run_unmap_each, PAGES },
	{ "unmap of all, per 4 KiB", map_all, run_unmap, PAGES },
	{ "protect of all, per 4 KiB", map_all, run_protect, PAGES },
};

static int compare(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	struct axas_space_params params = {};
	struct axas_npt_caps caps = axas_npt_svm.caps;
	double ns[ROUNDS];
	unsigned int i, j;

	space = axas_space_create_fmt(&params, &axas_npt_svm, &caps);
	if (IS_ERR(space))
		return 1;
	printf("%-52s %8s %8s\n", "ns each", "least", "median");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (j = 0; j < ROUNDS; j++) {
			u64 start;

			rows[i].prepare();
			start = ktime_get_ns();
			rows[i].run();
			ns[j] = (double)(ktime_get_ns() - start) / rows[i].n;
		}
		qsort(ns, ROUNDS, sizeof(*ns), compare);
		printf("%-52s %8.1f %8.1f\n", rows[i].name, ns[0], ns[ROUNDS / 2]);
	}
	axas_space_put(space);
	return 0;
}
