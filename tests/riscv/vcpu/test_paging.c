// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that are programs: what they print, and the checksum of the memory that comes to
 * them when they touch it.
 */
#include "vm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)

/* What the guest prints, up to its end. */
static u64 console(struct vm *vm, char *text, size_t size)
{
	struct axvcpu_exit exit;
	size_t len = 0;

	for (;;) {
		exit = vm_expect(vm, AXVCPU_EXIT_HYPERCALL);
		if (exit.hypercall.nr == SBI_DONE)
			break;
		expect_eq(exit.hypercall.nr, SBI_PUTCHAR);
		expect(len + 1 < size);
		text[len++] = exit.hypercall.args[0];
		expect_eq(vcpu_return(vm->vcpu, 0), 0);
	}
	text[len] = '\0';
	return exit.hypercall.args[0];
}

/* The same sum as the guest's, over the same words. */
static u64 checksum(u64 words)
{
	u64 sum = 0;

	for (u64 n = 1; n <= words; n++) {
		u64 x = n;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum = (sum << 1 | sum >> 63) + x;
	}
	return sum;
}

static void paging(u32 flags, u64 step, u64 faults)
{
	struct vm vm = vm_new(0);
	char text[64], expected[64];
	u64 before, sum;

	map(vm.space, VM_TEST, 64 * MIB, RW, flags);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	before = vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_NESTED_PAGE_FAULT];
	vm_enter(&vm, guest(paging), VM_TEST, 64 * MIB, step, 0);
	sum = console(&vm, text, sizeof(text));
	expect_eq(sum, checksum(64 * MIB / step));
	snprintf(expected, sizeof(expected), "%016llx\n", sum);
	if (strcmp(text, expected))
		fail("the console has %s", text);
	/* One more, for the page of code that it runs first. */
	before = vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_NESTED_PAGE_FAULT] - before;
	if (before != faults && before != faults + 1)
		fail("%llu faults, not %llu", before, faults);
	text[16] = '\0';
	note("checksum %s, %llu faults", text, before);
}

static void paging_4k(void) { paging(AXAS_MAP_HUGE_NEVER, 4096, 64 * MIB / PAGE); }
static void paging_2m(void) { paging(AXAS_MAP_HUGE_ALWAYS, 4096, 32); }
static void paging_words(void) { paging(AXAS_MAP_HUGE_NEVER, 8, 64 * MIB / PAGE); }

/* The VMM learns of memory, and what is printed is what was there. */
static void console_prints(void)
{
	static const char greeting[] = "Hello from VS-mode.\n";
	struct vm vm = vm_new(0);
	char text[64];
	u64 word;

	for (size_t i = 0; i < sizeof(greeting); i += 8) {
		word = 0;
		memcpy(&word, greeting + i, sizeof(greeting) - i < 8 ? sizeof(greeting) - i : 8);
		poke(vm.space, VM_DATA + i, word);
	}
	vm_enter(&vm, guest(console), strlen(greeting), VM_DATA, 0, 0);
	console(&vm, text, sizeof(text));
	if (strcmp(text, greeting))
		fail("the console has %s", text);
}

/* What ../../guests/demo.c makes of its memory. */
static u64 demo_sum(u64 from, u64 to, u64 step, u64 sum)
{
	for (; from < to; from += step)
		sum = (sum << 7 | sum >> 57) ^ from * 0x9e3779b97f4a7c15ull;
	return sum;
}

/* "axasctl run demo" with 64 MiB prints the same wherever it runs. */
static void demo_prints_its_checksum(void)
{
	const u64 bytes = 64 * MIB, half = bytes / 2, image = MIB;
	struct vm vm = vm_new(0);
	char text[256], expected[256];
	u64 sum, before;

	map(vm.space, image, MIB, AXAS_PROT_MASK, AXAS_MAP_HUGE_NEVER);
	expect_eq(pwrite(vm.space, demo_begin, demo_end - demo_begin, image),
		  demo_end - demo_begin);
	map(vm.space, VM_TEST, bytes, RW, AXAS_MAP_HUGE_NEVER);
	before = info(vm.space).frames;
	vm_enter(&vm, image, VM_TEST, bytes, 0, 0);
	expect_eq(console(&vm, text, sizeof(text)), 0);
	sum = demo_sum(VM_TEST, VM_TEST + half, PAGE, 1);
	sum = demo_sum(VM_TEST + half, VM_TEST + bytes, 8 * PAGE, sum);
	snprintf(expected, sizeof(expected), "guest: 64 MiB at 0x40000000\n"
		 "guest: touched 9216 pages of 16384\nguest: checksum 0x%llx\n", sum);
	if (strcmp(text, expected))
		fail("the console has %s", text);
	note("checksum %#llx, %llu frames, %llu nested page faults", sum,
	     info(vm.space).frames - before,
	     vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_NESTED_PAGE_FAULT]);
}

static const struct test tests[] = {
	{ "console_prints", console_prints },
	{ "paging_prints_its_checksum_at_4k", paging_4k },
	{ "paging_prints_its_checksum_at_2m", paging_2m },
	{ "paging_prints_its_checksum_of_all_words", paging_words },
	{ "demo_prints_its_checksum", demo_prints_its_checksum },
};

const struct suite suite_paging = { tests, ARRAY_SIZE(tests) };
