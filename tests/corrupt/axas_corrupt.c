// SPDX-License-Identifier: GPL-2.0-only
/*
 * insmod axas_corrupt.ko fd=FD gpa=GPA: while loaded, makes the leaf at GPA of the space that
 * insmod has open as FD a misconfiguration, which axas never writes: an EPT leaf that is writable
 * but not readable. For tests of vCPUs; takes no locks, so the space must not be changed
 * meanwhile.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <axas/space.h>
#include "axas_compat.h"

static int fd = -1;
module_param(fd, int, 0);
MODULE_PARM_DESC(fd, "descriptor of the space");

static unsigned long long gpa;
module_param(gpa, ullong, 0);
MODULE_PARM_DESC(gpa, "an address that the leaf maps");

/* Intel SDM vol. 3C, 29.3.2: bits and address of an EPT entry. */
#define EPT_READ	BIT_ULL(0)
#define EPT_WRITE	BIT_ULL(1)
#define EPT_EXEC	BIT_ULL(2)
#define EPT_ALL		(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_LARGE	BIT_ULL(7)
#define EPT_ADDRESS	GENMASK_ULL(51, 12)

static struct axas_space *space;
static u64 *spoilt;
static u64 was;

static u64 *find_leaf(u64 root, unsigned int levels)
{
	unsigned int level = levels;
	u64 *entry, table = root;

	while (level--) {
		entry = phys_to_virt(table);
		entry += gpa >> (12 + 9 * level) & 511;
		if (!(READ_ONCE(*entry) & EPT_ALL))
			return NULL;
		if (!level || READ_ONCE(*entry) & EPT_LARGE)
			return entry;
		table = READ_ONCE(*entry) & EPT_ADDRESS;
	}
	return NULL;
}

static int __init corrupt_init(void)
{
	struct axas_info info;

	space = axas_space_get_from_fd(fd);
	if (IS_ERR(space))
		return PTR_ERR(space);
	axas_space_get_info(space, &info);
	if (info.format == AXAS_FORMAT_EPT)
		spoilt = find_leaf(axas_space_root(space).val, info.levels);
	if (!spoilt) {
		axas_space_put(space);
		return -ENOENT;
	}
	was = READ_ONCE(*spoilt);
	WRITE_ONCE(*spoilt, (was & ~EPT_ALL) | EPT_WRITE);
	return 0;
}
module_init(corrupt_init);

static void __exit corrupt_exit(void)
{
	WRITE_ONCE(*spoilt, was);
	axas_space_put(space);
}
module_exit(corrupt_exit);

MODULE_DESCRIPTION("Test of those who run guests by a table that is wrong");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
