/* SPDX-License-Identifier: GPL-2.0-only */
/* arm64: guests run at EL1 with the MMU off and end with a hypercall. */
#ifndef AXVCPU_TEST_ARCH_H
#define AXVCPU_TEST_ARCH_H

#include "calls.h"

#define BIT_ULL(n)		(1ull << (n))

#define ARCH_MODE		AXVCPU_MODE_EL1
#define ARCH_STATE		struct axvcpu_arm64_state	/* of AXVCPU_SAVE */
#define ARCH_OTHER_FORMAT	AXAS_FORMAT_EPT
#define ARCH_CAPS		(AXAS_CAP_S2_FWB | AXAS_CAP_S2_XNX | AXAS_CAP_S2_DBM)
#define ARCH_REACH		(~0ull)
/* The syndrome describes loads and stores, except pairs. Arm ARM, ESR_ELx, ISS of EC 0x24. */
#define ARCH_HOLES_ARE_MMIO	true
#define GUEST_READ_FAULTS	guest(pair)
#define GUEST_WRITE_FAULTS	guest(store_pair)

#define ARCH_HALT_SIZE		4	/* of the instruction */
#define ARCH_HYPERCALL		0x77	/* of guest_hypercall */

#define ARCH_TAKEN_AT_ONCE	2
#define ARCH_WAITING_VECTORS	{ 0xf0, 0x40 }
#define ARCH_HOST_VECTOR_MIN	1

#define ARCH_RET		0xd65f03c0
#define ARCH_ZEROES(begin, end)	((void)(end), (begin))

GUEST(smc);
GUEST(psci);
GUEST(reach);
GUEST(loads_mmio);
GUEST(stores_mmio);
GUEST(pair);
GUEST(store_pair);
GUEST(sysreg_read);
GUEST(sysreg_write);
GUEST(id);
GUEST(missing);
GUEST(become);
GUEST(udf);
GUEST(cntd);
GUEST(hidden);
GUEST(hidden_id);
GUEST(hidden_end);
GUEST(tpidr2);
GUEST(impdef);
GUEST(svc);
GUEST(at_el0);
GUEST(emulated);
GUEST(a32_spin);
GUEST(a32_mrc);
GUEST(a32_mrcne);
GUEST(shoot);
GUEST(shot);
GUEST(undefined);
GUEST(far_vectors);
GUEST(craft);
GUEST(registers);
GUEST(mmu);
GUEST(gic);
GUEST(timer_set);
GUEST(timer_ctl);
GUEST(timer_wait);
GUEST(timer_spin);

/* A page, block or table descriptor of any level, normal memory, full access. Arm D8.3 */
static inline u64 arch_leaf(u64 hpa)
{
	return hpa | 0x7ff;
}

#endif /* AXVCPU_TEST_ARCH_H */
