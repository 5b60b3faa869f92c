// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of a bzImage, by the 64-bit boot protocol: the kernel, the initial RAM disk, the
 * command line, the zero page with the memory map, page tables, the ACPI tables. Calls acpi.c and
 * libaxas.
 *
 * Linux, Documentation/x86/boot.rst and zero-page.rst.
 */
#include "../boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Offsets in the zero page; from ZP_HEADER on also in the file. */
#define ZP_RSDP			0x070
#define ZP_E820_ENTRIES		0x1e8
#define ZP_HEADER		0x1f1
#define ZP_SETUP_SECTORS	0x1f1
#define ZP_MAGIC		0x202
#define ZP_VERSION		0x206
#define ZP_LOADER		0x210
#define ZP_LOADFLAGS		0x211
#define ZP_INITRD		0x218
#define ZP_INITRD_SIZE		0x21c
#define ZP_CMDLINE		0x228
#define ZP_RELOCATABLE		0x234
#define ZP_XLOADFLAGS		0x236
#define ZP_CMDLINE_SIZE		0x238
#define ZP_PREFERRED		0x258
#define ZP_INIT_SIZE		0x260
#define ZP_E820			0x2d0

#define MAGIC			0x53726448	/* "HdrS" */
#define VERSION_MIN		0x020c
#define LOADED_HIGH		0x01
#define HIGH_LOAD		0x100000ull
#define XLF_KERNEL_64		0x01
#define LOADER_UNKNOWN		0xff
#define ENTRY_64		0x200
#define E820_RAM		1
#define E820_RESERVED		2
#define E820_ACPI		3

static u32 get32(const u8 *at)
{
	u32 val;

	memcpy(&val, at, sizeof(val));
	return val;
}

static u16 get16(const u8 *at)
{
	return at[0] | at[1] << 8;
}

static void put32(u8 *at, u32 val)
{
	memcpy(at, &val, sizeof(val));
}

static void put64(u8 *at, u64 val)
{
	memcpy(at, &val, sizeof(val));
}

static u64 low_ram(const struct machine *m)
{
	return m->mem < LOW_RAM_MAX ? m->mem : LOW_RAM_MAX;
}

static void add_e820(u8 *zp, u64 start, u64 end, u32 type)
{
	u8 *entry = zp + ZP_E820 + 20 * zp[ZP_E820_ENTRIES]++;

	put64(entry, start);
	put64(entry + 8, end - start);
	put32(entry + 16, type);
}

static void make_e820(const struct machine *m, u8 *zp)
{
	add_e820(zp, 0, EBDA, E820_RAM);
	add_e820(zp, EBDA, 0xa0000, E820_RESERVED);
	add_e820(zp, ACPI_TABLES, ACPI_TABLES + ACPI_SIZE, E820_ACPI);
	add_e820(zp, ACPI_TABLES + ACPI_SIZE, 0x100000, E820_RESERVED);
	add_e820(zp, 0x100000, low_ram(m), E820_RAM);
	if (m->mem > LOW_RAM_MAX)
		add_e820(zp, HIGH_RAM, HIGH_RAM + m->mem - LOW_RAM_MAX, E820_RAM);
}

/* 0, or -ENOEXEC for a file that this loader cannot start. */
int arch_check_kernel(struct image *k)
{
	if (k->len < 0x1000 || get32(k->data + ZP_MAGIC) != MAGIC ||
	    get16(k->data + ZP_VERSION) < VERSION_MIN ||
	    !(k->data[ZP_LOADFLAGS] & LOADED_HIGH) ||
	    !(get16(k->data + ZP_XLOADFLAGS) & XLF_KERNEL_64))
		return -ENOEXEC;
	return 0;
}

static size_t setup_bytes(const struct image *k)
{
	return ((k->data[ZP_SETUP_SECTORS] ? k->data[ZP_SETUP_SECTORS] : 4) + 1) * 512;
}

/* Its preferred address; one that can be anywhere is kept out of the way of devices with DMA. */
static u64 kernel_at(const struct image *k)
{
	u64 at, min = k->data[ZP_RELOCATABLE] ? KERNEL_MIN : HIGH_LOAD;

	memcpy(&at, k->data + ZP_PREFERRED, sizeof(at));
	return at >= min ? at : min;
}

