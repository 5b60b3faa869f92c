/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Vocabulary of the proofs: assumptions, claims, and points that must be reachable. A claim
 * after an unsatisfiable assumption would hold vacuously, so each proof runs again with
 * -DREACHED and must then fail at every reached().
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
