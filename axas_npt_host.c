// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats by number, and the format that the host's CPUs walk with their capabilities, from
 * capability registers. Calls the formats and axas_hal.c; no locks.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cpu.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/printk.h>

#include "axas_compat.h"
#include "axas_npt.h"

#define FORMAT(NAME, name)	[AXAS_FORMAT_##NAME] = &axas_npt_##name,
#define ONE(NAME, name)		+ 1

static const struct axas_npt_fmt * const formats[AXAS_NR_FORMATS] = {
	AXAS_NPT_FORMATS(FORMAT)
};

static_assert(AXAS_FORMAT_DEFAULT + 1 AXAS_NPT_FORMATS(ONE) == AXAS_NR_FORMATS);

const struct axas_npt_fmt *axas_npt_fmt_by_id(u32 id)
{
	if (id == AXAS_FORMAT_DEFAULT)
		id = axas_host_format();
	if (id >= AXAS_NR_FORMATS)
		return NULL;
	return formats[array_index_nospec(id, AXAS_NR_FORMATS)];
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_fmt_by_id);

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <linux/cc_platform.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

/*
 * IA32_VMX_EPT_VPID_CAP, Intel SDM vol. 3D, A.10. Defined here, because the kernel's names have
 * moved between headers.
 */
#define EPT_CAP_XONLY		BIT_ULL(0)
#define EPT_CAP_4_LEVELS	BIT_ULL(6)
#define EPT_CAP_5_LEVELS	BIT_ULL(7)
#define EPT_CAP_2M		BIT_ULL(16)
#define EPT_CAP_1G		BIT_ULL(17)
#define EPT_CAP_AD		BIT_ULL(21)

/* APM vol. 3, E.4.8: CPUID Fn8000_000A_EDX[NP], nested paging. */
static bool host_has_npt(void)
{
	return boot_cpu_has(X86_FEATURE_SVM) && boot_cpu_has(X86_FEATURE_NPT);
}

/* The MSR exists if EPT or VPID can be enabled; else reading it faults. */
static bool host_has_ept(u64 *cap)
{
	return boot_cpu_has(X86_FEATURE_VMX) && !rdmsrq_safe(MSR_IA32_VMX_EPT_VPID_CAP, cap) &&
	       (*cap & EPT_CAP_4_LEVELS);
}

/* Executable leaves above 4 KiB can hang CPUs with this erratum (CVE-2018-12207). */
static u32 exec_4k(void)
{
	bool bad = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();

	return bad ? AXAS_CAP_EXEC_4K : 0;
}

static void ept_caps(u64 cap, struct axas_npt_caps *caps)
{
	caps->flags = exec_4k() | (cap & EPT_CAP_XONLY ? AXAS_CAP_EPT_XONLY : 0) |
		      (cap & EPT_CAP_AD ? AXAS_CAP_EPT_AD : 0);
	caps->leaf_levels = BIT(0) | (cap & EPT_CAP_2M ? BIT(1) : 0) |
			    (cap & EPT_CAP_2M && cap & EPT_CAP_1G ? BIT(2) : 0);
	caps->max_ia_bits = cap & EPT_CAP_5_LEVELS ? 57 : 48;
	caps->levels = BIT(4) | (cap & EPT_CAP_5_LEVELS ? BIT(5) : 0);
}

/*
 * A nested table has as many levels as the host's own: VMRUN takes the number from the host's
 * CR4 (APM vol. 2, 15.25.3). Read CR4, because kernel options do not determine it.
 */
static void svm_caps(struct axas_npt_caps *caps)
{
	bool la57 = native_read_cr4() & X86_CR4_LA57;

	caps->flags = boot_cpu_has(X86_FEATURE_NX) ? AXAS_CAP_SVM_NX : 0;
	caps->leaf_levels = BIT(0) | BIT(1) |
			    (boot_cpu_has(X86_FEATURE_GBPAGES) ? BIT(2) : 0);
	caps->max_ia_bits = la57 ? 57 : 48;
	caps->levels = la57 ? BIT(5) : BIT(4);
}

/*
 * With memory encryption (mem_encrypt=on, APM vol. 2, 7.10) the kernel's memory is encrypted,
 * and hardware decrypts it only through entries with the C bit. Our entries do not have it, so
 * hardware would read ciphertext, also in place of tables.
 */
static bool memory_is_encrypted(void)
{
	if (!cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return false;
	pr_warn_once("axas: memory encryption is on: no CPU will walk nested tables (boot with mem_encrypt=off)\n");
	return true;
}

u32 axas_host_format(void)
{
	bool amd = boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
		   boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;

	return host_has_npt() || amd ? AXAS_FORMAT_SVM : AXAS_FORMAT_EPT;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_format);

bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps)
{
	u64 ept = 0;

	*caps = fmt->caps;
	if (fmt->id == AXAS_FORMAT_EPT && host_has_ept(&ept))
		ept_caps(ept, caps);
	else if (fmt->id == AXAS_FORMAT_SVM && host_has_npt())
		svm_caps(caps);
	else
		return false;
	return !memory_is_encrypted();
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_caps);

