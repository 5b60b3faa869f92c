// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FPU: its registers at load and put, XCR0 and IA32_XSS around each entry, and what CPUID says
 * of XSAVE. Calls mitigate.c. No locks.
 *
 * Registers are switched with the host's XCR0, which has all components, so that a guest finds
 * those again that it had disabled meanwhile. Its own XCR0 holds from entry to exit only. Intel SDM
 * vol. 1, chapter 13; AMD64 APM vol. 2, 11.5.
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "axas_compat.h"
#include "mitigate.h"
#include "x86.h"

/* Components, by their bits in XCR0. SDM vol. 1, 13.1. */
#define XFEATURE_X87		BIT_ULL(0)
#define XFEATURE_SSE		BIT_ULL(1)
#define XFEATURE_AVX		BIT_ULL(2)
#define XFEATURE_AVX512		(BIT_ULL(5) | BIT_ULL(6) | BIT_ULL(7))
#define XFEATURE_PKRU_BIT	BIT_ULL(9)
#define XFEATURE_TILES		(BIT_ULL(17) | BIT_ULL(18))

/*
 * PKRU stays the host's: without CR4.PKE, and without its bit in XCR0, a guest can neither read nor
 * use it. AMX tiles are cleared and not preserved: loading them can fault, depending on an MSR of
 * the thread. Guests have neither.
 */
#define XFEATURE_GUEST		(XFEATURE_X87 | XFEATURE_SSE | XFEATURE_AVX | XFEATURE_AVX512)

