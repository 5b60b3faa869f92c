// SPDX-License-Identifier: GPL-2.0-only
/*
 * Common code of the SVM and VMX backends: the CPUID filter, MSRs that are plain values, exits.
 * Calls fpu.c, mitigate.c and event.c. No locks.
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/trapnr.h>
#include <asm/tsc.h>

#include "axas_compat.h"
#include "mitigate.h"
#include "x86.h"

/* IA32_PAT after a reset, APM vol. 2, 7.8.1: WB WT UC- UC twice. */
#define PAT_RESET	0x0007040600070406ull

void axvcpu_x86_reset(struct axvcpu_x86 *x86)
{
	void *fpu = x86->fpu;

	memset(x86, 0, sizeof(*x86));
	x86->pat = PAT_RESET;
	x86->dr6 = AXVCPU_X86_DR6_RESET;
	x86->fpu = fpu;
	axvcpu_x86_fpu_reset(x86);
}

int axvcpu_x86_create(struct axvcpu_x86 *x86)
{
	int err = axvcpu_x86_fpu_create(x86);

	if (err)
		return err;
	axvcpu_x86_reset(x86);
	return 0;
}

static DEFINE_PER_CPU(const struct axvcpu_x86 *, last_loaded);

void axvcpu_x86_destroy(struct axvcpu_x86 *x86)
{
	int cpu;

	/* A new vCPU may get this memory and would be taken for the same guest. */
	for_each_possible_cpu(cpu)
		cmpxchg(per_cpu_ptr(&last_loaded, cpu), x86, NULL);
	kfree(x86->fpu);
}

/*
 * RDPID reads TSC_AUX, which holds the host's CPU number. VMX makes it undefined, SVM has no
 * intercept for it (APM vol. 2, 15.9): there the register is zero while a vCPU is loaded. The
 * kernel does not rely on its value, since KVM changes it as well.
 */
static bool guest_has_rdpid(void)
{
	return boot_cpu_has(X86_FEATURE_SVM) && boot_cpu_has(X86_FEATURE_RDPID);
}

static void load_tsc_aux(struct axvcpu_x86 *x86)
{
	if (!guest_has_rdpid())
		return;
	rdmsrq(MSR_TSC_AUX, x86->host.tsc_aux);
	wrmsrq(MSR_TSC_AUX, 0);
}

static void put_tsc_aux(const struct axvcpu_x86 *x86)
{
	if (guest_has_rdpid())
		wrmsrq(MSR_TSC_AUX, x86->host.tsc_aux);
}

void axvcpu_x86_load(struct axvcpu_x86 *x86)
{
	if (this_cpu_read(last_loaded) != x86) {
		axvcpu_x86_ibpb();
		this_cpu_write(last_loaded, x86);
	}
	axvcpu_x86_fpu_load(x86);
	load_tsc_aux(x86);
}

