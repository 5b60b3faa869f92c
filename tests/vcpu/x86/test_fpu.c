// SPDX-License-Identifier: GPL-2.0-only
/*
 * XSAVE: a guest's registers of AVX are its own, XCR0 and CPUID are filtered, and the host's
 * registers and XCR0 survive.
 */
#include "vm.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define UD		6
#define GP		13
#define XCR0_READ	0x10000u	/* guest_xcr: XSETBV was accepted */
#define XCR0_AVX	7u

static void avx_registers_stay_the_guests(void)
{
	need_guest_avx();
	expect_own_registers(guest(avx), 300000);
}

/* A new vCPU does not find what another guest, or this thread, has left in the registers. */
static void avx_registers_begin_as_zero(void)
{
	struct vm vm;

	need_guest_avx();
	vm = vm_new();
	asm volatile("vpcmpeqd %%ymm9, %%ymm9, %%ymm9" : : : "xmm9");
	expect_eq(vm_call(&vm, guest(first_upper_half), 0, 0, 0, 0), 0);
}

/* What is no value for XCR0 on any CPU, and what this host does not offer, raises #GP. */
static void xcr0_is_checked(void)
{
	static const struct {
		u64 xcr, val;
	} bad[] = {
		{ 0, 0 }, { 0, 2 }, { 0, 6 }, { 0, 5 },	/* without x87; AVX without SSE */
		{ 0, 0x27 }, { 0, 0xe3 },		/* parts of AVX-512; without AVX */
		{ 0, 0x0b }, { 0, 0x203 },		/* MPX, PKRU */
		{ 0, 0x60007 }, { 0, 1ull << 63 | 7 },	/* AMX */
		{ 1, 7 }, { 0xffffffff, 7 },
	};
	struct vm vm;

	need_guest_avx();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		vm = kernel(0);
		expect_eq(vm_call(&vm, guest(xcr), bad[i].xcr, bad[i].val, 0, 0), GP);
		vm_free(&vm);
	}
	vm = kernel(0);
	for (u64 val = 1; val < 8; val += val == 1 ? 2 : 4)
		expect_eq(vm_call(&vm, guest(xcr), 0, val, 0, 0), XCR0_READ | val);
}

static u32 own_xcr0(void)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
	return low;
}

/* Even where guests are not offered XSAVE, but nothing keeps them from it: QEMU 7.2. */
static void hosts_xcr0_survives(void)
{
	struct vm vm;
	u32 before;

	if (!cpu_has("avx"))
		skip("this CPU has no AVX");
	vm = kernel(0);
	before = own_xcr0();
	for (int i = 0; i < 10; i++) {
		vm_call(&vm, guest(xcr), 0, 1, 0, 0);
		expect_eq(own_xcr0(), before);
	}
}

/* Each guest has its own, and so has this thread. */
static void xcr0_is_the_guests(void)
{
	struct vm a, b;
	u32 before;

	need_guest_avx();
	a = vm_new();
	b = vm_new();
	before = own_xcr0();
	expect_eq(vm_call(&a, guest(xcr), 0, 3, 0, 0), XCR0_READ | 3);
	expect_eq(vm_call(&b, guest(xcr), 0, XCR0_AVX, 0, 0), XCR0_READ | XCR0_AVX);
	for (int i = 0; i < 3; i++) {
		expect_eq((u32)vm_call(&a, guest(xgetbv), 0, 0, 0, 0), 3);
		expect_eq((u32)vm_call(&b, guest(xgetbv), 0, 0, 0, 0), XCR0_AVX);
	}
	expect_eq(own_xcr0(), before);
}

static void avx_needs_xcr0_and_osxsave(void)
{
	struct vm vm;

	need_guest_avx();
	vm = kernel(0);
	expect_eq(vm_call(&vm, guest(vzeroall), 0, 0, 0, 0), UD);
	expect_eq(vm_call(&vm, guest(xcr), 0, 3, 0, 0), XCR0_READ | 3);
	expect_eq(vm_call(&vm, guest(vzeroall), 0, 0, 0, 0), UD);
	expect_eq(vm_call(&vm, guest(xcr), 0, XCR0_AVX, 0, 0), XCR0_READ | XCR0_AVX);
	expect_eq(vm_call(&vm, guest(vzeroall), 0, 0, 0, 0), 0);
	expect_eq(vm_call(&vm, guest(no_osxsave), 0, 0, 0, 0), UD);
}

