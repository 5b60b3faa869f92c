// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selects mitigations for entry and exit, and reports bugs left unmitigated. Calls no other file.
 * No locks: the selection is made before the first CPU is enabled.
 *
 * Like the kernel's KVM, it reads the kernel's choice from feature bits. Where KVM reads a variable
 * that is not exported on every version, the CPU's bug bit is used instead, and the mitigation is
 * applied unless mitigations=off. The table "Mitigations" in Documentation/vcpu.md describes this
 * file.
 *
 * Manual: Documentation/admin-guide/hw-vuln/ of the kernel, one page per bug.
 */
#include <linux/cpu.h>
#include <linux/sched/smt.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/segment.h>

#include "axas_compat.h"
#include "mitigate.h"

u32 axvcpu_x86_mitigations __read_mostly;

/* VERW clears buffers only with a memory operand. SDM vol. 2, VERW. */
const u16 axvcpu_x86_verw_sel = __KERNEL_DS;

/* On affected CPUs the L1 data cache is 32 KiB; its replacement is not strictly LRU. */
#define L1D_BYTES	(64u << 10)

static u8 *l1d_pages;

static bool has(const struct axvcpu_x86_cpu *cpu, unsigned int bit)
{
	return test_bit(bit, cpu->caps);
}

static bool has_bug(const struct axvcpu_x86_cpu *cpu, unsigned int bug)
{
	return has(cpu, bug);
}

static bool wants_verw(const struct axvcpu_x86_cpu *cpu)
{
	/* MMIO stale data: up to 6.18 the kernel's choice is a static key. */
	return has(cpu, X86_FEATURE_CLEAR_CPU_BUF) || has(cpu, X86_FEATURE_CLEAR_CPU_BUF_VM) ||
	       has(cpu, X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO) ||
	       (!cpu->off && has_bug(cpu, X86_BUG_MMIO_STALE_DATA));
}

u32 axvcpu_x86_choose(const struct axvcpu_x86_cpu *cpu)
{
	u32 m = 0;

	if (wants_verw(cpu))
		m |= AXVCPU_X86_VERW;
	if (has(cpu, X86_FEATURE_CLEAR_BHB_VMEXIT))
		m |= AXVCPU_X86_BHB;
	/* The kernel sets IBPB_ON_VMEXIT with ENTRY_IBPB; 6.1's KVM checks ENTRY_IBPB. */
	if (has(cpu, X86_FEATURE_ENTRY_IBPB) || has(cpu, X86_FEATURE_IBPB_ON_VMEXIT))
		m |= AXVCPU_X86_IBPB_EXIT;
	if (has(cpu, X86_FEATURE_IBPB_EXIT_TO_USER))
		m |= AXVCPU_X86_IBPB_USER;
	if (has(cpu, X86_FEATURE_IBPB) && !cpu->off)
		m |= AXVCPU_X86_IBPB_SWITCH;
	if (has_bug(cpu, X86_BUG_L1TF) && !cpu->off && !cpu->l1d_by_host)
		m |= AXVCPU_X86_L1D;
	if (has_bug(cpu, X86_BUG_DIV0))
		m |= AXVCPU_X86_DIV;
	if (has_bug(cpu, X86_BUG_FXSAVE_LEAK))
		m |= AXVCPU_X86_FXSAVE;
	if (has(cpu, X86_FEATURE_SRSO_BP_SPEC_REDUCE))
		m |= AXVCPU_X86_BP_REDUCE;
	return m;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_x86_choose);

/* In bit order. */
static const char *const names[] = {
	"VERW", "branch history", "IBPB at exits", "IBPB to user space", "IBPB between vCPUs",
	"L1D flush", "divider", "FXSAVE leak", "BpSpecReduce",
};

/*
 * *_left(): the reason why a bug is not fully mitigated; NULL: it is. Hardware threads of a core
 * share its buffers and L1 cache: an entry cannot clear what the sibling leaves there.
 */
static const char *buffers_left(const struct axvcpu_x86_cpu *cpu)
{
	if (!wants_verw(cpu))
		return "not cleared";
	if (!has(cpu, X86_FEATURE_MD_CLEAR))
		return "no microcode";
	return cpu->smt ? "SMT is on" : NULL;
}