/* Bits of CPUID's leaves 1 and 7 that need components: FMA, XSAVE, AVX, F16C; AVX2. */
#define CPUID_1_ECX_XSAVE	BIT(26)
#define CPUID_1_ECX_AVX		(BIT(12) | BIT(28) | BIT(29))
#define CPUID_7_EBX_AVX		BIT(5)
/* GFNI, VAES, VPCLMULQDQ */
#define CPUID_7_ECX_AVX		(BIT(8) | BIT(9) | BIT(10))
/* F, DQ, IFMA, CD, BW, VL; VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
#define CPUID_7_EBX_AVX512	(BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31))
#define CPUID_7_ECX_AVX512	(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))

struct axvcpu_x86_xstate axvcpu_x86_xstate;

static void add_features(struct axvcpu_x86_xstate *xstate)
{
	xstate->cpuid_1_ecx = CPUID_1_ECX_XSAVE;
	if (xstate->guest & XFEATURE_AVX) {
		xstate->cpuid_1_ecx |= CPUID_1_ECX_AVX;
		xstate->cpuid_7_ebx |= CPUID_7_EBX_AVX;
		xstate->cpuid_7_ecx |= CPUID_7_ECX_AVX;
	}
	if (xstate->guest & XFEATURE_AVX512) {
		xstate->cpuid_7_ebx |= CPUID_7_EBX_AVX512;
		xstate->cpuid_7_ecx |= CPUID_7_ECX_AVX512;
	}
}

/* The kernel does not change XCR0 and IA32_XSS after boot. */
void axvcpu_x86_fpu_setup(bool offer)
{
	struct axvcpu_x86_xstate *xstate = &axvcpu_x86_xstate;

	*xstate = (struct axvcpu_x86_xstate){};
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	xstate->host = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (!offer)
		return;
	xstate->guest = xstate->host & XFEATURE_GUEST;
	if ((xstate->guest & XFEATURE_AVX512) != XFEATURE_AVX512)
		xstate->guest &= ~XFEATURE_AVX512;
	if (boot_cpu_has(X86_FEATURE_SVM) && boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrq(MSR_IA32_XSS, xstate->host_xss);
	add_features(xstate);
}

#define FXSAVE_FCW		0	/* offsets in the legacy area, SDM vol. 1, 10.5.1 */
#define FXSAVE_MXCSR		24
#define FXSAVE_BYTES		512

static u64 fpu_mask(void)
{
	return axvcpu_x86_xstate.host & ~XFEATURE_PKRU_BIT;
}

static void fpu_save(void *area)
{
	u64 mask;

	if (!boot_cpu_has(X86_FEATURE_XSAVE)) {
		asm volatile("fxsave64 (%0)" : : "r" (area) : "memory");
		return;
	}
	mask = fpu_mask() & ~XFEATURE_TILES;
	asm volatile("xsave64 (%0)" : : "r" (area), "a" ((u32)mask), "d" ((u32)(mask >> 32))
		     : "memory");
}

/*
 * Up to Zen, AMD's FPU loads do not replace the pointers of the last x87 instruction while no
 * exception is pending, which leaks those of the host's user. EMMS and an integer load replace
 * them.
 */
static void forget_x87_pointers(const void *area)
{
	asm volatile("fnclex\n\temms\n\tfildl %0" : : "m" (*(const u32 *)area));
}

static void fpu_load(void *area)
{
	u64 mask;

	if (axvcpu_x86_mitigations & AXVCPU_X86_FXSAVE)
		forget_x87_pointers(area);
	if (!boot_cpu_has(X86_FEATURE_XSAVE)) {
		asm volatile("fxrstor64 (%0)" : : "r" (area) : "memory");
		return;
	}
	mask = fpu_mask();
	asm volatile("xrstor64 (%0)" : : "r" (area), "a" ((u32)mask), "d" ((u32)(mask >> 32))
		     : "memory");
}

void axvcpu_x86_fpu_load(struct axvcpu_x86 *x86)
{
	kernel_fpu_begin();
	fpu_load(x86->fpu);
}

void axvcpu_x86_fpu_put(struct axvcpu_x86 *x86)
{
	fpu_save(x86->fpu);
	kernel_fpu_end();
}

static void write_xcr0(u64 xcr0)
{
	asm volatile("xsetbv" : : "c" (XCR_XFEATURE_ENABLED_MASK), "a" ((u32)xcr0),
		     "d" ((u32)(xcr0 >> 32)));
}

/*
 * XSAVES has no control of its own on SVM: a guest that may set CR4.OSXSAVE can use it, and must
 * not find supervisor components of the host. On VMX it is undefined.
 */
static void write_xss(u64 xss)
{
	if (axvcpu_x86_xstate.host_xss)
		wrmsrq(MSR_IA32_XSS, xss);
}

void axvcpu_x86_xstate_enter(const struct axvcpu_x86 *x86)
{
	write_xcr0(x86->xcr0);
	write_xss(0);
}

void axvcpu_x86_xstate_leave(void)
{
	write_xss(axvcpu_x86_xstate.host_xss);
	write_xcr0(axvcpu_x86_xstate.host);
}

/* What XSETBV accepts: SDM vol. 1, 13.3. */
static bool xcr0_valid(u64 xcr0)
{
	u64 avx512 = xcr0 & XFEATURE_AVX512;

	if (!(xcr0 & XFEATURE_X87) || xcr0 & ~axvcpu_x86_xstate.guest)
		return false;
	if (xcr0 & XFEATURE_AVX && !(xcr0 & XFEATURE_SSE))
		return false;
	return !avx512 || (avx512 == XFEATURE_AVX512 && xcr0 & XFEATURE_AVX);
}

bool axvcpu_x86_xsetbv(struct axvcpu_x86 *x86)
{
	u64 val = (u32)x86->gpr[AXVCPU_REG_RAX] | x86->gpr[AXVCPU_REG_RDX] << 32;

	if ((u32)x86->gpr[AXVCPU_REG_RCX] != XCR_XFEATURE_ENABLED_MASK || !xcr0_valid(val))
		return false;
	x86->xcr0 = val;
	return true;
}

/* 0 is what states from before this register have. */
bool axvcpu_x86_xcr0_valid(u32 xcr0)
{
	return !xcr0 || xcr0 == XFEATURE_X87 || xcr0_valid(xcr0);
}

/* Size for the components enabled in XCR0: Intel SDM vol. 1, 13.2. */
static size_t fpu_bytes(void)
{
	return boot_cpu_has(X86_FEATURE_XSAVE) ? cpuid_ebx(0xd) : FXSAVE_BYTES;
}

/* The header is zero: all components are in their reset state. */
void axvcpu_x86_fpu_reset(struct axvcpu_x86 *x86)
{
	u8 *area = x86->fpu;

	memset(area, 0, fpu_bytes());
	*(u16 *)(area + FXSAVE_FCW) = 0x37f;
	*(u32 *)(area + FXSAVE_MXCSR) = 0x1f80;
	x86->xcr0 = XFEATURE_X87;
	x86->osxsave = false;
}

/* XSAVE requires 64-byte alignment; a power-of-two allocation provides it. */
int axvcpu_x86_fpu_create(struct axvcpu_x86 *x86)
{
	x86->fpu = kzalloc(roundup_pow_of_two(fpu_bytes()), GFP_KERNEL_ACCOUNT);
	return x86->fpu ? 0 : -ENOMEM;
}

/* Of XSAVE's header, after the legacy area: SDM vol. 1, 13.4.2. */
#define XSAVE_BV		512
#define XSAVE_HEADER_BYTES	64
#define FXSAVE_MXCSR_MASK	28
#define MXCSR_MASK_DEFAULT	0xffbfu	/* SDM vol. 1, 11.6.6 */

u32 axvcpu_x86_fpu_save(const struct axvcpu_x86 *x86, u8 *area, u32 room)
{
	u32 bytes = min_t(size_t, fpu_bytes(), room);

	memcpy(area, x86->fpu, bytes);
	return bytes;
}

/* XRSTOR raises #GP for reserved bits of MXCSR and of the header, and for components it lacks. */
void axvcpu_x86_fpu_restore(struct axvcpu_x86 *x86, const u8 *area, u32 bytes)
{
	u8 *fpu = x86->fpu;
	u32 mask = *(u32 *)(fpu + FXSAVE_MXCSR_MASK) ?: MXCSR_MASK_DEFAULT;
	u64 components;

	axvcpu_x86_fpu_reset(x86);
	memcpy(fpu, area, min_t(size_t, bytes, fpu_bytes()));
	*(u32 *)(fpu + FXSAVE_MXCSR) &= mask;
	*(u32 *)(fpu + FXSAVE_MXCSR_MASK) = mask;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	components = *(u64 *)(fpu + XSAVE_BV) & fpu_mask() & ~XFEATURE_TILES;
	memset(fpu + XSAVE_BV, 0, XSAVE_HEADER_BYTES);
	*(u64 *)(fpu + XSAVE_BV) = components;
}

/* CPUID leaf 0xd, APM vol. 3, E.3.8: sizes of the standard format. */
#define XSAVE_LEAF		0xd
#define XSAVE_BYTES_MIN		(XSAVE_BV + XSAVE_HEADER_BYTES)
#define XSAVE_FEATURES		(BIT(0) | BIT(1) | BIT(2))	/* XSAVEOPT, XSAVEC, XGETBV 1 */

static u32 xsave_bytes(u64 components)
{
	u32 eax, ebx, ecx, edx, bytes = XSAVE_BYTES_MIN, i;

	for (i = 2; i < 64; i++) {
		if (!(components & BIT_ULL(i)))
			continue;
		cpuid_count(XSAVE_LEAF, i, &eax, &ebx, &ecx, &edx);
		bytes = max(bytes, eax + ebx);
	}
	return bytes;
}

void axvcpu_x86_cpuid_xsave(const struct axvcpu_x86 *x86, u32 subleaf, u32 out[4])
{
	u64 guest = axvcpu_x86_xstate.guest;

	if (!guest)
		return;
	switch (subleaf) {
	case 0:
		out[0] = guest;
		out[1] = xsave_bytes(x86->xcr0);
		out[2] = xsave_bytes(guest);
		out[3] = guest >> 32;
		break;
	case 1:
		cpuid_count(XSAVE_LEAF, 1, &out[0], &out[1], &out[2], &out[3]);
		out[0] &= XSAVE_FEATURES;
		memset(&out[1], 0, 3 * sizeof(*out));
		break;
	case 2 ... 63:
		if (guest & BIT_ULL(subleaf))
			cpuid_count(XSAVE_LEAF, subleaf, &out[0], &out[1], &out[2], &out[3]);
		break;
	}
}
