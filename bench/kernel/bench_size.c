// SPDX-License-Identifier: GPL-2.0-only
/*
 * Costs as a function of the size of an area: some grow with it, some must not.
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
	{ "4k", SZ_4K }, { "64k", SZ_64K }, { "1m", SZ_1M }, { "2m", SZ_2M }, { "64m", SZ_64M },
	{ "1g", SZ_1G }, { "4g", 4ull * SZ_1G }, { "8g", 8ull * SZ_1G }, { "64g", 64ull * SZ_1G },
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
		bench_ignore(axas_space_map_alloc(space, range, RWX, AXAS_TYPE_NORMAL,
						  AXAS_MAP_HUGE_NEVER));
		bench_end(&lazy, 1);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, range));
		bench_end(&unmap, 1);
		bench_ignore(axas_space_map_alloc(space, range, RWX, AXAS_TYPE_NORMAL,
						  AXAS_MAP_HUGE_NEVER));
		bench_begin(&fault);
		axas_space_fault(space, axas_gpa_range_last(range), AXAS_PROT_READ, NULL);
		bench_end(&fault, 1);
		bench_ignore(axas_space_unmap(space, range));
		bench_begin(&linear);
		if (axas_space_map_linear(space, range, axas_hpa(LINEAR), RWX, AXAS_TYPE_NORMAL))
			bench_fail("linear", -EINVAL);
		bench_end(&linear, 1);
		bench_ignore(axas_space_unmap(space, range));
	}
	bench_report(&lazy);
	bench_report(&unmap);
	bench_report(&fault);
	bench_report(&linear);
}

#define LARGEST	(4ull * SZ_1G)
#define FEW	4	/* samples of operations of millions of instructions */

/*
 * Map, protect and unmap a linear area, per leaf. The memory is offset by @size from a larger
 * alignment, so that all leaves have @size.
 */
static void bench_leaves(struct axas_space *space, const char *leaf, u64 size,
			 const char *name, u64 bytes)
{
	struct axas_gpa_range range = bench_range(GPA, bytes);
	char text[3][64];
	struct bench linear = BENCH_TICKS(text[0]);
	struct bench protect = BENCH_TICKS(text[1]);
	struct bench unmap = BENCH_TICKS(text[2]);
	u64 leaves = bytes / size;
	unsigned int i;

	snprintf(text[0], sizeof(text[0]), "leaves.linear_by_%s.%s", leaf, name);
	snprintf(text[1], sizeof(text[1]), "leaves.protect_by_%s.%s", leaf, name);
	snprintf(text[2], sizeof(text[2]), "leaves.unmap_by_%s.%s", leaf, name);
	for (i = 0; i < FEW; i++) {
		bench_begin(&linear);
		if (axas_space_map_linear(space, range, axas_hpa(LINEAR + size), RWX,
					  AXAS_TYPE_NORMAL))
			bench_fail("linear", -EINVAL);
		bench_end(&linear, leaves);
		bench_begin(&protect);
		bench_ignore(axas_space_protect(space, range, AXAS_PROT_READ));
		bench_end(&protect, leaves);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, range));
		bench_end(&unmap, leaves);
	}
	bench_report(&linear);
	bench_report(&protect);
	bench_report(&unmap);
}

static void bench_small_leaves(struct axas_space *space, const char *name, u64 bytes)
{
	bench_leaves(space, "4k", SZ_4K, name, bytes);
	if (bytes >= SZ_64M)
		bench_leaves(space, "2m", SZ_2M, name, bytes);
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
		if (sizes[i].bytes >= SZ_1M && sizes[i].bytes <= LARGEST)
			bench_small_leaves(space, sizes[i].name, sizes[i].bytes);
		axas_space_put(space);
	}
}