static struct axvcpu_regs cpuid(struct vm *vm, u32 leaf, u32 subleaf)
{
	struct axvcpu_regs regs;

	vm_call(vm, guest(cpuid), leaf, subleaf, 0, 0);
	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return regs;
}

/* Bits 26 and 27 of leaf 1 are XSAVE and OSXSAVE, 28 is AVX; leaf 0xd has XCR0's bits and sizes. */
static void cpuid_tells_of_xcr0(void)
{
	struct axvcpu_regs regs;
	struct vm vm;

	need_guest_avx();
	vm = vm_new();
	expect_eq(cpuid(&vm, 1, 0).gpr[AXVCPU_REG_RCX] >> 26 & 7, 5);
	vm_call(&vm, guest(xcr), 0, 3, 0, 0);
	expect_eq(cpuid(&vm, 1, 0).gpr[AXVCPU_REG_RCX] >> 26 & 7, 7);
	regs = cpuid(&vm, 0xd, 0);
	expect_eq(regs.gpr[AXVCPU_REG_RAX] & ~0xe0ull, XCR0_AVX);
	expect_eq(regs.gpr[AXVCPU_REG_RBX], 576);
	expect_eq(regs.gpr[AXVCPU_REG_RDX], 0);
	vm_call(&vm, guest(xcr), 0, XCR0_AVX, 0, 0);
	expect_eq(cpuid(&vm, 0xd, 0).gpr[AXVCPU_REG_RBX], 576 + 256);
	expect_eq(cpuid(&vm, 0xd, 2).gpr[AXVCPU_REG_RAX], 256);
	/* No supervisor components, no PKRU. */
	expect_eq(cpuid(&vm, 0xd, 1).gpr[AXVCPU_REG_RAX] & ~7ull, 0);
	expect_eq(cpuid(&vm, 0xd, 9).gpr[AXVCPU_REG_RAX], 0);
}

static void on_tick(int sig)
{
	(void)sig;
}

/* AXVCPU_RUN with a register of AVX that must survive: nothing of the C library between. */
static long run_with_ymm(int vcpu, struct axvcpu_exit *exit, u64 pattern, u64 *after)
{
	long ret;

	asm volatile("vmovq %[pattern], %%xmm8\n\t"
		     "vinsertf128 $1, %%xmm8, %%ymm8, %%ymm8\n\t"
		     "syscall\n\t"
		     "vextractf128 $1, %%ymm8, %%xmm8\n\t"
		     "vmovq %%xmm8, %[after]"
		     : "=a" (ret), [after] "=r" (*after)
		     : "a" (SYS_ioctl), "D" (vcpu), "S" (AXVCPU_RUN), "d" (exit),
		       [pattern] "r" (pattern)
		     : "rcx", "r11", "xmm8", "memory");
	return ret;
}

static void hosts_registers_survive(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { 0 };
	struct axvcpu_exit exit;
	struct vm vm;
	u64 after;
	long ret;

	need_guest_avx();
	vm = vm_new();
	signal(SIGALRM, on_tick);
	vm_enter(&vm, guest(avx), 0x5a5a, 1000000, 0, 0);
	setitimer(ITIMER_REAL, &often, NULL);
	for (u64 pattern = 1; ; pattern = pattern << 1 | pattern >> 63) {
		exit = (struct axvcpu_exit){ .size = sizeof(exit) };
		ret = run_with_ymm(vm.vcpu, &exit, pattern, &after);
		expect_eq(after, pattern);
		if (!ret && exit.reason != AXVCPU_EXIT_NOTHING)
			break;
		expect(!ret || ret == -EINTR);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	expect_eq(expect_end(&vm, &exit), 1000000);
}

static const struct test tests[] = {
	{ "avx_registers_stay_the_guests", avx_registers_stay_the_guests },
	{ "avx_registers_begin_as_zero", avx_registers_begin_as_zero },
	{ "xcr0_is_checked", xcr0_is_checked },
	{ "xcr0_is_the_guests", xcr0_is_the_guests },
	{ "avx_needs_xcr0_and_osxsave", avx_needs_xcr0_and_osxsave },
	{ "cpuid_tells_of_xcr0", cpuid_tells_of_xcr0 },
	{ "hosts_xcr0_survives", hosts_xcr0_survives },
	{ "hosts_registers_survive", hosts_registers_survive },
};

const struct suite suite_fpu = { .tests = tests, .nr = ARRAY_SIZE(tests) };
