// SPDX-License-Identifier: GPL-2.0-only
/*
 * Range checks of a space and its operations, for every request, up to the last byte of 64 bits.
 */
#include "linux.h"
#include "proof.h"
#include "axas_space.c"

#define END	((u66)1 << 64)

/* The range of a new space: the whole table, or the requested part in multiples of 4 KiB. */
static struct axas_space birth(void)
{
	struct axas_space_params params = { .base = axas_gpa(nondet_u64()),
					    .size = nondet_u64() };
	struct axas_space space = { .npt.ia_bits = nondet_u32() };
	u66 base = params.base.val, end, table;
	int err;

	assume(space.npt.ia_bits >= 21 && space.npt.ia_bits <= 64);
	table = (u66)1 << space.npt.ia_bits;
	end = params.size ? base + params.size : table;
	err = params_range(&params, &space.npt, &space.range);
	claim(!err || err == -EINVAL, "a range is taken, or it is invalid");
	claim(!err == (base < end && end <= table && !(base & 4095) && !(end & 4095) &&
		       end - base < END), "taken is what lies in the table in whole 4 KiB");
	assume(!err);
	reached("a space");
	claim(space.range.start.val == base && base + space.range.size == end,
	      "and nothing is rounded");
	return space;
}

int main(void)
{
	struct axas_space space = birth();
	struct axas_gpa_range r = axas_gpa_range(axas_gpa(nondet_u64()), nondet_u64());
	bool ok = axas_space_range_ok(&space, r);

	claim(ok == (r.size && !(r.start.val & 4095) && !(r.size & 4095) &&
		     r.start.val >= space.range.start.val &&
		     (u66)(r.start.val - space.range.start.val) + r.size <= space.range.size),
	      "an operation's range is whole 4 KiB inside the space");
	if (ok)
		reached("a range");
	return 0;
}
