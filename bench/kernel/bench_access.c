// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory accesses by the kernel on the hot path: repeated accesses to the same bytes of
 * populated memory.
 */
#include <linux/slab.h>
#include <axas/access.h>

#include "bench.h"

#define GPA	((u64)SZ_1G)
#define BATCH	16

static void bench_one(struct axas_space *space, const char *read_name, const char *write_name,
		      void *buf, size_t len)
{
	struct bench read = BENCH(read_name);
	struct bench write = BENCH(write_name);
	int i, n = len > SZ_64K ? 1 : BATCH, err = 0;

	while (bench_more(&read) || bench_more(&write)) {
		bench_begin(&read);
		for (i = 0; i < n; i++)
			err |= axas_read(space, axas_gpa(GPA), buf, len);
		bench_end(&read, n);
		bench_begin(&write);
		for (i = 0; i < n; i++)
			err |= axas_write(space, axas_gpa(GPA), buf, len);
		bench_end(&write, n);
	}
	if (err)
		bench_fail("read and write", err);
	bench_report(&read);
	bench_report(&write);
}

static void bench_obj(struct axas_space *space)
{
	struct bench read = BENCH("access.read_obj_8");
	struct bench write = BENCH("access.write_obj_8");
	u64 val = 0;
	int i;

	while (bench_more(&read) || bench_more(&write)) {
		bench_begin(&read);
		for (i = 0; i < BATCH; i++)
			bench_ignore(axas_read_obj(space, axas_gpa(GPA), AXAS_WIDTH_64, &val));
		bench_end(&read, BATCH);
		bench_begin(&write);
		for (i = 0; i < BATCH; i++)
			bench_ignore(axas_write_obj(space, axas_gpa(GPA), AXAS_WIDTH_64, val));
		bench_end(&write, BATCH);
	}
	bench_report(&read);
	bench_report(&write);
}

static void bench_leaves(struct axas_space *space, void *buf, u32 flags, const char *read_1m,
			 const char *write_1m)
{
	int err = axas_space_map_alloc(space, bench_range(GPA, SZ_2M), AXAS_PROT_MASK,
				       AXAS_TYPE_NORMAL, flags | AXAS_MAP_POPULATE);

	if (err) {
		bench_fail("map", err);
		return;
	}
	if (flags & AXAS_MAP_HUGE_NEVER) {
		bench_one(space, "access.read_8", "access.write_8", buf, 8);
		bench_one(space, "access.read_64", "access.write_64", buf, 64);
		bench_one(space, "access.read_4k", "access.write_4k", buf, SZ_4K);
		bench_obj(space);
	}
	bench_one(space, read_1m, write_1m, buf, SZ_1M);
	axas_space_clear(space);
}

void bench_access(void)
{
	struct axas_space *space = bench_space(NULL);
	void *buf = kvzalloc(SZ_1M, GFP_KERNEL);

	if (space && buf) {
		bench_leaves(space, buf, AXAS_MAP_HUGE_NEVER, "access.read_1m", "access.write_1m");
		bench_leaves(space, buf, AXAS_MAP_HUGE_ALWAYS, "access.read_1m_of_2m_leaves",
			     "access.write_1m_of_2m_leaves");
	}
	kvfree(buf);
	axas_space_put(space);
}
