// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses and ranges of one kind (-DKIND=gpa, hpa, gva), for every value, against the same
 * computation in more bits, which cannot wrap. Each function uses its own values: a solver is
 * fastest with independent claims.
 */
#include "linux.h"
#include <axas/addr.h>
#include "proof.h"

#define END		((u66)1 << 64)
#define PASTE(k, fn)	axas_##k##fn
#define KINDS(k, fn)	PASTE(k, fn)
#define A(fn)		KINDS(KIND, fn)		/* _add gives axas_gpa_add */

#define addr	struct A()
#define range	struct A(_range)

static addr any_addr(void)
{
	return (addr){ nondet_u64() };
}

static range any_range(void)
{
	return (range){ any_addr(), nondet_u64() };
}

static u66 end(range r)
{
	return (u66)r.start.val + r.size;
}

static void sums(void)
{
	u64 bytes = nondet_u64();
	addr a = any_addr(), sum;
	bool ok = A(_add)(a, bytes, &sum);

	claim(ok == ((u66)a.val + bytes < END), "a sum that wraps is none");
	claim(!ok || sum.val == (u66)a.val + bytes, "a sum is the sum");
	claim(!ok || A(_offset)(a, bytes).val == sum.val, "an offset is the sum");
}

static void alignment(void)
{
	u64 shift = nondet_u64();
	addr a = any_addr();

	assume(shift < 64);
	claim(A(_is_aligned)(a, 1ull << shift) == (a.val >> shift << shift == a.val),
	      "aligned is a multiple");
}

static void valid(void)
{
	range r = any_range();
	bool ok = A(_range_valid)(r);

	claim(ok == (!r.size || end(r) <= END), "valid does not wrap");
	claim(!ok || !r.size || A(_range_last)(r).val == end(r) - 1, "the last byte is the last");
}

static void contains(void)
{
	range r = any_range();
	addr a = any_addr();

	assume(A(_range_valid)(r));
	claim(A(_range_contains)(r, a) == (a.val >= r.start.val && a.val < end(r)),
	      "contained is from the first byte to the last");
}

/* The outer start is subtracted on both sides: sums of three terms are slow to compare. */
static void covers(void)
{
	range r = any_range(), s = any_range();

	claim(A(_range_covers)(s, r) ==
	      (A(_range_valid)(s) && A(_range_valid)(r) && r.start.val >= s.start.val &&
	       (u66)(r.start.val - s.start.val) + r.size <= s.size),
	      "covered is inside, both valid");
}

static void overlaps(void)
{
	range r = any_range(), s = any_range();

	assume(A(_range_valid)(r) && A(_range_valid)(s));
	reached("valid ranges");
	claim(A(_range_overlaps)(r, s) ==
	      (r.size && s.size && r.start.val < end(s) && s.start.val < end(r)),
	      "overlapping shares a byte");
}

int main(void)
{
	sums();
	alignment();
	valid();
	contains();
	covers();
	overlaps();
	return 0;
}