void axvcpu_x86_put(struct axvcpu_x86 *x86)
{
	put_tsc_aux(x86);
	axvcpu_x86_fpu_put(x86);
	/* The kernel issues the IBPB before the next return to user space on this CPU (VMSCAPE). */
	if (axvcpu_x86_mitigations & AXVCPU_X86_IBPB_USER)
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

/* A guest may use the CPU's full width, even if the host uses less. */
bool axvcpu_x86_canonical(u64 addr)
{
	return sign_extend64(addr, boot_cpu_data.x86_virt_bits - 1) == addr;
}

bool axvcpu_x86_cr3_valid(u64 cr3)
{
	return !(cr3 >> boot_cpu_data.x86_phys_bits);
}

int axvcpu_x86_check_setup(const struct axvcpu_setup *setup)
{
	switch (setup->mode) {
	case AXVCPU_MODE_LONG:
		if (setup->flags & AXVCPU_SETUP_STARTUP || setup->cr3 & (PAGE_SIZE - 1) ||
		    !axvcpu_x86_cr3_valid(setup->cr3) || !axvcpu_x86_canonical(setup->entry))
			return -EINVAL;
		return 0;
	case AXVCPU_MODE_REAL:
		if (setup->flags & AXVCPU_SETUP_STARTUP && setup->entry & (PAGE_SIZE - 1))
			return -EINVAL;
		return setup->cr3 || setup->entry >> 20 || setup->stack >> 16 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/*
 * Multiples of 0x1000 reach all of the first MiB. After a startup IPI, IP is 0: Intel SDM vol. 3A,
 * 9.4.4.2. Later entries have no such meaning.
 */
u16 axvcpu_x86_real_cs(const struct axvcpu_x86 *x86, u64 entry)
{
	return x86->startup ? entry >> 4 : entry >> 4 & 0xf000;
}

/* Flags that a program can change; an entry checks the others. SDM vol. 3C, 27.3.1.4. */
#define RFLAGS_PROGRAM	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | \
			 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | \
			 X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF | \
			 X86_EFLAGS_AC | X86_EFLAGS_ID)

bool axvcpu_x86_regs_valid(const struct axvcpu_x86 *x86, const struct axvcpu_regs *regs,
			   bool code64)
{
	return (code64 ? axvcpu_x86_canonical(regs->rip) : !(regs->rip >> 32)) &&
	       !((regs->rflags ^ x86->rflags) & ~(u64)RFLAGS_PROGRAM) &&
	       axvcpu_x86_cr3_valid(regs->cr3) && regs->cr8 < 16 &&
	       axvcpu_x86_canonical(regs->fs_base) && axvcpu_x86_canonical(regs->gs_base);
}

void axvcpu_x86_get_regs(const struct axvcpu_x86 *x86, struct axvcpu_regs *regs)
{
	memcpy(regs->gpr, x86->gpr, sizeof(regs->gpr));
	regs->rip = x86->rip;
	regs->rflags = x86->rflags;
	regs->cr2 = x86->cr2;
	regs->cr8 = x86->cr8;
	memset(regs->reserved, 0, sizeof(regs->reserved));
}

/*
 * A software interrupt whose delivery was interrupted belongs to its instruction: drop it when RIP
 * changes. axvcpu_x86_retire() must see the flags from before the instruction.
 */
void axvcpu_x86_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);

	if (regs->rip != x86->rip && (x86->event.info & X86_EVENT_TYPE) >= X86_EVENT_INT_N)
		axvcpu_x86_event_clear(x86);
	memcpy(x86->gpr, regs->gpr, sizeof(regs->gpr));
	x86->cr2 = regs->cr2;
	x86->cr8 = regs->cr8;
	if (regs->flags & AXVCPU_REGS_RETIRED)
		axvcpu_x86_retire(vcpu, regs->rip);
	x86->rip = regs->rip;
	x86->rflags = regs->rflags;
	if (regs->flags & AXVCPU_REGS_RETIRED)
		x86->rflags &= ~X86_EFLAGS_RF;
}

/*
 * CPUID features that work in a guest, beside those that need XSAVE (fpu.c): nothing of performance
 * counters, power management, topology, virtualization. APM vol. 3, appendix E.
 */
#define BITS2(a, b)		(BIT(a) | BIT(b))
#define BITS4(a, b, c, d)	(BITS2(a, b) | BITS2(c, d))

/* Fn0000_0001: SSE3, PCLMULQDQ, SSSE3, CX16; SSE4.1, SSE4.2, MOVBE, POPCNT; AES, RDRAND */
#define CPUID_1_ECX	(BITS4(0, 1, 9, 13) | BITS4(19, 20, 22, 23) | BITS2(25, 30))
#define CPUID_1_ECX_HYPERVISOR	BIT(31)
/* FPU, DE, PSE, TSC; MSR, PAE, CX8, PGE; CMOV, PAT, PSE36, CLFSH; MMX, FXSR, SSE, SSE2 */
#define CPUID_1_EDX	(BITS4(0, 2, 3, 4) | BITS4(5, 6, 8, 13) | BITS4(15, 16, 17, 19) | \
			 BITS4(23, 24, 25, 26))
#define CPUID_1_EBX_CLFLUSH	0xff00
#define CPUID_1_ECX_OSXSAVE	BIT(27)
/* Fn0000_0007: FSGSBASE, BMI1, SMEP, BMI2; ERMS, SMAP, ADX, CLFLUSHOPT */
#define CPUID_7_EBX	(BITS4(0, 3, 7, 8) | BITS4(9, 20, 19, 23))
/* Fn8000_0001: LAHF, ABM; SYSCALL, NX, 1 GiB pages, long mode, and bits repeated from 1.EDX */
#define CPUID_81_ECX	BITS2(0, 5)
#define CPUID_81_EDX	(BITS4(11, 20, 26, 29) | (CPUID_1_EDX & 0x0183f3ff))

#define CPUID_XSAVE		0xdu
#define CPUID_HYPERVISOR	0x40000000

static void cpuid_features(u32 out[4])
{
	out[1] &= CPUID_1_EBX_CLFLUSH;
	out[2] &= CPUID_1_ECX | axvcpu_x86_xstate.cpuid_1_ecx;
	out[2] |= CPUID_1_ECX_HYPERVISOR;
	out[3] &= CPUID_1_EDX;
}

static void cpuid_more_features(u32 out[4])
{
	out[0] = 0;
	out[1] &= CPUID_7_EBX | axvcpu_x86_xstate.cpuid_7_ebx;
	out[2] &= axvcpu_x86_xstate.cpuid_7_ecx;
	out[3] = 0;
}

