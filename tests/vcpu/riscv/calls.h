/* SPDX-License-Identifier: GPL-2.0-only */
/* SBI extensions between guests.S and the tests, in a7. */
#ifndef RISCV_CALLS_H
#define RISCV_CALLS_H

#define SBI_PUTCHAR	0x01		/* the legacy console */
#define SBI_SHUTDOWN	0x08
#define SBI_IPI		0x735049
#define SBI_TIME	0x54494d45
#define SBI_HSM		0x48534d
#define SBI_SRST	0x53525354
#define SBI_CLAIM	0x0a617861	/* AXVCPU_RISCV_SBI_CLAIM */
#define SBI_DONE	0x0a646f6e	/* a guest's end: a0 is its result */

#endif /* RISCV_CALLS_H */
