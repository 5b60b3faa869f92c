/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every proof says: what it takes for granted, what it claims, and where it must get
 * to. A claim behind an assumption that nothing meets would always hold; so each proof is
 * run once more with -DREACHED, and must then fail wherever it says reached().
 */
#ifndef PROOFS_PROOF_H
#define PROOFS_PROOF_H

#define assume(x)	__CPROVER_assume(x)

#ifdef REACHED
#define claim(x, text)	((void)(x))
#define reached(text)	__CPROVER_assert(0, "reached: " text)
#else
#define claim(x, text)	__CPROVER_assert(x, "claim: " text)
#define reached(text)	((void)0)
#endif

#endif /* PROOFS_PROOF_H */
