// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cost against size: what depends on how large an area is, and what must not.
 */
#include <linux/kernel.h>

#include "bench.h"

#define GPA	((u64)SZ_1G * 64)
#define LINEAR	((u64)SZ_1G * 64)
#define RWX	AXAS_PROT_MASK

static const struct {
	const char *name;
	u64 bytes;
} sizes[] = {
	{ "4k", SZ_4K }, { "64k", SZ_64K }, { "2m", SZ_2M }, { "64m", SZ_64M },
	{ "1g", SZ_1G }, { "8g", 8ull * SZ_1G }, { "64g", 64ull * SZ_1G },
};

static void bench_one(struct axas_space *space, const char *name, u64 bytes)
{
	struct axas_gpa_range range = bench_range(GPA, bytes);
	char text[4][64];
	struct bench lazy = BENCH_SLEEPS(text[0]);
	struct bench unmap = BENCH_SLEEPS(text[1]);
	struct bench fault = BENCH(text[2]);
	struct bench linear = BENCH(text[3]);

	snprintf(text[0], sizeof(text[0]), "size.map_lazy.%s", name);
	snprintf(text[1], sizeof(text[1]), "size.unmap_untouched.%s", name);
	snprintf(text[2], sizeof(text[2]), "size.first_fault.%s", name);
	snprintf(text[3], sizeof(text[3]), "size.linear_aligned.%s", name);
	while (bench_more(&lazy) || bench_more(&linear)) {
		bench_begin(&lazy);
		axas_space_map_alloc(space, range, RWX, AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER);
		bench_end(&lazy, 1);
		bench_begin(&unmap);
		axas_space_unmap(space, range);
		bench_end(&unmap, 1);
		axas_space_map_alloc(space, range, RWX, AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER);
		bench_begin(&fault);
		axas_space_fault(space, axas_gpa_range_last(range), AXAS_PROT_READ, NULL);
		bench_end(&fault, 1);
		axas_space_unmap(space, range);
		bench_begin(&linear);
		if (axas_space_map_linear(space, range, axas_hpa(LINEAR), RWX, AXAS_TYPE_NORMAL))
			bench_fail("linear", -EINVAL);
		bench_end(&linear, 1);
		axas_space_unmap(space, range);
	}
	bench_report(&lazy);
	bench_report(&unmap);
	bench_report(&fault);
	bench_report(&linear);
}

void bench_size(void)
{
	struct axas_space *space;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		space = bench_space(NULL);
		if (!space)
			return;
		bench_one(space, sizes[i].name, sizes[i].bytes);
		axas_space_put(space);
	}
}
