// SPDX-License-Identifier: GPL-2.0-only
/*
 * EL2 registers of each CPU, for tests: one line per CPU in
 * /sys/module/axas_el2/parameters/registers, read by an IPI. While a vCPU is loaded they are the
 * guest's, except for registers that each exit switches. The parameter pstate has VTTBR_EL2 and
 * the PSTATE of the interrupted code.
 */
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/irq_regs.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

#define HCRX_EL2	sys_reg(3, 4, 1, 2, 2)
#define HFGRTR_EL2	sys_reg(3, 4, 1, 1, 4)
#define HDFGRTR_EL2	sys_reg(3, 4, 3, 1, 4)
#define MMFR0_FGT	GENMASK_ULL(59, 56)
#define MMFR1_HCX	GENMASK_ULL(43, 40)
#define PFR0_GIC	GENMASK_ULL(27, 24)

struct registers {
	u64 vttbr, vtcr, hcr, mdcr, hstr, cnthctl, ich_hcr, icc_sre, hcrx, hfgrtr, hdfgrtr;
};

static void read_registers(void *info)
{
	struct registers *r = info;

	r->vttbr = read_sysreg(vttbr_el2);
	r->vtcr = read_sysreg(vtcr_el2);
	r->hcr = read_sysreg(hcr_el2);
	r->mdcr = read_sysreg(mdcr_el2);
	r->hstr = read_sysreg(hstr_el2);
	r->cnthctl = read_sysreg(cnthctl_el2);
	if (read_sysreg(id_aa64pfr0_el1) & PFR0_GIC) {
		r->ich_hcr = read_sysreg_s(SYS_ICH_HCR_EL2);
		r->icc_sre = read_sysreg_s(SYS_ICC_SRE_EL2);
	}
	if (read_sysreg(id_aa64mmfr1_el1) & MMFR1_HCX)
		r->hcrx = read_sysreg_s(HCRX_EL2);
	if (read_sysreg(id_aa64mmfr0_el1) & MMFR0_FGT) {
		r->hfgrtr = read_sysreg_s(HFGRTR_EL2);
		r->hdfgrtr = read_sysreg_s(HDFGRTR_EL2);
	}
}

static int get_registers(char *buf, const struct kernel_param *kp)
{
	struct registers r;
	unsigned int cpu;
	int len = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		memset(&r, 0, sizeof(r));
		smp_call_function_single(cpu, read_registers, &r, 1);
		len += scnprintf(buf + len, PAGE_SIZE - len,
				 "cpu %u vttbr %llx vtcr %llx hcr %llx mdcr %llx hstr %llx cnthctl %llx ich_hcr %llx icc_sre %llx hcrx %llx hfgrtr %llx hdfgrtr %llx\n",
				 cpu, r.vttbr, r.vtcr, r.hcr, r.mdcr, r.hstr, r.cnthctl,
				 r.ich_hcr, r.icc_sre, r.hcrx, r.hfgrtr, r.hdfgrtr);
	}
	cpus_read_unlock();
	return len;
}

struct interrupted {
	u64 vttbr, pstate;
};

static void read_interrupted(void *info)
{
	const struct pt_regs *regs = get_irq_regs();
	struct interrupted *i = info;

	i->vttbr = read_sysreg(vttbr_el2);
	i->pstate = regs ? regs->pstate : 0;
}

static int get_pstate(char *buf, const struct kernel_param *kp)
{
	struct interrupted i;
	unsigned int cpu;
	int len = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, read_interrupted, &i, 1);
		len += scnprintf(buf + len, PAGE_SIZE - len, "cpu %u vttbr %llx pstate %llx\n",
				 cpu, i.vttbr, i.pstate);
	}
	cpus_read_unlock();
	return len;
}

static const struct kernel_param_ops pstate_ops = { .get = get_pstate };

module_param_cb(pstate, &pstate_ops, NULL, 0444);
MODULE_PARM_DESC(pstate, "VTTBR_EL2 on each CPU, and the PSTATE of what was interrupted");

static const struct kernel_param_ops registers_ops = { .get = get_registers };

module_param_cb(registers, &registers_ops, NULL, 0444);
MODULE_PARM_DESC(registers, "what EL2's registers hold on each CPU");

static int __init el2_init(void)
{
	return is_kernel_in_hyp_mode() ? 0 : -ENODEV;
}
module_init(el2_init);

static void __exit el2_exit(void)
{
}
module_exit(el2_exit);

MODULE_DESCRIPTION("Tells what the registers of EL2 hold");
MODULE_AUTHOR("The axas authors");
MODULE_LICENSE("GPL");
