/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls between guests.S and the tests. */
#ifndef ARM64_CALLS_H
#define ARM64_CALLS_H

/* SMCCC: vendor specific hypervisor services, fast, 64 bits. Arm DEN 0028, chapter 6 */
#define CALL_DONE	0xc6000001	/* X1 is the result */
#define CALL_PUTC	0xc6000002	/* W1 is a character */

#endif /* ARM64_CALLS_H */