static const char *mds_left(const struct axvcpu_x86_cpu *cpu)
{
	const char *left = buffers_left(cpu);

	/* Store buffers are partitioned, not shared: repartitioned only when a thread sleeps. */
	return cpu->smt && has_bug(cpu, X86_BUG_MSBDS_ONLY) && has(cpu, X86_FEATURE_MD_CLEAR) &&
	       wants_verw(cpu) ? NULL : left;
}

/* Not shared between hardware threads either: with microcode VERW suffices. */
static const char *rfds_left(const struct axvcpu_x86_cpu *cpu)
{
	return wants_verw(cpu) ? NULL : "not cleared";
}

static const char *tsa_left(const struct axvcpu_x86_cpu *cpu)
{
	if (!has(cpu, X86_FEATURE_VERW_CLEAR))
		return "no microcode";
	return wants_verw(cpu) ? NULL : "not cleared";
}

static const char *l1tf_left(const struct axvcpu_x86_cpu *cpu)
{
	if (cpu->off)
		return "not flushed";
	return cpu->smt ? "SMT is on" : NULL;
}

static const char *spectre_v2_left(const struct axvcpu_x86_cpu *cpu)
{
	static const unsigned int any[] = {
		X86_FEATURE_RETPOLINE, X86_FEATURE_RETPOLINE_LFENCE, X86_FEATURE_KERNEL_IBRS,
		X86_FEATURE_IBRS_ENHANCED, X86_FEATURE_AUTOIBRS,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(any) && !cpu->off; i++)
		if (has(cpu, any[i]))
			return NULL;
	return "the kernel's branches are open";
}

static bool untrains(const struct axvcpu_x86_cpu *cpu)
{
	return has(cpu, X86_FEATURE_UNRET) || has(cpu, X86_FEATURE_SRSO_ALIAS) ||
	       axvcpu_x86_choose(cpu) & AXVCPU_X86_IBPB_EXIT;
}

static const char *retbleed_left(const struct axvcpu_x86_cpu *cpu)
{
	if (untrains(cpu) || has(cpu, X86_FEATURE_KERNEL_IBRS) ||
	    has(cpu, X86_FEATURE_CALL_DEPTH) || has(cpu, X86_FEATURE_IBRS_ENHANCED))
		return NULL;
	return "the kernel's returns are open";
}

static const char *srso_left(const struct axvcpu_x86_cpu *cpu)
{
	if (!untrains(cpu) && !has(cpu, X86_FEATURE_SRSO_BP_SPEC_REDUCE))
		return "the kernel's returns are open";
	return has(cpu, X86_FEATURE_IBPB_BRTYPE) ? NULL : "no microcode";
}

static const char *bhi_left(const struct axvcpu_x86_cpu *cpu)
{
	/* With retpolines the history is irrelevant; BHI_DIS_S stays set in SPEC_CTRL. */
	if (has(cpu, X86_FEATURE_CLEAR_BHB_VMEXIT) || has(cpu, X86_FEATURE_CLEAR_BHB_HW) ||
	    has(cpu, X86_FEATURE_RETPOLINE))
		return NULL;
	return "not cleared";
}

static const char *its_left(const struct axvcpu_x86_cpu *cpu)
{
	if (has_bug(cpu, X86_BUG_ITS_NATIVE_ONLY) || has(cpu, X86_FEATURE_INDIRECT_THUNK_ITS) ||
	    has(cpu, X86_FEATURE_RETHUNK))
		return NULL;
	return "the kernel's branches are open";
}

static const char *vmscape_left(const struct axvcpu_x86_cpu *cpu)
{
	u32 enough = AXVCPU_X86_IBPB_USER | AXVCPU_X86_IBPB_EXIT;

	return axvcpu_x86_choose(cpu) & enough ? NULL : "no IBPB";
}

static const char *ssb_left(const struct axvcpu_x86_cpu *cpu)
{
	return has(cpu, X86_FEATURE_SSBD) ? NULL : "no microcode";
}

static const char *gds_left(const struct axvcpu_x86_cpu *cpu)
{
	return cpu->gds_open ? "no microcode" : NULL;
}

static const char *always_left(const struct axvcpu_x86_cpu *cpu)
{
	return "not handled";
}

/*
 * Every bug that kernels report, by its name in /proc/cpuinfo. Without a function: guests cannot
 * exploit it, or microcode, an unconditional part of the entry code or the kernel itself mitigates
 * it; Documentation/vcpu.md says which.
 */
