/* SPDX-License-Identifier: GPL-2.0-only */
/* RISC-V: guests run in VS-mode with paging off and end with an SBI call. */
#ifndef AXVCPU_TEST_ARCH_H
#define AXVCPU_TEST_ARCH_H

#include "calls.h"

#define ARCH_MODE		AXVCPU_MODE_VS
#define ARCH_STATE		struct axvcpu_riscv_state	/* of AXVCPU_SAVE */
#define ARCH_OTHER_FORMAT	AXAS_FORMAT_EPT
#define ARCH_CAPS		(AXAS_CAP_GSTAGE_SVPBMT | AXAS_CAP_GSTAGE_SVADU | \
				 AXAS_CAP_GSTAGE_SVNAPOT)
#define ARCH_REACH		(~0ull)
/* guest_read and guest_write use FPU loads and stores, which axvcpu does not decode. */
#define ARCH_HOLES_ARE_MMIO	false
#define GUEST_READ_FAULTS	guest(read)
#define GUEST_WRITE_FAULTS	guest(write)

#define ARCH_HALT_SIZE		4	/* of the instruction */
/* Extension and function of guest_hypercall. */
#define ARCH_HYPERCALL		(0x77777 | 7ull << 32)

/* No vector is guaranteed to be taken in that window. */
#define ARCH_TAKEN_AT_ONCE	0
#define ARCH_WAITING_VECTORS	{ 0xf0, 0x40, AXVCPU_RISCV_VECTOR_SOFT }
#define ARCH_HOST_VECTOR_MIN	1

#define ARCH_RET		0x8082		/* c.ret */
#define ARCH_ZEROES(begin, end)	((void)(end), (begin))

GUEST(sbi);
GUEST(mmio_loads);
GUEST(mmio_stores);
GUEST(mmio_compressed);
GUEST(amo);
GUEST(csr_read);
GUEST(csr_write);
GUEST(forbidden);
GUEST(time);
GUEST(registers);
GUEST(mmu);
GUEST(user);
GUEST(user_code);
GUEST(debug);
GUEST(craft);
GUEST(far_vectors);
GUEST(lines);
GUEST(set_timer);
GUEST(csr_fault);
GUEST(csr_fault_at);
GUEST(reread);

/* A leaf of any level: V, R, W, X, U, A, D. Priv, "Sv39" */
static inline u64 arch_leaf(u64 hpa)
{
	return hpa >> 2 | 0xdf;
}

#endif /* AXVCPU_TEST_ARCH_H */
