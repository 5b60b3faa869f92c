/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle: what hardware makes of a nested page table.
 *
 * A second reading of the architecture manuals, kept apart from the code that
 * writes tables: nothing here includes, or is included by, a table format of
 * the module. When an encoder and the oracle disagree, one of them misread.
 *
 * It decodes only. It writes nothing (so no accessed or dirty bit is ever
 * set), allocates nothing, takes no lock, does not sleep, and keeps no state;
 * it reads tables through a callback of the caller. The same files build into
 * the kernel and into user space.
 *
 *   oracle.c          the walk, the scan, names
 *   oracle_<fmt>.c    one manual each: entries, faults
 *   vectors_<fmt>.h   entries and walks worked out by hand, for any harness
 *   selftest.c        user-space harness: make -C oracle check
 *
 * Manuals, and how they are cited:
 *   SDM   Intel 64 SDM vol. 3C, "VMX Support for Address Translation" (29)
 *   APM   AMD64 APM vol. 2, "Page Translation" (5), "Nested Paging" (15.25)
 *   ARM   Arm ARM DDI 0487, "The AArch64 VMSA" (D8), 4 KiB granule, no LPA2
 *   PRIV  RISC-V Privileged, edition 20240411: 10 (S), 11 (Svnapot),
 *         12 (Svpbmt), 14 (Svadu), 18 (H)
 */
#ifndef ORACLE_H
#define ORACLE_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
typedef unsigned long long u64;
#endif

/**
 * enum oracle_format - which manual to read
 * @ORACLE_EPT: Intel extended page tables
 * @ORACLE_SVM: AMD nested page tables
 * @ORACLE_S2: Arm stage 2, AArch64, 4 KiB granule
 * @ORACLE_GSTAGE: RISC-V G-stage, Sv39x4, Sv48x4, Sv57x4
 */
enum oracle_format {
	ORACLE_EPT,
	ORACLE_SVM,
	ORACLE_S2,
	ORACLE_GSTAGE,
};

/**
 * enum oracle_kind - what one entry is
 * @ORACLE_EMPTY: not present: hardware looks at no other bit of it
 * @ORACLE_TABLE: refers to a table of the next level down
 * @ORACLE_LEAF: maps memory
 * @ORACLE_BAD: present, and of a value that the manual rules out
 */
enum oracle_kind {
	ORACLE_EMPTY,
	ORACLE_TABLE,
	ORACLE_LEAF,
	ORACLE_BAD,
};

/**
 * enum oracle_outcome - how an access ends
 * @ORACLE_OK: it reaches memory
 * @ORACLE_VIOLATION: an ordinary fault: nothing there, or not allowed
 * @ORACLE_MISCONFIG: a fault over an entry that is &ORACLE_BAD. Only EPT
 *	reports it as something of its own; elsewhere &oracle_result.syndrome
 *	may be that of an ordinary fault
 */
enum oracle_outcome {
	ORACLE_OK,
	ORACLE_VIOLATION,
	ORACLE_MISCONFIG,
};

/**
 * enum oracle_why - the reason of a fault, or of an entry being bad
 * @ORACLE_WHY_NONE: no fault
 * @ORACLE_WHY_RANGE: the gpa is wider than the table translates
 * @ORACLE_WHY_ABSENT: the entry is not present
 * @ORACLE_WHY_PERM: the entries on the way do not allow the access
 * @ORACLE_WHY_ACCESSED: accessed or dirty bit clear, and software's to set
 * @ORACLE_WHY_WRITE_ONLY: write without read, where no such entry may be
 * @ORACLE_WHY_EXEC_ONLY: execute-only without the capability
 * @ORACLE_WHY_MEMTYPE: reserved memory type
 * @ORACLE_WHY_LEVEL: leaf at a level that has none, or table where none is
 * @ORACLE_WHY_MISALIGNED: low address bits of a large leaf are set
 * @ORACLE_WHY_ADDRESS: beyond the host-physical address width
 * @ORACLE_WHY_RESERVED: any other reserved bit or encoding
 */
enum oracle_why {
	ORACLE_WHY_NONE,
	ORACLE_WHY_RANGE,
	ORACLE_WHY_ABSENT,
	ORACLE_WHY_PERM,
	ORACLE_WHY_ACCESSED,
	ORACLE_WHY_WRITE_ONLY,
	ORACLE_WHY_EXEC_ONLY,
	ORACLE_WHY_MEMTYPE,
	ORACLE_WHY_LEVEL,
	ORACLE_WHY_MISALIGNED,
	ORACLE_WHY_ADDRESS,
	ORACLE_WHY_RESERVED,
};