static void cpuid_extended_features(u32 out[4])
{
	out[1] = 0;
	out[2] &= CPUID_81_ECX;
	out[3] &= CPUID_81_EDX;
}

/* "axvcpuaxvcpu" in EBX, ECX, EDX. */
static void cpuid_hypervisor(u32 out[4])
{
	out[0] = CPUID_HYPERVISOR;
	memcpy(&out[1], "axvcpuaxvcpu", 12);
}

void axvcpu_x86_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	memset(out, 0, 4 * sizeof(*out));
	if (leaf == CPUID_HYPERVISOR)
		return cpuid_hypervisor(out);
	if (leaf > 7 && (leaf < 0x80000000 || leaf > 0x80000008))
		return;
	cpuid_count(leaf, subleaf, &out[0], &out[1], &out[2], &out[3]);
	switch (leaf) {
	case 0:
		out[0] = min(out[0], axvcpu_x86_xstate.guest ? CPUID_XSAVE : 7u);
		break;
	case 1:
		return cpuid_features(out);
	case 7:
		if (subleaf)
			memset(out, 0, 4 * sizeof(*out));
		return cpuid_more_features(out);
	case 0x80000000:
		out[0] = min(out[0], 0x80000008u);
		break;
	case 0x80000001:
		return cpuid_extended_features(out);
	case 0x80000002 ... 0x80000004:	/* processor name */
		break;
	case 0x80000008:		/* address sizes */
		out[0] &= 0xffff;
		out[1] = 0;
		out[2] = 0;
		out[3] = 0;
		break;
	default:
		memset(out, 0, 4 * sizeof(*out));
	}
}

/*
 * AXVCPU_SETUP_X2APIC: the APIC's number, and that there is one, in x2APIC mode and with a deadline
 * timer.
 */
static void cpuid_x2apic(const struct axvcpu *vcpu, u32 out[4])
{
	out[1] |= vcpu->id << 24;
	out[2] |= BIT(21) | BIT(24);
	out[3] |= BIT(9);
}

static void guest_cpuid(const struct axvcpu *vcpu, u32 leaf, u32 subleaf, u32 out[4])
{
	axvcpu_x86_cpuid(leaf, subleaf, out);
	if (leaf == CPUID_XSAVE)
		axvcpu_x86_cpuid_xsave(to_x86(vcpu), subleaf, out);
	if (leaf == 1 && to_x86(vcpu)->osxsave)
		out[2] |= CPUID_1_ECX_OSXSAVE;
	if (vcpu->setup.flags & AXVCPU_SETUP_X2APIC && leaf == 1)
		cpuid_x2apic(vcpu, out);
	if (vcpu->setup.flags & AXVCPU_SETUP_X2APIC && leaf == 0x80000001 &&
	    boot_cpu_data.x86_vendor == X86_VENDOR_AMD)
		out[3] |= BIT(9);
}

bool axvcpu_x86_do_cpuid(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);
	u32 leaf = x86->gpr[AXVCPU_REG_RAX];
	u32 subleaf = x86->gpr[AXVCPU_REG_RCX];
	u32 out[4];

	guest_cpuid(vcpu, leaf, subleaf, out);
	if (vcpu->setup.flags & AXVCPU_SETUP_EXIT_CPUID) {
		exit->reason = AXVCPU_EXIT_CPUID;
		exit->cpuid.leaf = leaf;
		exit->cpuid.subleaf = subleaf;
		memcpy(exit->cpuid.regs, out, sizeof(out));
		return true;
	}
	x86->gpr[AXVCPU_REG_RAX] = out[0];
	x86->gpr[AXVCPU_REG_RBX] = out[1];
	x86->gpr[AXVCPU_REG_RCX] = out[2];
	x86->gpr[AXVCPU_REG_RDX] = out[3];
	return false;
}