#elif defined(CONFIG_ARM64)
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

/* A 4-bit field of a sanitised ID register, common to all CPUs. Arm DDI 0487, D23.2. */
static unsigned int id_field(u64 reg, unsigned int shift)
{
	return (reg >> shift) & 0xf;
}

#define MMFR0_TGRAN4_2_SHIFT	40	/* stage 2: 0 as stage 1, 1 none, 2 and 3 supported */
#define MMFR0_TGRAN4_SHIFT	28	/* stage 1: 0xf none */
#define MMFR1_HAFDBS_SHIFT	0	/* 2: hardware dirty state */
#define MMFR1_XNX_SHIFT		28
#define MMFR2_FWB_SHIFT		40

static bool host_has_4k(u64 mmfr0)
{
	unsigned int stage2 = id_field(mmfr0, MMFR0_TGRAN4_2_SHIFT);

	return stage2 ? stage2 != 1 : id_field(mmfr0, MMFR0_TGRAN4_SHIFT) != 0xf;
}

u32 axas_host_format(void)
{
	return AXAS_FORMAT_S2;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_format);

bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps)
{
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	u64 mmfr1 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR1_EL1);
	u64 mmfr2 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR2_EL1);

	*caps = fmt->caps;
	if (fmt->id != AXAS_FORMAT_S2 || !is_kernel_in_hyp_mode() || !host_has_4k(mmfr0))
		return false;
	caps->flags = (id_field(mmfr2, MMFR2_FWB_SHIFT) ? AXAS_CAP_S2_FWB : 0) |
		      (id_field(mmfr1, MMFR1_XNX_SHIFT) ? AXAS_CAP_S2_XNX : 0) |
		      (id_field(mmfr1, MMFR1_HAFDBS_SHIFT) >= 2 ? AXAS_CAP_S2_DBM : 0);
	caps->max_ia_bits = min(caps->max_ia_bits, axas_hal_phys_bits(&axas_hal_linux));
	return true;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_caps);

#elif defined(CONFIG_RISCV)
#include <linux/irqflags.h>
#include <asm/csr.h>
#include <asm/hwcap.h>

/*
 * hgatp retains supported modes only (RISC-V Privileged, "H" Extension, hgatp). While a mode
 * is tried, hardware may walk speculatively from a bogus root: the fence drops what it cached.
 */
static bool has_hgatp_mode(unsigned long mode)
{
	unsigned long flags, old;
	bool found;

	local_irq_save(flags);
	old = csr_swap(CSR_HGATP, mode << HGATP_MODE_SHIFT);
	found = csr_read(CSR_HGATP) >> HGATP_MODE_SHIFT == mode;
	csr_write(CSR_HGATP, old);
	/* HFENCE.GVMA; assemblers of 6.1's time lack the mnemonic. */
	asm volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" : : : "memory");
	local_irq_restore(flags);
	return found;
}

/* Numbers of levels that this CPU supports, as a bit mask; probed once. */
static u32 hgatp_levels(void)
{
	static u32 levels;
	u32 found = READ_ONCE(levels);

	if (found)
		return found;
	found = (has_hgatp_mode(HGATP_MODE_SV39X4) ? BIT(3) : 0) |
		(has_hgatp_mode(HGATP_MODE_SV48X4) ? BIT(4) : 0) |
		(has_hgatp_mode(HGATP_MODE_SV57X4) ? BIT(5) : 0);
	WRITE_ONCE(levels, found);
	return found;
}

static bool has_isa(unsigned int ext)
{
	return __riscv_isa_extension_available(NULL, ext);
}

u32 axas_host_format(void)
{
	return AXAS_FORMAT_GSTAGE;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_format);

bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps)
{
	*caps = fmt->caps;
	if (fmt->id != AXAS_FORMAT_GSTAGE || !has_isa(RISCV_ISA_EXT_h))
		return false;
	caps->flags = has_isa(RISCV_ISA_EXT_SVPBMT) ? AXAS_CAP_GSTAGE_SVPBMT : 0;
#ifdef RISCV_ISA_EXT_SVADU
	caps->flags |= has_isa(RISCV_ISA_EXT_SVADU) ? AXAS_CAP_GSTAGE_SVADU : 0;
#endif
#ifdef RISCV_ISA_EXT_SVNAPOT
	caps->flags |= has_isa(RISCV_ISA_EXT_SVNAPOT) ? AXAS_CAP_GSTAGE_SVNAPOT : 0;
#endif
	caps->levels = hgatp_levels();
	if (!caps->levels) {
		caps->levels = fmt->caps.levels;
		return false;
	}
	/* 41, 50 or 59: two bits more than with a root of 512 entries. */
	caps->max_ia_bits = axas_npt_shift(__fls(caps->levels)) + 2;
	return true;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_caps);

#else
/* User Mode Linux, and architectures without a format: no hardware walks our tables. */
u32 axas_host_format(void)
{
	return IS_ENABLED(CONFIG_UML) ? AXAS_FORMAT_EPT : AXAS_FORMAT_DEFAULT;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_format);

bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps)
{
	*caps = fmt->caps;
	return false;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_host_caps);
#endif
