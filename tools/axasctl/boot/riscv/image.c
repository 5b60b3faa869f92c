// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader of a RISC-V kernel, which gzip may have compressed: the image at its offset in the
 * RAM, the initial RAM disk and the device tree at the RAM's end. Calls tree.c, gunzip.c and
 * libaxas.
 *
 * Linux, Documentation/arch/riscv/boot-image-header.rst and boot.rst.
 */
#include "../boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct image_header {
	u32 code[2];
	u64 text_offset;	/* from a 2 MiB boundary */
	u64 image_size;		/* with what the file does not have, such as bss */
	u64 flags;
	u32 version;
	u32 reserved;
	u64 reserved2;
	u64 magic;
	u8 magic2[4];
	u32 reserved3;
};

#define FLAG_BIG_ENDIAN	1

static const u8 magic2[4] = { 'R', 'S', 'C', 5 };

/* It may be at any address in the file. */
static struct image_header header_of(const struct image *k)
{
	struct image_header h;

	memcpy(&h, k->data, sizeof(h));
	return h;
}

int arch_check_kernel(struct image *k)
{
	struct image_header h;
	int err = image_gunzip(k);

	if (err)
		return err;
	if (k->len < sizeof(h))
		return -ENOEXEC;
	h = header_of(k);
	if (memcmp(h.magic2, magic2, sizeof(magic2)) || h.flags & FLAG_BIG_ENDIAN)
		return -ENOEXEC;
	return 0;
}

static int write_tree(const struct machine *m, u64 at, u64 initrd, u64 initrd_len)
{
	u8 *tree = calloc(1, TREE_SIZE);
	int len = tree ? tree_make(m, initrd, initrd_len, tree, TREE_SIZE) : -ENOMEM;

	if (len > 0)
		len = axas_write_all(m->space, at, tree, len, NULL);
	free(tree);
	return len;
}

/* Where the kernel ends, or 0 if it has no place below @end. */
static u64 kernel_end(const struct image_header *h, size_t len, u64 end)
{
	u64 size = h->image_size > len ? h->image_size : len, room = end - RAM_BASE;

	if (h->text_offset > room || size > room - h->text_offset)
		return 0;
	return RAM_BASE + h->text_offset + size;
}

int arch_load(struct machine *m, const struct image *k, const struct image *initrd)
{
	struct image_header h = header_of(k);
	u64 tree = RAM_BASE + m->mem - TREE_SIZE, kernel = kernel_end(&h, k->len, tree), start;
	int err;

	if (!kernel || initrd->len > tree - kernel)
		return -E2BIG;
	start = (tree - initrd->len) & ~(PAGE - 1);
	if (start < kernel)
		return -E2BIG;
	m->entry = RAM_BASE + h.text_offset;
	err = axas_write_all(m->space, m->entry, k->data, k->len, NULL);
	if (!err && initrd->len)
		err = axas_write_all(m->space, start, initrd->data, initrd->len, NULL);
	if (!err)
		err = write_tree(m, tree, start, initrd->len);
	m->cpu[0].entry = m->entry;
	m->cpu[0].arg = tree;
	return err;
}
