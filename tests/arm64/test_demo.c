// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guests that other architectures have: they print the same here.
 */
#include "vm.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYSTEM_SIZE	(16 * MIB)
#define IMAGE		MIB
#define MEM		0x40000000ull
#define MEM_SIZE	(64 * MIB)
#define TOUCHED		9216		/* pages: half of them, and an eighth of the rest */
#define DEVICES		0xf0000000ull	/* see guest.h */
#define PORT_CONSOLE	0xe9
#define PORT_END	0xf4

struct console {
	char text[256];
	size_t len;
};

static struct console expected;

static void put(struct console *console, char c)
{
	if (console->len + 1 < sizeof(console->text))
		console->text[console->len++] = c;
}

void outb(unsigned short port, u8 val)
{
	if (port == PORT_CONSOLE)
		put(&expected, val);
}

/* In memory at the same addresses. */
static void run_as_a_process(void)
{
	void *mem = mmap((void *)MEM, MEM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (mem != (void *)MEM)
		fail("no memory at %#llx", MEM);
	expect_eq(demo_main(MEM, MEM_SIZE), 0);
	munmap(mem, MEM_SIZE);
}

static struct vm load(u32 flags)
{
	struct axvcpu_setup arg = {
		.size = sizeof(arg), .mode = AXVCPU_MODE_EL1, .entry = IMAGE,
		.stack = VM_STACK, .cr3 = MEM
	};
	size_t len = image_demo_end - image_demo;
	struct vm vm = { .space = open_space() };

	map(vm.space, 0, SYSTEM_SIZE, AXAS_PROT_MASK, AXAS_MAP_HUGE_NEVER);
	map(vm.space, MEM, MEM_SIZE, AXAS_PROT_READ | AXAS_PROT_WRITE, flags);
	expect_eq(pwrite(vm.space, image_demo, len, IMAGE), len);
	vm.vcpu = open_vcpu(vm.space, 0);
	expect_eq(vcpu_setup(vm.vcpu, &arg), 0);
	expect_eq(vcpu_set_gpr(vm.vcpu, 1, MEM_SIZE), 0);
	return vm;
}

static void run_as_a_guest(struct vm *vm, struct console *console)
{
	struct axvcpu_exit exit;

	for (;;) {
		exit = vm_expect(vm, AXVCPU_EXIT_MMIO_WRITE);
		if (exit.mmio_write.gpa == DEVICES + PORT_END)
			break;
		expect_eq(exit.mmio_write.gpa, DEVICES + PORT_CONSOLE);
		put(console, exit.mmio_write.data);
	}
	expect_eq(exit.mmio_write.data, 0);
}

static void demo(u32 flags, unsigned int level, u64 leaves)
{
	struct console console = { .len = 0 };
	struct axas_info before, after;
	struct vm vm = load(flags);

	run_as_a_process();
	before = info(vm.space);
	run_as_a_guest(&vm, &console);
	after = info(vm.space);
	if (strcmp(console.text, expected.text))
		fail("it printed: %s", console.text);
	expect_eq(after.leaves[level] - before.leaves[level], leaves);
	note("%.*s", (int)strcspn(strstr(console.text, "checksum"), "\n"),
	     strstr(console.text, "checksum"));
}

static void demo_4k(void)
{
	demo(AXAS_MAP_HUGE_NEVER, 0, TOUCHED + 1);	/* and its stack */
}

static void demo_2m(void)
{
	demo(AXAS_MAP_HUGE_ALWAYS, 1, MEM_SIZE / (2 * MIB));
}

static const struct test tests[] = {
	{ "demo_guest_prints_what_it_shall_at_4k", demo_4k },
	{ "demo_guest_prints_what_it_shall_at_2m", demo_2m },
};

const struct suite suite_demo = { tests, ARRAY_SIZE(tests) };