/**
 * enum oracle_mem - memory type, in words that every format has
 * @ORACLE_WB: normal cacheable memory: WB; on RISC-V PBMT 0, which leaves it
 *	to the physical memory attributes
 * @ORACLE_NC: normal, not cached: WC on x86, Normal-NC on Arm, NC on RISC-V
 * @ORACLE_UC: UC and UC- on x86, any Device on Arm, IO on RISC-V
 * @ORACLE_OTHER: none of these: see the raw field
 */
enum oracle_mem {
	ORACLE_WB,
	ORACLE_NC,
	ORACLE_UC,
	ORACLE_OTHER,
};

/* IA32_PAT out of reset, APM 7.8.1 and SDM vol. 3A 12.12.4: WB WT UC- UC twice. */
#define ORACLE_PAT_RESET 0x0007040600070406ull

/**
 * struct oracle_machine - the hardware that walks
 * @format: whose tables
 * @levels: levels of tables, the root included
 * @ia_bits: guest-physical address bits. Read for &ORACLE_S2 only (64 -
 *	VTCR_EL2.T0SZ); elsewhere @levels says it all, see oracle_ia_bits()
 * @oa_bits: host-physical address bits: MAXPHYADDR, PARange, or what the
 *	RISC-V platform decodes (56 at most)
 * @root: host-physical address of the root table, aligned to its size, which
 *	is 16 KiB on &ORACLE_GSTAGE and up to 64 KiB on &ORACLE_S2
 * @ept: IA32_VMX_EPT_VPID_CAP, SDM vol. 3D A.10: @ept.xonly bit 0,
 *	@ept.leaf_2m bit 16, @ept.leaf_1g bit 17; @ept.ad is bit 6 of the EPTP:
 *	accessed and dirty flags are on, not merely there
 * @svm: @svm.leaf_1g is CPUID 8000_0001 EDX[26], @svm.nx the host's EFER.NXE,
 *	@svm.pat the host's PAT register (0 means &ORACLE_PAT_RESET)
 * @s2: @s2.xnx is FEAT_XNX; @s2.fwb HCR_EL2.FWB, @s2.ha and @s2.hd VTCR_EL2.HA
 *	and .HD as set, not as supported
 * @gstage: @gstage.svpbmt is menvcfg.PBMTE, @gstage.svadu menvcfg.ADUE,
 *	@gstage.svnapot the extension
 * @read: reads 8 aligned bytes of host-physical memory, in host byte order
 * @ctx: the first argument of @read
 *
 * A test that uses only oracle_entry() may leave @root, @read, @ctx alone.
 */
struct oracle_machine {
	enum oracle_format format;
	unsigned int levels;
	unsigned int ia_bits;
	unsigned int oa_bits;
	u64 root;
	struct {
		bool xonly;
		bool leaf_2m;
		bool leaf_1g;
		bool ad;
	} ept;
	struct {
		bool leaf_1g;
		bool nx;
		u64 pat;
	} svm;
	struct {
		bool xnx;
		bool fwb;
		bool ha;
		bool hd;
	} s2;
	struct {
		bool svpbmt;
		bool svadu;
		bool svnapot;
	} gstage;
	u64 (*read)(void *ctx, u64 hpa);
	void *ctx;
};

/**
 * struct oracle_access - one access by the guest
 * @read: a load, or the load of a read-modify-write
 * @write: a store
 * @exec: an instruction fetch; then neither @read nor @write
 * @user: made at EL0; only FEAT_XNX tells the difference
 * @walk: not the access itself, but the guest's own page-table walk for it:
 *	the gpa is that of a guest page-table entry
 */
struct oracle_access {
	bool read;
	bool write;
	bool exec;
	bool user;
	bool walk;
};

/**
 * struct oracle_entry - what hardware makes of one entry by itself
 * @raw: the entry
 * @level: 0 where leaves are 4 KiB, 1 where they are 2 MiB, and so on
 * @kind: what it is
 * @why: if @kind is &ORACLE_BAD, the first reason in the order of the format
 * @hpa: of the next table, or of the first byte that the leaf maps
 * @shift: log2 of the bytes of a leaf; 0 of an entry that is none
 * @r: readable as far as this entry goes
 * @w: writable, likewise
 * @x: executable, likewise; on Arm at EL1
 * @x_el0: executable at EL0 on Arm; elsewhere as @x
 * @mem: memory type of a leaf
 * @mem_raw: the bits behind it. EPT: bits 6:3 (ignore-PAT on top); SVM: PAT
 *	index; S2: MemAttr[3:0]; G-stage: PBMT
 * @share: SH[1:0] of an Arm leaf
 * @contig: Contiguous bit of an Arm leaf
 * @a: accessed bit (always true where hardware has none, or is not using it)
 * @d: dirty bit, likewise; on Arm, writable with DBM set
 * @res0: bits that software must leave clear, that are set, and that
 *	hardware does not look at
 */
