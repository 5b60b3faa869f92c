// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of boot on RISC-V, which writes to a file instead of a space: prints TAP. Calls
 * load.c, gunzip.c, image.c, tree.c and isa.c.
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
#define TEXT_OFFSET	0x200000u
#define IMAGE_SIZE	0x1800000ull	/* with bss */
#define INITRD_BYTES	0x12345u
#define MEM		(64ull << 20)

static char kernel_path[32], initrd_path[32];
static u8 kernel[KERNEL_BYTES];
static u8 tree[TREE_SIZE];

static void put(u32 at, u64 val, size_t bytes)
{
	memcpy(kernel + at, &val, bytes);
}

/* Its header: text_offset, image_size, flags, magic2. */
static void make_kernel(void)
{
	memset(kernel, 0x13, sizeof(kernel));
	put(8, TEXT_OFFSET, 8);
	put(16, IMAGE_SIZE, 8);
	put(24, 0, 8);
	put(56, 0x05435352, 4);
}

static void write_gzip(const char *path, const void *bytes, size_t len)
{
	gzFile f = gzopen(path, "w");

	if (!f || gzwrite(f, bytes, len) != (int)len || gzclose(f))
		exit(1);
}

/* The file that is at kernel_path. */
static int load_file(struct machine *m, const char *cmdline, bool with_initrd)
{
	const char *what;
	int err;

	*m = (struct machine){
		.mem = MEM, .nr_cpus = 3, .kernel = kernel_path, .cmdline = cmdline,
		.initrd = with_initrd ? initrd_path : NULL, .arch.time_hz = 10000000,
	};
	m->space = memfd_create("space", MFD_CLOEXEC);
	if (m->space < 0 || ftruncate(m->space, RAM_BASE + MEM))
		exit(1);
	err = load_linux(m, &what);
	if (err)
		close(m->space);
	return err;
}

static int load(struct machine *m, const char *cmdline, size_t len, bool with_initrd)
{
	write_file(kernel_path, kernel, len);
	return load_file(m, cmdline, with_initrd);
}

static u8 byte(const struct machine *m, u64 gpa)
{
	u8 val;

	if (pread(m->space, &val, 1, gpa) != 1)
		exit(1);
	return val;
}

static u64 cells(const char *path, const char *name, int nr_cells)
{
	int len, node = fdt_path_offset(tree, path);
	const fdt32_t *val = fdt_getprop(tree, node, name, &len);
	u64 all = 0;

	if (!val || len < 4 * nr_cells)
		return ~0ull;
	while (nr_cells--)
		all = all << 32 | fdt32_to_cpu(*val++);
	return all;
}

static int length(const char *path, const char *name)
{
	int len;

	fdt_getprop(tree, fdt_path_offset(tree, path), name, &len);
	return len;
}

static bool text(const char *path, const char *name, const char *expected)
{
	const char *val = fdt_getprop(tree, fdt_path_offset(tree, path), name, NULL);

	return val && !strcmp(val, expected);
}

static void test_layout(void)
{
	struct machine m;
	u64 start, end;

	make_kernel();
	ok(!load(&m, "console=ttyS0", sizeof(kernel), true), "a kernel and a RAM disk are loaded");
	ok(m.entry == RAM_BASE + TEXT_OFFSET && m.cpu[0].entry == m.entry &&
	   byte(&m, m.entry) == 0x13 && byte(&m, m.entry + KERNEL_BYTES - 1) == 0x13 &&
	   !byte(&m, m.entry + KERNEL_BYTES), "the kernel at its offset");
	if (pread(m.space, tree, sizeof(tree), m.cpu[0].arg) != sizeof(tree))
		exit(1);
	ok(!(m.cpu[0].arg & 7) && !fdt_check_full(tree, sizeof(tree)), "a valid tree");
	start = cells("/chosen", "linux,initrd-start", 2);
	end = cells("/chosen", "linux,initrd-end", 2);
	ok(end - start == INITRD_BYTES && !(start & (PAGE - 1)) && end <= m.cpu[0].arg &&
	   start >= m.entry + IMAGE_SIZE && byte(&m, start) == 0x77 && byte(&m, end - 1) == 0x77,
	   "the RAM disk between kernel and tree");
	ok(text("/chosen", "bootargs", "console=ttyS0"), "the command line");
	ok(cells("/memory@80000000", "reg", 2) == RAM_BASE &&
	   length("/memory@80000000", "reg") == 16, "the memory");
	ok(cells("/cpus", "timebase-frequency", 1) == 10000000 &&
	   cells("/cpus/cpu@2", "reg", 1) == 2 && fdt_path_offset(tree, "/cpus/cpu@3") < 0,
	   "three harts");
	ok(length("/soc/plic@c000000", "interrupts-extended") == 3 * 8 &&
	   cells("/soc/serial@10000000", "interrupts", 1) == IRQ_UART, "interrupts");
	ok(cells("/soc/virtio@10001000", "reg", 2) == VIRTIO_BASE &&
	   cells("/soc/virtio@10001000", "interrupts", 1) == IRQ_VIRTIO &&
	   fdt_path_offset(tree, "/soc/virtio@10001200") < 0, "a disk, but no balloon");
	close(m.space);
	ok(!load(&m, "x", sizeof(kernel), false), "without a RAM disk");
	if (pread(m.space, tree, sizeof(tree), m.cpu[0].arg) != sizeof(tree))
		exit(1);
	ok(length("/chosen", "linux,initrd-start") < 0 && text("/chosen", "bootargs", "x"),
	   "the tree knows of none");
	close(m.space);
}

