// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branch predictor state that a guest leaves behind, which could steer the host's next indirect
 * branch (Spectre v2, Spectre-BHB). The kernel has a vector per kind of CPU and patches the
 * mitigation into it; neither is exported to modules. So entry.S applies a superset that is right
 * for every kind: it clears the branch history by the instruction, where implemented, and by the
 * largest number of branches that any CPU needs; and it calls firmware where firmware asks for it.
 *
 * The kernel's detection decides which CPUs are affected. Speculative store bypass needs nothing:
 * an exception sets PSTATE.SSBS to the host's value (SCTLR_EL2.DSSBS, Arm D1.3.5), or else firmware
 * keeps it off at EL2, and guests cannot call firmware (HCR_EL2.TSC). For Spectre v3a see entry.S.
 * No locks.
 */
#include <linux/arm-smccc.h>
#include <linux/cpu.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>

#include "arm64.h"

/* The maximum, for Cortex-X3 and Neoverse V2: the kernel's list, proton-pack.c. */
#define HISTORY_BRANCHES	132

static DEFINE_PER_CPU(u32, exit_loop);
static DEFINE_PER_CPU(u32, exit_call);

/* Arm DEN 0028, 7.5 and 7.7: 0 means that this CPU needs the call. */
static bool firmware_has(u32 call)
{
	struct arm_smccc_res res;

	arm_smccc_1_1_smc(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, call, &res);
	return !(u32)res.a0;
}

/* The Spectre-BHB call also covers Spectre v2. */
static u32 wanted_call(void)
{
	if (arm_smccc_1_1_get_conduit() != SMCCC_CONDUIT_SMC)
		return 0;
	if (cpus_have_cap(ARM64_SPECTRE_BHB) && firmware_has(ARM_SMCCC_ARCH_WORKAROUND_3))
		return ARM_SMCCC_ARCH_WORKAROUND_3;
	if (cpus_have_cap(ARM64_SPECTRE_V2) && firmware_has(ARM_SMCCC_ARCH_WORKAROUND_1))
		return ARM_SMCCC_ARCH_WORKAROUND_1;
	return 0;
}

void axvcpu_arm64_predict_probe(void)
{
	bool on = !cpu_mitigations_off();
	u32 loop = on && cpus_have_cap(ARM64_SPECTRE_BHB) ? HISTORY_BRANCHES : 0;
	u32 call = on ? wanted_call() : 0;

	this_cpu_write(exit_loop, loop);
	this_cpu_write(exit_call, call);
	/* The kernel reports it as vulnerable, too, in .../vulnerabilities/spectre_v2. */
	if (on && !call && this_cpu_has_cap(ARM64_SPECTRE_V2))
		pr_warn_once("axvcpu: firmware has no call against Spectre v2 that CPUs here want: a guest may steer the host's branches\n");
	if (loop || call)
		pr_info_once("axvcpu: exits clear the branch history%s\n",
			     call ? ", and call firmware" : "");
}

void axvcpu_arm64_predict_load(struct axvcpu_arm64 *a64)
{
	a64->exit_loop = this_cpu_read(exit_loop);
	a64->exit_call = this_cpu_read(exit_call);
}
