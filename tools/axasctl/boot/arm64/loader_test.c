// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of boot on arm64, which writes to a file instead of a space: prints TAP. Calls load.c,
 * gunzip.c, image.c and fdt.c.
 */
#include "../boot.h"
#include "../test.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define KERNEL_BYTES	0x9000u
#define IMAGE_BYTES	0x1234567u
#define INITRD_BYTES	0x12345u

static char kernel_path[32], initrd_path[32];
static u8 kernel[KERNEL_BYTES];
static u8 tree[FDT_MAX];

static void put(u32 at, u64 val, size_t bytes)
{
	memcpy(kernel + at, &val, bytes);
}

/* A file that says of itself what an Image does. */
static void make_kernel(void)
{
	memset(kernel, 0xc3, sizeof(kernel));
	put(8, 0, 8);
	put(16, IMAGE_BYTES, 8);
	put(24, 0xa, 8);
	put(56, 0x644d5241, 4);
}

static void write_kernel(bool packed)
{
	gzFile f;

	if (!packed) {
		write_file(kernel_path, kernel, sizeof(kernel));
		return;
	}
	f = gzopen(kernel_path, "w");
	if (!f || gzwrite(f, kernel, sizeof(kernel)) != sizeof(kernel) || gzclose(f) != Z_OK)
		exit(1);
}

static int load_file(struct machine *m, u64 mem, bool with_initrd)
{
	const char *what;
	int err;

	*m = (struct machine){
		.mem = mem, .nr_cpus = 3, .kernel = kernel_path, .cmdline = "console=ttyS0 a=b",
		.initrd = with_initrd ? initrd_path : NULL, .disk = -1, .balloon = true,
	};
	m->space = memfd_create("space", MFD_CLOEXEC);
	if (m->space < 0 || ftruncate(m->space, RAM_BASE + mem))
		exit(1);
	err = load_linux(m, &what);
	if (err)
		close(m->space);
	return err;
}

static int load(struct machine *m, u64 mem, bool with_initrd)
{
	write_kernel(false);
	return load_file(m, mem, with_initrd);
}

static u64 get(const struct machine *m, u64 gpa, size_t bytes)
{
	u64 val = 0;

	if (pread(m->space, &val, bytes, gpa) != (ssize_t)bytes)
		exit(1);
	return val;
}

static const void *property(const char *path, const char *name, int *len)
{
	return fdt_getprop(tree, fdt_path_offset(tree, path), name, len);
}

/* The number of @bytes at @index of a property, or a value that none is. */
static u64 number(const char *path, const char *name, int index, int bytes)
{
	int len;
	const u8 *val = property(path, name, &len);
	u64 result = 0;

	if (!val || len < (index + 1) * bytes)
		return 0xbad;
	for (int i = 0; i < bytes; i++)
		result = result << 8 | val[index * bytes + i];
	return result;
}

static bool says(const char *path, const char *name, const char *text)
{
	int len;
	const char *val = property(path, name, &len);

	return val && len == (int)strlen(text) + 1 && !strcmp(val, text);
}