static const struct {
	unsigned int bug;
	const char *name;
	const char *(*left)(const struct axvcpu_x86_cpu *cpu);
} bugs[] = {
	{ X86_BUG_F00F, "f00f" },
	{ X86_BUG_FDIV, "fdiv" },
	{ X86_BUG_COMA, "coma" },
	{ X86_BUG_AMD_TLB_MMATCH, "tlb_mmatch", always_left },
	{ X86_BUG_AMD_APIC_C1E, "apic_c1e" },
	{ X86_BUG_11AP, "11ap" },
	{ X86_BUG_FXSAVE_LEAK, "fxsave_leak" },
	{ X86_BUG_CLFLUSH_MONITOR, "clflush_monitor" },
	{ X86_BUG_SYSRET_SS_ATTRS, "sysret_ss_attrs" },
	{ X86_BUG_NULL_SEG, "null_seg" },
	{ X86_BUG_SWAPGS_FENCE, "swapgs_fence" },
	{ X86_BUG_MONITOR, "monitor" },
	{ X86_BUG_AMD_E400, "amd_e400" },
	{ X86_BUG_CPU_MELTDOWN, "cpu_meltdown" },
	{ X86_BUG_SPECTRE_V1, "spectre_v1" },
	{ X86_BUG_SPECTRE_V2, "spectre_v2", spectre_v2_left },
	{ X86_BUG_SPEC_STORE_BYPASS, "spec_store_bypass", ssb_left },
	{ X86_BUG_L1TF, "l1tf", l1tf_left },
	{ X86_BUG_MDS, "mds", mds_left },
	{ X86_BUG_MSBDS_ONLY, "msbds_only" },
	{ X86_BUG_SWAPGS, "swapgs" },
	{ X86_BUG_TAA, "taa", buffers_left },
	{ X86_BUG_ITLB_MULTIHIT, "itlb_multihit" },
	{ X86_BUG_SRBDS, "srbds" },
	{ X86_BUG_MMIO_STALE_DATA, "mmio_stale_data", buffers_left },
	{ X86_BUG_MMIO_UNKNOWN, "mmio_unknown", always_left },
	{ X86_BUG_RETBLEED, "retbleed", retbleed_left },
	{ X86_BUG_EIBRS_PBRSB, "eibrs_pbrsb" },
	{ X86_BUG_SMT_RSB, "smt_rsb" },
	{ X86_BUG_GDS, "gds", gds_left },
	{ X86_BUG_TDX_PW_MCE, "tdx_pw_mce" },
	{ X86_BUG_SRSO, "srso", srso_left },
	{ X86_BUG_DIV0, "div0" },
	{ X86_BUG_RFDS, "rfds", rfds_left },
	{ X86_BUG_BHI, "bhi", bhi_left },
	{ X86_BUG_IBPB_NO_RET, "ibpb_no_ret" },
	{ X86_BUG_SPECTRE_V2_USER, "spectre_v2_user" },
	{ X86_BUG_OLD_MICROCODE, "old_microcode", always_left },
	{ X86_BUG_ITS, "its", its_left },
	{ X86_BUG_ITS_NATIVE_ONLY, "its_native_only" },
	{ X86_BUG_TSA, "tsa", tsa_left },
	{ X86_BUG_VMSCAPE, "vmscape", vmscape_left },
	{ X86_BUG_SEAMRET_INVD_VMCS, "seamret_invd_vmcs" },
	{ X86_BUG_TLBI, "tlbi" },
};

/* Append to @buf. */
static size_t add(char *buf, size_t size, size_t len, const char *name, const char *left)
{
	return len + scnprintf(buf + len, size - len, "%s%s (%s)", len ? ", " : "", name, left);
}

static bool is_known(unsigned int bug)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (bugs[i].bug == bug)
			return true;
	return false;
}

