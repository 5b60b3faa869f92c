// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of an instruction that accessed a hole, for the VMM: read through the guest's page
 * table by axas_read(), since the vCPU is outside of its guest. Calls the space only; may sleep. No
 * locks.
 *
 * Intel SDM vol. 3A, chapter 4; AMD64 APM vol. 2, chapter 5.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <axas/access.h>

#include "x86.h"

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_ADDRESS	GENMASK_ULL(51, 12)

/**
 * struct walk - a walk of the guest's page table
 * @level: of the entry read last; leaves of 4 KiB are level 0
 * @bits: address bits that a level translates
 * @large: highest level of a leaf
 * @entry: the entry read last, or the root's address
 */
struct walk {
	int level;
	unsigned int bits;
	int large;
	u64 entry;
};

/* PAE has no leaf in its root, whose four entries lie in 32 bytes. */
static struct walk start_of(const struct axvcpu_x86_code *code)
{
	if (code->efer & EFER_LMA)
		return (struct walk){ 4, 9, 2, code->cr3 };
	if (code->cr4 & X86_CR4_PAE)
		return (struct walk){ 3, 9, 1, code->cr3 };
	return (struct walk){ 2, 10, 1, code->cr3 };
}

static unsigned int shift_of(const struct walk *w, int level)
{
	return PAGE_SHIFT + level * w->bits;
}

static u64 table_of(const struct walk *w)
{
	/* CR3 of PAE: aligned to 32 bytes. */
	return w->level == 3 && w->large == 1 ? w->entry & GENMASK_ULL(31, 5) :
	       w->entry & PTE_ADDRESS;
}

/* Read the entry for @addr one level down. */
static bool step(struct axas_space *space, struct walk *w, u64 addr)
{
	u32 bytes = w->bits == 9 ? 8 : 4;
	u64 table = table_of(w), index;

	index = addr >> shift_of(w, --w->level) & (BIT_ULL(w->bits) - 1);
	w->entry = 0;
	return !axas_read(space, axas_gpa(table + index * bytes), &w->entry, bytes) &&
	       w->entry & PTE_PRESENT;
}

static bool translate(struct axas_space *space, const struct axvcpu_x86_code *code, u64 addr,
		      u64 *gpa)
{
	struct walk w = start_of(code);
	u64 offset;

	*gpa = addr;
	if (!(code->cr0 & X86_CR0_PG))
		return true;
	do {
		if (!step(space, &w, addr))
			return false;
	} while (w.level && !(w.level <= w.large && w.entry & PTE_LARGE));
	offset = BIT_ULL(shift_of(&w, w.level)) - 1;
	*gpa = (w.entry & PTE_ADDRESS & ~offset) | (addr & offset);
	return true;
}

void axvcpu_x86_fetch(struct axvcpu *vcpu, const struct axvcpu_x86_code *code,
		      struct axvcpu_exit *exit)
{
	u8 *insn = exit->nested_page_fault.insn;
	u32 done = 0, n;
	u64 addr, gpa;

	while (done < AXVCPU_MAX_INSN) {
		addr = code->base + to_x86(vcpu)->rip + done;
		if (!code->code64)
			addr = (u32)addr;
		n = min_t(u32, AXVCPU_MAX_INSN - done, PAGE_SIZE - (addr & ~PAGE_MASK));
		if (!translate(vcpu->space, code, addr, &gpa) ||
		    axas_read(vcpu->space, axas_gpa(gpa), insn + done, n))
			break;
		done += n;
	}
	exit->nested_page_fault.insn_len = done;
}