static void test_layout(void)
{
	struct machine m;
	u64 initrd;

	make_kernel();
	ok(!load(&m, 256ull << 20, true), "a kernel and a RAM disk are loaded");
	ok(m.entry == RAM_BASE && get(&m, RAM_BASE, 1) == 0xc3 &&
	   get(&m, RAM_BASE + KERNEL_BYTES - 1, 1) == 0xc3, "the kernel at the begin of memory");
	ok(!(m.arch.fdt & 0x1fffff) && m.arch.fdt >= RAM_BASE + IMAGE_BYTES &&
	   pread(m.space, tree, sizeof(tree), m.arch.fdt) == sizeof(tree) &&
	   !fdt_check_header(tree),
	   "the device tree behind all of the kernel");
	initrd = number("/chosen", "linux,initrd-start", 0, 8);
	ok(initrd >= m.arch.fdt + FDT_MAX && get(&m, initrd, 1) == 0x77 &&
	   get(&m, initrd + INITRD_BYTES - 1, 1) == 0x77 &&
	   number("/chosen", "linux,initrd-end", 0, 8) == initrd + INITRD_BYTES, "the RAM disk");
	ok(says("/chosen", "bootargs", "console=ttyS0 a=b"), "the command line");
	ok(number("/memory", "reg", 0, 8) == RAM_BASE &&
	   number("/memory", "reg", 1, 8) == 256 << 20,
	   "the memory");
	ok(number("/cpus/cpu@2", "reg", 0, 4) == 2 &&
	   says("/cpus/cpu@2", "enable-method", "psci") &&
	   fdt_path_offset(tree, "/cpus/cpu@3") < 0, "the CPUs");
	ok(number("/interrupt-controller", "reg", 2, 8) == GICR_BASE &&
	   number("/interrupt-controller", "reg", 3, 8) == 3 * GICR_STRIDE, "the GIC");
	ok(number("/timer", "interrupts", 7, 4) == IRQ_TIMER - 16 &&
	   number("/serial", "reg", 0, 8) == UART_BASE &&
	   number("/serial", "interrupts", 1, 4) == IRQ_UART - 32, "the devices");
	ok(number("/virtio@a000200", "reg", 0, 8) == VIRTIO_BASE + VIRTIO_SIZE &&
	   number("/virtio@a000200", "interrupts", 1, 4) == IRQ_VIRTIO + 1 - 32 &&
	   fdt_path_offset(tree, "/virtio@a000000") < 0, "a balloon, but no disk");
	close(m.space);
}

static void test_packed(void)
{
	struct machine m;
	static const u8 broken[] = { 0x1f, 0x8b, 8, 0, 1, 2, 3 };

	make_kernel();
	write_kernel(true);
	ok(!load_file(&m, 256ull << 20, false) && get(&m, RAM_BASE + KERNEL_BYTES - 1, 1) == 0xc3,
	   "a compressed kernel");
	ok(pread(m.space, tree, sizeof(tree), m.arch.fdt) == sizeof(tree) &&
	   number("/chosen", "linux,initrd-start", 0, 8) == 0xbad, "without a RAM disk");
	close(m.space);
	write_file(kernel_path, broken, sizeof(broken));
	ok(load_file(&m, 256ull << 20, false) == -ENOEXEC, "a broken one");
}

/* One change of the header each, after which the file is refused. */
static void test_refusals(void)
{
	static const struct { u32 at, bytes; u64 val; int err; const char *what; } bad[] = {
		{ 56, 4, 0, -ENOEXEC, "no signature" },
		{ 24, 8, 0xb, -ENOEXEC, "a big-endian kernel" },
		{ 16, 8, 0, -ENOEXEC, "an old kernel without a size" },
		{ 16, 8, KERNEL_BYTES - 1, -ENOEXEC, "less memory than the file has" },
		{ 16, 8, ~0ull, -ENOEXEC, "a size that overflows" },
		{ 8, 8, ~0ull - 0xfff, -ENOEXEC, "an offset that overflows" },
		{ 16, 8, 256ull << 20, -EFBIG, "more than the memory" },
		{ 16, 8, (256ull << 20) - 0x210000, -EFBIG, "no room for the RAM disk" },
	};
	static char text[2 * FDT_MAX];
	struct machine m;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make_kernel();
		put(bad[i].at, bad[i].val, bad[i].bytes);
		ok(load(&m, 256ull << 20, true) == bad[i].err, bad[i].what);
	}
	memset(text, 'a', sizeof(text) - 1);
	m = (struct machine){ .mem = 256 << 20, .nr_cpus = 1, .cmdline = text };
	ok(fdt_make(&m, 0, 0, tree) == -E2BIG, "a command line that is too long");
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
	test_packed();
	test_refusals();
	printf("1..%d\n", nr);
	unlink(kernel_path);
	unlink(initrd_path);
	return failures != 0;
}
