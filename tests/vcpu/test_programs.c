// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that are programs: their console output, and the checksum of their demand-paged memory.
 */
#include "vm.h"

#define BYTES		(64 * MIB)
/* As in ../guests/guest.h: ports, or MMIO from DEVICES on where the architecture has none. */
#define DEVICES		0xf0000000ull
#define DEMO_CONSOLE	0xe9
#define DEMO_END	0xf4
#define DEMO_TOUCHED	9216	/* pages: half of the memory, and an eighth of the rest */

struct console {
	char text[256];
	size_t len;
};

static void put(struct console *console, char c)
{
	expect(console->len + 1 < sizeof(console->text));
	console->text[console->len++] = c;
}

static void expect_text(const struct console *console, const char *text)
{
	if (strcmp(console->text, text))
		fail("the console has %s", console->text);
}

/* Run a guest of guests.S to its end, collect its output, return its result. */
static u64 run_to_end(struct vm *vm, struct console *console)
{
	struct axvcpu_exit exit;
	u64 result;
	char c;

	for (;;) {
		expect_ok(vcpu_run(vm->vcpu, &exit));
		if (arch_ended(vm->vcpu, &exit, &result))
			return result;
		if (!arch_printed(&exit, &c))
			fail("exit %s", axvcpu_exit_name(exit.reason));
		put(console, c);
		expect_ok(axvcpu_set_return(vm->vcpu, 0));
	}
}

/* The guest prints the text that the VMM wrote to its memory. */
static void console_prints(void)
{
	static const char greeting[] = "Hello from a guest.\n";
	struct console console = { .len = 0 };
	struct vm vm = vm_new();

	write_guest(vm.space, VM_DATA, greeting, sizeof(greeting));
	vm_enter(&vm, guest(console), strlen(greeting), VM_DATA, 0, 0);
	run_to_end(&vm, &console);
	expect_text(&console, greeting);
}

static u64 npfs(const struct vm *vm)
{
	return vcpu_state(vm->vcpu).exits[AXVCPU_EXIT_NESTED_PAGE_FAULT];
}

/* The guest generates its data and their checksum from the word count only. */
static u64 paging(u32 flags, u64 step)
{
	struct console console = { .len = 0 };
	struct vm vm = vm_new();
	char expected[32];
	u64 before, sum;

	map(vm.space, VM_TEST, BYTES, RW, flags);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	before = npfs(&vm);
	vm_enter(&vm, guest(paging), VM_TEST, BYTES, step, 0);
	sum = run_to_end(&vm, &console);
	expect_eq(sum, checksum(BYTES / step));
	snprintf(expected, sizeof(expected), "%016llx\n", sum);
	expect_text(&console, expected);
	note("64 MiB: checksum %016llx, %llu faults", sum, npfs(&vm) - before);
	return npfs(&vm) - before;
}

/* There may be one more fault, for a page of code that runs for the first time. */
static void expect_paging(u32 flags, u64 step, u64 faults)
{
	u64 n = paging(flags, step);

	if (n != faults && n != faults + 1)
		fail("%llu faults, not %llu", n, faults);
}

static void paging_sum(void) { paging(0, 8); }
static void paging_4k(void) { expect_paging(AXAS_MAP_HUGE_NEVER, PAGE, BYTES / PAGE); }
static void paging_2m(void) { expect_paging(AXAS_MAP_HUGE_ALWAYS, PAGE, BYTES / (2 * MIB)); }
static void paging_words(void) { expect_paging(AXAS_MAP_HUGE_NEVER, 8, BYTES / PAGE); }

/* The checksum of ../guests/demo.c over its memory. */
static u64 demo_sum(u64 from, u64 to, u64 step, u64 sum)
{
	for (; from < to; from += step)
		sum = (sum << 7 | sum >> 57) ^ from * 0x9e3779b97f4a7c15ull;
	return sum;
}

static void expect_demo_text(const struct console *console)
{
	u64 half = VM_TEST + BYTES / 2, sum = demo_sum(VM_TEST, half, PAGE, 1);
	char expected[256];

	sum = demo_sum(half, VM_TEST + BYTES, 8 * PAGE, sum);
	snprintf(expected, sizeof(expected), "guest: 64 MiB at 0x40000000\n"
		 "guest: touched %u pages of 16384\nguest: checksum 0x%llx\n", DEMO_TOUCHED, sum);
	expect_text(console, expected);
	note("64 MiB: checksum %#llx", sum);
}

/* The next output of the demo, to a port or to the MMIO register in its place. */
static u64 next_output(struct vm *vm, u64 *data)
{
	struct axvcpu_exit exit;

	expect_ok(vcpu_run(vm->vcpu, &exit));
	if (exit.reason == AXVCPU_EXIT_IO_WRITE) {
		*data = exit.io_write.data;
		return exit.io_write.port;
	}
	expect_eq(exit.reason, AXVCPU_EXIT_MMIO_WRITE);
	*data = exit.mmio_write.data;
	return exit.mmio_write.gpa - DEVICES;
}

/* "axasctl run demo" with 64 MiB prints the same on every machine. */
static void demo(u32 flags, unsigned int level, u64 leaves)
{
	struct console console = { .len = 0 };
	struct axas_info before, after;
	struct vm vm = vm_new();
	u64 port, data;

	map(vm.space, VM_LOW, 15 * MIB, AXAS_PROT_MASK, AXAS_MAP_HUGE_NEVER);
	map(vm.space, VM_TEST, BYTES, RW, flags);
	write_guest(vm.space, VM_LOW, demo_begin, demo_end - demo_begin);
	poke(vm.space, VM_STACK - 8, 0);
	vm_enter(&vm, VM_LOW, VM_TEST, BYTES, 0, 0);
	before = info(vm.space);
	while ((port = next_output(&vm, &data)) == DEMO_CONSOLE)
		put(&console, data);
	expect_eq(port, DEMO_END);
	expect_eq(data, 0);
	after = info(vm.space);
	expect_demo_text(&console);
	expect_eq(after.leaves[level] - before.leaves[level], leaves);
}

static void demo_4k(void) { demo(AXAS_MAP_HUGE_NEVER, 0, DEMO_TOUCHED); }
static void demo_2m(void) { demo(AXAS_MAP_HUGE_ALWAYS, 1, BYTES / (2 * MIB)); }

static const struct test tests[] = {
	{ "console_prints", console_prints },
	{ "demand_paging_has_the_right_checksum", paging_sum },
	{ "paging_prints_its_checksum_at_4k", paging_4k },
	{ "paging_prints_its_checksum_at_2m", paging_2m },
	{ "paging_prints_its_checksum_of_all_words", paging_words },
	{ "demo_guest_prints_what_it_shall_at_4k", demo_4k },
	{ "demo_guest_prints_what_it_shall_at_2m", demo_2m },
};

const struct suite suite_programs = { .tests = tests, .nr = ARRAY_SIZE(tests) };
