// SPDX-License-Identifier: GPL-2.0-only
/*
 * Length of an exited instruction's prefixes, for CPUs that do not report the next RIP: reads them
 * through the guest's page table and the nested one. Calls no other file.
 *
 * Interrupts are off, and the vCPU still counts as in its guest: threads that remove memory from
 * the space wait for it as for the hardware's own walk, so tables and memory stay valid.
 *
 * Manual: APM vol. 2, 5.3 (guest table), 15.25 (nested table); vol. 3, 1.2 (prefixes).
 */
#include <linux/bits.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "svm.h"

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_ADDRESS	GENMASK_ULL(51, 12)

#define MAX_INSN	15	/* bytes, APM vol. 3, 1.1 */

/**
 * struct mode - layout of a table
 * @levels: from the root to the leaves
 * @entry_bits: log2 of an entry's size in bytes
 * @read: reads one entry
 */
struct mode {
	u8 levels;
	u8 entry_bits;
	bool (*read)(const struct svm *svm, u64 addr, void *buf, size_t len);
};

static unsigned int index_bits(const struct mode *mode)
{
	return 12 - mode->entry_bits;
}

/* A linear area may cover memory outside the kernel's direct map. */
static bool read_hpa(u64 hpa, void *buf, size_t len)
{
	return !copy_from_kernel_nofault(buf, phys_to_virt(hpa), len);
}

/* Translate @addr by the table at @root. Inline, so that the compiler calls @read directly. */
static __always_inline bool walk(const struct svm *svm, const struct mode *mode, u64 root,
				 u64 addr, u64 *to)
{
	unsigned int level = mode->levels, shift;
	u64 entry = root;

	do {
		u64 slot;

		shift = 12 + --level * index_bits(mode);
		slot = addr >> shift & (BIT_ULL(index_bits(mode)) - 1);
		root = entry & PTE_ADDRESS;
		entry = 0;
		if (!mode->read(svm, root + (slot << mode->entry_bits), &entry,
				1u << mode->entry_bits) || !(entry & PTE_PRESENT))
			return false;
	} while (level && !(entry & PTE_LARGE));
	*to = (entry & PTE_ADDRESS & ~(BIT_ULL(shift) - 1)) | (addr & (BIT_ULL(shift) - 1));
	return true;
}

/* Tables of the space are always in the direct map. */
static bool read_table(const struct svm *svm, u64 hpa, void *buf, size_t len)
{
	*(u64 *)buf = READ_ONCE(*(u64 *)phys_to_virt(hpa));
	return true;
}

/* Must not cross a page. */
static bool read_gpa(const struct svm *svm, u64 gpa, void *buf, size_t len)
{
	const struct mode nested = { svm->levels, 3, read_table };
	u64 hpa;

	return walk(svm, &nested, svm->vmcb->control.nested_cr3, gpa, &hpa) &&
	       read_hpa(hpa, buf, len);
}

/* Root entry of a PAE guest: the root has 32 bytes and is aligned to them. */
static bool read_pdpte(const struct svm *svm, u64 linear, u64 *entry)
{
	u64 root = svm->vmcb->save.cr3 & GENMASK_ULL(31, 5);

	return read_gpa(svm, root + (linear >> 30 & 3) * sizeof(*entry), entry, sizeof(*entry)) &&
	       *entry & PTE_PRESENT;
}

static bool translate(const struct svm *svm, u64 linear, u64 *gpa)
{
	const struct mode mode_32 = { 2, 2, read_gpa }, mode_pae = { 2, 3, read_gpa };
	const struct mode mode_long = { 4, 3, read_gpa };
	const struct svm_save *save = &svm->vmcb->save;
	u64 pdpte;

	*gpa = linear;
	if (!(save->cr0 & X86_CR0_PG))
		return true;
	if (save->efer & EFER_LMA)
		return walk(svm, &mode_long, save->cr3, linear, gpa);
	if (save->cr4 & X86_CR4_PAE)
		return read_pdpte(svm, linear, &pdpte) && walk(svm, &mode_pae, pdpte, linear, gpa);
	return walk(svm, &mode_32, save->cr3, linear, gpa);
}

static bool is_prefix(u8 byte, bool code64)
{
	switch (byte) {
	case 0x26:	/* segment overrides */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:	/* operand and address size */
	case 0x67:
	case 0xf0:	/* LOCK, REPNE, REP */
	case 0xf2:
	case 0xf3:
		return true;
	case 0x40 ... 0x4f:	/* REX */
		return code64;
	default:
		return false;
	}
}

unsigned int svm_prefixes(const struct svm *svm)
{
	bool code64 = svm_code64(svm);
	u64 linear, gpa = 0;
	unsigned int n;
	u8 byte;

	for (n = 0; n < MAX_INSN; n++, gpa++) {
		linear = svm->x86.rip + n + (code64 ? 0 : svm->vmcb->save.cs.base);
		if (!code64)
			linear = (u32)linear;
		if ((!n || !(linear & ~PAGE_MASK)) && !translate(svm, linear, &gpa))
			break;
		if (!read_gpa(svm, gpa, &byte, sizeof(byte)) || !is_prefix(byte, code64))
			return n;
	}
	return 0;
}
