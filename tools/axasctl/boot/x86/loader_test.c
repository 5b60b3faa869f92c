// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of boot, which writes to a file instead of a space: prints TAP. Calls load.c,
 * bzimage.c and acpi.c.
 */
#include "../boot.h"
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KERNEL_BYTES	0x9000u
#define SETUP_BYTES	0x1000u		/* 7 sectors, and the first one */
#define INIT_BYTES	0x2000000u
#define INITRD_BYTES	0x12345u

static char kernel_path[32], initrd_path[32];
static u8 kernel[KERNEL_BYTES];

static void put(u32 at, u64 val, size_t bytes)
{
	memcpy(kernel + at, &val, bytes);
}

/* A file that says of itself what a bzImage does. */
static void make_kernel(void)
{
	memset(kernel, 0, sizeof(kernel));
	put(0x1f1, 7, 1);
	put(0x200, 0x66eb, 2);		/* the header ends at 0x268 */
	put(0x202, 0x53726448, 4);
	put(0x206, 0x20f, 2);
	put(0x211, 1, 1);
	put(0x234, 1, 1);
	put(0x236, 1, 2);
	put(0x238, 200, 4);
	put(0x258, 0x1000000, 8);
	put(0x260, INIT_BYTES, 4);
	memset(kernel + SETUP_BYTES, 0xc3, sizeof(kernel) - SETUP_BYTES);
}

static int load(struct machine *m, u64 mem, bool with_initrd)
{
	const char *what;
	int err;

	write_file(kernel_path, kernel, sizeof(kernel));
	*m = (struct machine){
		.mem = mem, .nr_cpus = 1, .kernel = kernel_path, .cmdline = "console=ttyS0",
		.initrd = with_initrd ? initrd_path : NULL, .arch.tsc_khz = 2500000,
	};
	m->space = memfd_create("space", MFD_CLOEXEC);
	if (m->space < 0 || ftruncate(m->space, mem + HIGH_RAM))
		exit(1);
	err = load_linux(m, &what);
	if (err)
		close(m->space);
	return err;
}

static u64 get(const struct machine *m, u64 gpa, size_t bytes)
{
	u64 val = 0;

	if (pread(m->space, &val, bytes, gpa) != (ssize_t)bytes)
		exit(1);
	return val;
}

/* Of the entries of @type: the first byte of the last one, and bytes in all. */
static u64 e820(const struct machine *m, u32 type, u64 *last)
{
	u64 n = get(m, ZERO_PAGE + 0x1e8, 1), total = 0;

	for (u64 i = 0; i < n; i++) {
		u64 at = ZERO_PAGE + 0x2d0 + 20 * i;

		if (get(m, at + 16, 4) != type)
			continue;
		*last = get(m, at, 8);
		total += get(m, at + 8, 8);
	}
	return total;
}

static void test_layout(void)
{
	char text[128] = "";
	struct machine m;
	u64 last = 0;

	make_kernel();
	ok(!load(&m, 256ull << 20, true), "a kernel and a RAM disk are loaded");
	ok(m.entry == 0x1000200 && get(&m, 0x1000000, 1) == 0xc3 &&
	   get(&m, 0x1000000 + KERNEL_BYTES - SETUP_BYTES - 1, 1) == 0xc3 &&
	   !get(&m, 0x1000000 + KERNEL_BYTES - SETUP_BYTES, 1), "the kernel without its setup");
	last = get(&m, ZERO_PAGE + 0x218, 4);
	ok(get(&m, ZERO_PAGE + 0x21c, 4) == INITRD_BYTES && !(last & (PAGE - 1)) &&
	   last + INITRD_BYTES <= 256ull << 20 && get(&m, last, 1) == 0x77 &&
	   get(&m, last + INITRD_BYTES - 1, 1) == 0x77, "the RAM disk at the end of memory");
	ok(get(&m, ZERO_PAGE + 0x202, 4) == 0x53726448 && get(&m, ZERO_PAGE + 0x210, 1) == 0xff &&
	   get(&m, ZERO_PAGE + 0x70, 8) == ACPI_TABLES, "the zero page");
	ok(get(&m, ACPI_TABLES, 8) == 0x2052545020445352, "the RSDP");
	if (pread(m.space, text, sizeof(text) - 1, get(&m, ZERO_PAGE + 0x228, 4)) < 0)
		exit(1);
	ok(!strncmp(text, "console=ttyS0 noapic ", 21) &&
	   strstr(text, " initcall_blacklist=print_s5_reset_status_mmio ") &&
	   strstr(text, " tsc=reliable tsc_early_khz=2500000"), "the command line");
	ok(e820(&m, 1, &last) == (256ull << 20) - 0x100000 + EBDA && last == 0x100000,
	   "the memory map");
	ok(get(&m, PAGE_TABLES + 5 * PAGE + 511 * 8, 8) == (0xffe00000 | 0x83),
	   "the page tables reach 4 GiB");
	close(m.space);
}