/* The RAM disk goes to the end of low memory: the kernel moves itself, but not over it. */
static int place_initrd(const struct machine *m, const struct image *k, const struct image *initrd,
			u64 *at)
{
	u64 end = low_ram(m), kernel_end = kernel_at(k) + get32(k->data + ZP_INIT_SIZE);

	*at = 0;
	if (kernel_end > end)
		return -EFBIG;
	if (!initrd->len)
		return 0;
	if (initrd->len > end - kernel_end)
		return -EFBIG;
	*at = (end - initrd->len) & ~(PAGE - 1);
	return *at >= kernel_end ? 0 : -EFBIG;
}

static int write_zero_page(const struct machine *m, const struct image *k,
			   const struct image *initrd, u64 initrd_at)
{
	u8 zp[PAGE] = { 0 };
	size_t header = 0x202 + k->data[0x201] - ZP_HEADER;

	memcpy(zp + ZP_HEADER, k->data + ZP_HEADER, header);
	put64(zp + ZP_RSDP, ACPI_TABLES);
	zp[ZP_LOADER] = LOADER_UNKNOWN;
	put32(zp + ZP_INITRD, initrd_at);
	put32(zp + ZP_INITRD_SIZE, initrd->len);
	put32(zp + ZP_CMDLINE, CMDLINE);
	make_e820(m, zp);
	return axas_write_all(m->space, ZERO_PAGE, zp, sizeof(zp), NULL);
}

/*
 * What this machine is, for the kernel: it has no I/O APIC (without the parameter, Linux leaves
 * x2APIC mode), how fast its clock is, and that all CPUs share it.
 */
static int write_cmdline(const struct machine *m, const struct image *k)
{
	char text[CMDLINE_MAX];
	int len = snprintf(text, sizeof(text), "%s %s tsc=reliable tsc_early_khz=%u", m->cmdline,
			   "noapic initcall_blacklist=print_s5_reset_status_mmio",
			   m->arch.tsc_khz);

	if (len >= (int)sizeof(text) || (u32)len > get32(k->data + ZP_CMDLINE_SIZE))
		return -E2BIG;
	return axas_write_all(m->space, CMDLINE, text, len + 1, NULL);
}

/* Present, writable; a 2 MiB leaf also has bit 7. AMD64 APM vol. 2, 5.3.4. */
#define PT_TABLE	0x3ull
#define PT_LEAF_2M	0x83ull

/* An identity map of 4 GiB. */
static int write_tables(const struct machine *m)
{
	u64 table[512] = { (PAGE_TABLES + PAGE) | PT_TABLE };
	int err = axas_write_all(m->space, PAGE_TABLES, table, sizeof(table), NULL);

	memset(table, 0, sizeof(table));
	for (u64 i = 0; i < 4; i++)
		table[i] = (PAGE_TABLES + (2 + i) * PAGE) | PT_TABLE;
	if (!err)
		err = axas_write_all(m->space, PAGE_TABLES + PAGE, table, sizeof(table), NULL);
	for (u64 i = 0; i < 4 && !err; i++) {
		for (u64 j = 0; j < 512; j++)
			table[j] = i << 30 | j << 21 | PT_LEAF_2M;
		err = axas_write_all(m->space, PAGE_TABLES + (2 + i) * PAGE, table,
				     sizeof(table), NULL);
	}
	return err;
}

static int write_acpi(const struct machine *m)
{
	u8 tables[ACPI_SIZE];

	acpi_make(m, tables);
	return axas_write_all(m->space, ACPI_TABLES, tables, sizeof(tables), NULL);
}

static int write_images(struct machine *m, const struct image *k, const struct image *initrd)
{
	size_t setup = setup_bytes(k);
	u64 initrd_at;
	int err = place_initrd(m, k, initrd, &initrd_at);

	if (err)
		return err;
	if (setup >= k->len || k->len - setup > get32(k->data + ZP_INIT_SIZE))
		return -ENOEXEC;
	m->entry = kernel_at(k) + ENTRY_64;
	err = axas_write_all(m->space, kernel_at(k), k->data + setup, k->len - setup, NULL);
	if (!err && initrd->len)
		err = axas_write_all(m->space, initrd_at, initrd->data, initrd->len, NULL);
	return err ? err : write_zero_page(m, k, initrd, initrd_at);
}

int arch_load(struct machine *m, const struct image *k, const struct image *initrd)
{
	int err = write_images(m, k, initrd);

	if (!err)
		err = write_cmdline(m, k);
	if (!err)
		err = write_tables(m);
	return err ? err : write_acpi(m);
}
