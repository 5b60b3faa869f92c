// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of an arm64 Image, which may be compressed by gzip: the kernel, behind it the device
 * tree and the initial RAM disk. Calls fdt.c, gunzip.c and libaxas.
 *
 * Linux, Documentation/arm64/booting.rst.
 */
#include "../boot.h"

#include <errno.h>
#include <string.h>

/* The header, 64 bytes of little endian. */
#define AT_TEXT_OFFSET	8
#define AT_IMAGE_SIZE	16
#define AT_FLAGS	24
#define AT_MAGIC	56
#define HEADER_SIZE	64
#define MAGIC		0x644d5241u	/* "ARM\x64" */
#define FLAG_BIG_ENDIAN	1u

#define ALIGNMENT	0x200000ull
#define FDT_ROOM	ALIGNMENT
#define SIZE_MAX_IMAGE	0x100000000ull

static u64 get64(const struct image *k, u32 at)
{
	u64 val;

	memcpy(&val, k->data + at, sizeof(val));
	return val;
}

static u64 align_up(u64 val)
{
	return (val + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

int arch_check_kernel(struct image *k)
{
	int err = image_gunzip(k);

	if (err)
		return err;
	if (k->len < HEADER_SIZE || (u32)get64(k, AT_MAGIC) != MAGIC ||
	    get64(k, AT_FLAGS) & FLAG_BIG_ENDIAN || get64(k, AT_TEXT_OFFSET) > SIZE_MAX_IMAGE ||
	    get64(k, AT_IMAGE_SIZE) > SIZE_MAX_IMAGE || get64(k, AT_IMAGE_SIZE) < k->len)
		return -ENOEXEC;
	return 0;
}

static int write_fdt(const struct machine *m, u64 initrd, u64 initrd_end)
{
	static u8 fdt[FDT_MAX];
	int err = fdt_make(m, initrd, initrd_end, fdt);

	return err ? err : axas_write_all(m->space, m->arch.fdt, fdt, sizeof(fdt), NULL);
}

int arch_load(struct machine *m, const struct image *k, const struct image *initrd)
{
	u64 initrd_at;
	int err;

	m->entry = RAM_BASE + get64(k, AT_TEXT_OFFSET);
	m->arch.fdt = align_up(m->entry + get64(k, AT_IMAGE_SIZE));
	initrd_at = m->arch.fdt + FDT_ROOM;
	if (initrd_at - RAM_BASE > m->mem || initrd->len > m->mem - (initrd_at - RAM_BASE))
		return -EFBIG;
	err = axas_write_all(m->space, m->entry, k->data, k->len, NULL);
	if (!err && initrd->len)
		err = axas_write_all(m->space, initrd_at, initrd->data, initrd->len, NULL);
	return err ? err : write_fdt(m, initrd_at, initrd_at + initrd->len);
}
