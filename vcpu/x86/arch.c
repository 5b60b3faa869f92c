// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selects the SVM or VMX backend, and reads the local APIC's pending interrupts. Calls nothing; no
 * locks.
 */
#include <linux/log2.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>

#include "axas_compat.h"
#include "x86.h"

const struct axvcpu_arch_ops *axvcpu_arch_host(void)
{
	if (boot_cpu_has(X86_FEATURE_SVM))
		return &axvcpu_svm_ops;
	if (boot_cpu_has(X86_FEATURE_VMX))
		return &axvcpu_vmx_ops;
	return NULL;
}

/*
 * IRR holds the interrupts that the local APIC has not passed to the CPU: 8 registers of 32
 * vectors, 16 bytes apart. APM vol. 2, 16.6.3.
 */
u64 axvcpu_arch_irq_fetch(void)
{
	int i;

#ifdef CONFIG_X86_LOCAL_APIC
	for (i = 7; i >= 0; i--) {
		u32 irr = apic->read(APIC_IRR + i * 0x10);

		if (irr)
			return i * 32 + ilog2(irr);
	}
#endif
	return 0;
}