/* Each of the 8 types must be UC, WC, WT, WP, WB or UC-: 0, 1, 4, 5, 6, 7. */
bool axvcpu_x86_pat_valid(u64 pat)
{
	for (; pat; pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return false;
	return true;
}

bool axvcpu_x86_rdmsr(struct axvcpu_x86 *x86, u32 msr, u64 *val)
{
	switch (msr) {
	case MSR_IA32_CR_PAT:
		*val = x86->pat;
		return true;
	case MSR_IA32_TSC:
		*val = rdtsc();
		return true;
	default:
		return false;
	}
}

bool axvcpu_x86_wrmsr(struct axvcpu_x86 *x86, u32 msr, u64 val, bool *bad)
{
	*bad = false;
	if (msr != MSR_IA32_CR_PAT)
		return false;
	*bad = !axvcpu_x86_pat_valid(val);
	if (!*bad)
		x86->pat = val;
	return true;
}

static u64 edx_eax(const struct axvcpu_x86 *x86)
{
	return (u32)x86->gpr[AXVCPU_REG_RAX] | x86->gpr[AXVCPU_REG_RDX] << 32;
}

void axvcpu_x86_exit_msr(struct axvcpu_x86 *x86, bool write, struct axvcpu_exit *exit)
{
	u32 msr = x86->gpr[AXVCPU_REG_RCX];

	x86->undo.rip = x86->rip;
	x86->undo.rflags = x86->rflags;
	x86->undo.valid = true;
	if (write) {
		exit->reason = AXVCPU_EXIT_SYSREG_WRITE;
		exit->sysreg_write.addr = msr;
		exit->sysreg_write.value = edx_eax(x86);
	} else {
		exit->reason = AXVCPU_EXIT_SYSREG_READ;
		exit->sysreg_read.addr = msr;
		exit->sysreg_read.reg = AXVCPU_REG_RAX;
	}
}

static u64 width_mask(u32 width)
{
	return width >= 8 ? ~0ull : BIT_ULL(8 * width) - 1;
}

void axvcpu_x86_exit_io(const struct axvcpu_x86 *x86, bool in, u16 port, u32 width,
			struct axvcpu_exit *exit)
{
	if (in) {
		exit->reason = AXVCPU_EXIT_IO_READ;
		exit->io_read.port = port;
		exit->io_read.width = width;
	} else {
		exit->reason = AXVCPU_EXIT_IO_WRITE;
		exit->io_write.port = port;
		exit->io_write.width = width;
		exit->io_write.data = x86->gpr[AXVCPU_REG_RAX] & width_mask(width);
	}
}

void axvcpu_x86_exit_hypercall(const struct axvcpu_x86 *x86, struct axvcpu_exit *exit)
{
	static const u8 args[] = {
		AXVCPU_REG_RDI, AXVCPU_REG_RSI, AXVCPU_REG_RDX,
		AXVCPU_REG_RCX, AXVCPU_REG_R8, AXVCPU_REG_R8 + 1,
	};
	int i;

	exit->reason = AXVCPU_EXIT_HYPERCALL;
	exit->hypercall.nr = x86->gpr[AXVCPU_REG_RAX];
	for (i = 0; i < ARRAY_SIZE(args); i++)
		exit->hypercall.args[i] = x86->gpr[args[i]];
}

/* Writing 1 or 2 bytes of a register preserves the others, writing 4 bytes clears them. */
static void set_part(u64 *reg, u32 width, u64 val)
{
	u64 mask = width_mask(width);

	*reg = width >= 4 ? val & mask : (*reg & ~mask) | (val & mask);
}

static void set_mmio_read(struct axvcpu_x86 *x86, const struct axvcpu_exit *exit, u64 val)
{
	u32 width = exit->mmio_read.width;

	val &= width_mask(width);
	if (exit->mmio_read.sign_extend && width < 8)
		val = sign_extend64(val, 8 * width - 1);
	set_part(&x86->gpr[exit->mmio_read.reg % AXVCPU_NR_REGS], exit->mmio_read.reg_width, val);
}

void axvcpu_x86_set_return_value(struct axvcpu *vcpu, u64 val)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);
	const struct axvcpu_exit *exit = vcpu->exit;
	u64 *rax = &x86->gpr[AXVCPU_REG_RAX];

	switch (exit->reason) {
	case AXVCPU_EXIT_IO_READ:
		set_part(rax, exit->io_read.width, val);
		break;
	case AXVCPU_EXIT_SYSREG_READ:
		*rax = (u32)val;
		x86->gpr[AXVCPU_REG_RDX] = val >> 32;
		break;
	case AXVCPU_EXIT_MMIO_READ:
		set_mmio_read(x86, exit, val);
		break;
	default:
		*rax = val;
	}
}

/* When an MSR exits, no event is in flight but the single step of the instruction itself. */
int axvcpu_x86_set_return_fault(struct axvcpu *vcpu)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);
	u32 reason = vcpu->exit->reason;

	if (!x86->undo.valid ||
	    (reason != AXVCPU_EXIT_SYSREG_READ && reason != AXVCPU_EXIT_SYSREG_WRITE))
		return -EINVAL;
	x86->undo.valid = false;
	x86->rip = x86->undo.rip;
	x86->rflags = x86->undo.rflags;
	x86->db = 0;
	axvcpu_x86_event_clear(x86);
	vcpu->ops->raise(vcpu, X86_TRAP_GP, 0);
	return 0;
}

u32 axvcpu_x86_khz(void)
{
	return tsc_khz;
}