static void test_fixed(void)
{
	struct machine m;

	make_kernel();
	put(0x234, 0, 1);
	put(0x258, 0x100000, 8);
	ok(!load(&m, 256ull << 20, true) && m.entry == 0x100200 && get(&m, 0x100000, 1) == 0xc3,
	   "a kernel that is not relocatable, at its address");
	close(m.space);
	put(0x234, 1, 1);
	ok(!load(&m, 256ull << 20, true) && m.entry == 0x1000200,
	   "one that is, at 16 MiB or above");
	close(m.space);
}

static void test_much_memory(void)
{
	struct machine m;
	u64 last = 0;

	ok(!load(&m, 5ull << 30, true) && get(&m, ZERO_PAGE + 0x218, 4) < LOW_RAM_MAX,
	   "5 GiB: the RAM disk is below 3 GiB");
	ok(e820(&m, 1, &last) == (5ull << 30) - 0x100000 + EBDA && last == HIGH_RAM,
	   "5 GiB: the rest is at 4 GiB");
	close(m.space);
}

/* One change of the header each, after which the file is refused. */
static void test_refusals(void)
{
	static const struct { u32 at, bytes; u64 val; int err; const char *what; } bad[] = {
		{ 0x202, 4, 0, -ENOEXEC, "no signature" },
		{ 0x206, 2, 0x20b, -ENOEXEC, "an old protocol" },
		{ 0x211, 1, 0, -ENOEXEC, "a zImage" },
		{ 0x236, 2, 0, -ENOEXEC, "no 64-bit entry" },
		{ 0x1f1, 1, 200, -ENOEXEC, "a setup beyond the file" },
		{ 0x260, 4, 0x1000, -ENOEXEC, "less memory than the file has" },
		{ 0x238, 4, 20, -E2BIG, "a command line that is too long" },
		{ 0x260, 4, 0x10000000, -EFBIG, "more than the memory" },
		{ 0x260, 4, (256u << 20) - 0x1000000 - 0x2000, -EFBIG, "no room for the RAM disk" },
	};
	struct machine m;
	const char *what;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make_kernel();
		put(bad[i].at, bad[i].val, bad[i].bytes);
		ok(load(&m, 256ull << 20, true) == bad[i].err, bad[i].what);
	}
	make_kernel();
	put(0x260, 0x10000000, 4);
	ok(load(&m, 256ull << 20, false) == -EFBIG, "more than the memory, without a RAM disk");
	make_kernel();
	if (truncate(initrd_path, 300ull << 20))
		exit(1);
	ok(load(&m, 256ull << 20, true) == -EFBIG, "a RAM disk larger than the memory");
	m.kernel = "/nonexistent";
	ok(load_linux(&m, &what) == -ENOENT && !strcmp(what, "/nonexistent"), "no kernel");
	m.kernel = "/tmp";
	ok(load_linux(&m, &what) < 0, "a folder");
}

int main(void)
{
	static u8 initrd[INITRD_BYTES];

	strcpy(kernel_path, "/tmp/axas-kernel.XXXXXX");
	strcpy(initrd_path, "/tmp/axas-initrd.XXXXXX");
	if (close(mkstemp(kernel_path)) || close(mkstemp(initrd_path)))
		return 1;
	memset(initrd, 0x77, sizeof(initrd));
	write_file(initrd_path, initrd, sizeof(initrd));
	puts("TAP version 13");
	test_layout();
	test_fixed();
	test_much_memory();
	test_refusals();
	printf("1..%d\n", nr);
	unlink(kernel_path);
	unlink(initrd_path);
	return failures != 0;
}