struct oracle_entry {
	u64 raw;
	unsigned int level;
	enum oracle_kind kind;
	enum oracle_why why;
	u64 hpa;
	unsigned int shift;
	bool r;
	bool w;
	bool x;
	bool x_el0;
	enum oracle_mem mem;
	unsigned int mem_raw;
	unsigned int share;
	bool contig;
	bool a;
	bool d;
	u64 res0;
};

/**
 * struct oracle_result - what comes of an access
 * @outcome: how it ends
 * @why: and why, if it is a fault
 * @hpa: host-physical address of the very byte; valid if the walk found a
 *	leaf, allowed or not (@leaf_shift is not 0)
 * @leaf_shift: log2 of the bytes of the leaf; 16 for a Svnapot leaf
 * @r: readable, over all entries on the way
 * @w: writable, likewise
 * @x: executable, likewise; on Arm at EL1
 * @x_el0: executable at EL0 on Arm; elsewhere as @x
 * @mem: memory type of the leaf
 * @mem_raw: see &struct oracle_entry
 * @share: likewise
 * @contig: likewise
 * @a: likewise, of the leaf
 * @d: likewise, of the leaf
 * @res0: likewise, of all entries on the way together
 * @entry: the entry at which the walk ended
 * @level: of that entry, 0 = 4 KiB
 * @hw_level: of that entry as its manual counts: SDM and APM from 1 (PTE) up
 *	to 5 (PML5E), ARM from 3 down to 0, PRIV from 0 up
 * @syndrome: what hardware reports of the fault, 0 if none:
 *	EPT: the exit qualification, SDM table 28-7: bits 0 to 5, 7, 8 (for a
 *	misconfiguration 0, it has none);
 *	SVM: EXITINFO1 of #VMEXIT(NPF), APM 15.25.6: bits 0 to 4, 32, 33;
 *	S2: ISS of ESR_EL2: xFSC in bits 5:0 with its level, WnR in bit 6 for a
 *	store (never if @walk), S1PTW in bit 7;
 *	G-stage: scause: 20, 21, 23, or an access fault 1, 5, 7
 */
struct oracle_result {
	enum oracle_outcome outcome;
	enum oracle_why why;
	u64 hpa;
	unsigned int leaf_shift;
	bool r;
	bool w;
	bool x;
	bool x_el0;
	enum oracle_mem mem;
	unsigned int mem_raw;
	unsigned int share;
	bool contig;
	bool a;
	bool d;
	u64 res0;
	u64 entry;
	unsigned int level;
	unsigned int hw_level;
	u64 syndrome;
};

/**
 * struct oracle_span - a piece of guest-physical memory that a scan met
 * @gpa: first byte
 * @size: bytes
 * @first: what a walk to @gpa finds, without asking for any access: @outcome
 *	is never &ORACLE_VIOLATION, as spans with nothing present are not visited
 */
struct oracle_span {
	u64 gpa;
	u64 size;
	struct oracle_result first;
};

/**
 * typedef oracle_visit_fn - called by a scan, in address order
 * @ctx: the caller's
 * @span: the piece; valid during the call
 *
 * Return: 0 to go on, anything else ends the scan, which answers it.
 */
typedef int (*oracle_visit_fn)(void *ctx, const struct oracle_span *span);

bool oracle_possible(const struct oracle_machine *m);
unsigned int oracle_ia_bits(const struct oracle_machine *m);
u64 oracle_root_bytes(const struct oracle_machine *m);
int oracle_entry(const struct oracle_machine *m, unsigned int level, u64 raw,
		 struct oracle_entry *e);
int oracle_walk(const struct oracle_machine *m, u64 gpa,
		const struct oracle_access *a, struct oracle_result *res);
int oracle_scan(const struct oracle_machine *m, oracle_visit_fn fn, void *ctx);
int oracle_scan_runs(const struct oracle_machine *m, oracle_visit_fn fn, void *ctx);
int oracle_sweep(const struct oracle_machine *m, unsigned int level, u64 base, u64 mask,
		 int (*fn)(void *ctx, const struct oracle_entry *e), void *ctx);
const char *oracle_why_name(enum oracle_why why);

/* One entry by itself, by format: see oracle_entry(). */
void oracle_ept_entry(const struct oracle_machine *m, struct oracle_entry *e);
void oracle_svm_entry(const struct oracle_machine *m, struct oracle_entry *e);
void oracle_s2_entry(const struct oracle_machine *m, struct oracle_entry *e);
void oracle_gstage_entry(const struct oracle_machine *m, struct oracle_entry *e);

#endif /* ORACLE_H */