size_t axvcpu_x86_left(const struct axvcpu_x86_cpu *cpu, char *buf, size_t size)
{
	unsigned int bug = NCAPINTS * 32;
	size_t len = 0;
	char name[16];
	int i;

	*buf = '\0';
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		const char *left = bugs[i].left && has_bug(cpu, bugs[i].bug) ?
				   bugs[i].left(cpu) : NULL;

		if (left)
			len = add(buf, size, len, bugs[i].name, left);
	}
	for_each_set_bit_from(bug, cpu->caps, AXAS_X86_NEVER) {
		if (is_known(bug))
			continue;
		snprintf(name, sizeof(name), "bug %u", bug - NCAPINTS * 32);
		len = add(buf, size, len, name, "newer than this module");
	}
	return len;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_x86_left);

/* A hypervisor below flushes on entry: SDM vol. 4, IA32_ARCH_CAPABILITIES. */
static bool l1d_by_host(void)
{
	u64 caps;

	return boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES) &&
	       !rdmsrq_safe(MSR_IA32_ARCH_CAPABILITIES, &caps) &&
	       caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
}

#define ARCH_CAP_GDS	BIT_ULL(25)
#define MCU_OPT_CTRL	0x123
#define GDS_DISABLED	BIT_ULL(4)

/* Gathers of a guest with AVX. SDM vol. 4, IA32_MCU_OPT_CTRL. */
static bool gds_open(void)
{
	u64 caps, ctrl;

	if (!boot_cpu_has(X86_FEATURE_AVX))
		return false;
	return rdmsrq_safe(MSR_IA32_ARCH_CAPABILITIES, &caps) || !(caps & ARCH_CAP_GDS) ||
	       rdmsrq_safe(MCU_OPT_CTRL, &ctrl) || ctrl & GDS_DISABLED;
}

static void read_cpu(struct axvcpu_x86_cpu *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	memcpy(cpu->caps, boot_cpu_data.x86_capability, sizeof(boot_cpu_data.x86_capability));
	cpu->smt = sched_smt_active();
	cpu->off = cpu_mitigations_off();
	cpu->l1d_by_host = l1d_by_host();
	cpu->gds_open = has_bug(cpu, X86_BUG_GDS) && gds_open();
}

static void tell(const struct axvcpu_x86_cpu *cpu)
{
	static bool told;
	char buf[512];
	size_t len = 0;
	int i;

	if (told)
		return;
	told = true;
	*buf = '\0';
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (axvcpu_x86_mitigations & BIT(i))
			len += scnprintf(buf + len, sizeof(buf) - len, "%s%s", len ? ", " : "",
					 names[i]);
	pr_info("axvcpu: mitigations: %s\n", len ? buf : "none");
	if (axvcpu_x86_left(cpu, buf, sizeof(buf)))
		pr_warn("axvcpu: guests are not kept from what these open: %s; see Documentation/vcpu.md\n",
			buf);
}

/* Page contents differ, or a hypervisor below might merge the pages. */
static int alloc_l1d(void)
{
	int i;

	l1d_pages = (u8 *)__get_free_pages(GFP_KERNEL, get_order(L1D_BYTES));
	if (!l1d_pages)
		return -ENOMEM;
	for (i = 0; i < L1D_BYTES / PAGE_SIZE; i++)
		memset(l1d_pages + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	return 0;
}

int axvcpu_x86_mitigate_setup(void)
{
	struct axvcpu_x86_cpu cpu;

	read_cpu(&cpu);
	axvcpu_x86_mitigations = axvcpu_x86_choose(&cpu);
	tell(&cpu);
	if (axvcpu_x86_mitigations & AXVCPU_X86_L1D && !boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return alloc_l1d();
	return 0;
}

void axvcpu_x86_mitigate_unsetup(void)
{
	free_pages((unsigned long)l1d_pages, get_order(L1D_BYTES));
	l1d_pages = NULL;
}

/* Without microcode: read as much as the cache holds, after loading the TLB for all of it. */
void axvcpu_x86_flush_l1d(void)
{
	int i;

	if (!l1d_pages) {
		wrmsrq(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}
	for (i = 0; i < L1D_BYTES; i += PAGE_SIZE)
		READ_ONCE(l1d_pages[i]);
	cpuid_eax(0);	/* serialises */
	for (i = 0; i < L1D_BYTES; i += L1_CACHE_BYTES)
		READ_ONCE(l1d_pages[i]);
	asm volatile("lfence" : : : "memory");
}

void axvcpu_x86_ibpb(void)
{
	if (axvcpu_x86_mitigations & AXVCPU_X86_IBPB_SWITCH)
		wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}