static void test_limits(void)
{
	static char line[TREE_SIZE];
	struct machine m;

	make_kernel();
	put(16, MEM - TREE_SIZE - TEXT_OFFSET, 8);
	ok(!load(&m, "x", sizeof(kernel), false), "a kernel that fits");
	ok(load(&m, "x", sizeof(kernel), true) == -E2BIG, "but not with a RAM disk");
	put(16, MEM - TREE_SIZE - TEXT_OFFSET + 1, 8);
	ok(load(&m, "x", sizeof(kernel), false) == -E2BIG, "one that is too large");
	put(16, ~0ull, 8);
	ok(load(&m, "x", sizeof(kernel), false) == -E2BIG, "one that is far too large");
	make_kernel();
	put(8, ~0ull - KERNEL_BYTES, 8);
	ok(load(&m, "x", sizeof(kernel), false) == -E2BIG, "an offset that wraps around");
	make_kernel();
	put(16, 0, 8);
	put(8, MEM - TREE_SIZE - KERNEL_BYTES, 8);
	ok(!load(&m, "x", sizeof(kernel), false), "a size of 0 is the file's");
	make_kernel();
	memset(line, 'l', sizeof(line) - 1);
	ok(load(&m, line, sizeof(kernel), false) == -ENOSPC, "too long a command line");
}

static void test_formats(void)
{
	struct machine m;

	make_kernel();
	put(56, 0, 4);
	ok(load(&m, "x", sizeof(kernel), false) == -ENOEXEC, "no kernel");
	make_kernel();
	put(24, 1, 8);
	ok(load(&m, "x", sizeof(kernel), false) == -ENOEXEC, "a big-endian kernel");
	make_kernel();
	ok(load(&m, "x", 63, false) == -ENOEXEC, "less than its header");
	write_gzip(kernel_path, kernel, sizeof(kernel));
	ok(!load_file(&m, "x", false) && byte(&m, m.entry + KERNEL_BYTES - 1) == 0x13 &&
	   !byte(&m, m.entry + KERNEL_BYTES), "a compressed kernel");
	close(m.space);
	if (truncate(kernel_path, 40))
		exit(1);
	ok(load_file(&m, "x", false) == -ENOEXEC, "a part of one");
	write_gzip(kernel_path, kernel + 64, 100);
	ok(load_file(&m, "x", false) == -ENOEXEC, "something else that is compressed");
}

static bool isa_is(const char *host, const char *base, const char *extensions, const char *mmu)
{
	struct isa isa;

	isa_parse(host, &isa);
	return !strcmp(isa.base, base) && !strcmp(isa.extensions, extensions) &&
	       !strcmp(isa.mmu, mmu);
}

static void test_isa(void)
{
	ok(isa_is("processor\t: 0\nhart\t\t: 0\n"
		  "isa\t\t: rv64imafdcvh_zicbom_zicsr_zifencei_zawrs_zba_sstc_svadu\n"
		  "mmu\t\t: sv57\n\nprocessor\t: 1\nisa\t\t: rv64ima\n",
		  "rv64imafdc", "zicsr zifencei zba sstc", "sv57"),
	   "the host's harts, without H and V");
	ok(isa_is("", "rv64imafdc", "zicsr zifencei", "sv39"), "a host that tells nothing");
	ok(isa_is("isa\t: rv64\nmmu\t: none\n", "rv64imafdc", "", "none"),
	   "a host that tells little");
}

int main(void)
{
	static u8 initrd[INITRD_BYTES];

	snprintf(kernel_path, sizeof(kernel_path), "/tmp/kernel.%d", getpid());
	snprintf(initrd_path, sizeof(initrd_path), "/tmp/initrd.%d", getpid());
	memset(initrd, 0x77, sizeof(initrd));
	write_file(initrd_path, initrd, sizeof(initrd));
	puts("TAP version 13");
	test_layout();
	test_limits();
	test_formats();
	test_isa();
	unlink(kernel_path);
	unlink(initrd_path);
	printf("1..%d\n", nr);
	return failures != 0;
}
