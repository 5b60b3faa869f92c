/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle decodes nested page tables as hardware does.
 *
 * It implements the architecture manuals independently of the code that writes tables: no
 * file here includes a format of the module, or is included by one. If an encoder and the
 * oracle disagree, one of them misreads the manual.
 *
 * The oracle writes nothing (so it sets no accessed or dirty bit), allocates nothing, takes
 * no lock, does not sleep, and has no state; it reads tables through the caller's callback.
 * The same files build into the kernel and into user space.
 *
 *   oracle.c          the walk, the scan, names
 *   oracle_<fmt>.c    one manual each: entries, faults
 *   vectors_<fmt>.h   entries and walks decoded by hand, for any harness
 *   selftest.c        user-space harness: make -C oracle check
 *
 * Manuals and their short names:
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
#include "../axas_npt_formats.h"

/*
 * Format of a table: ORACLE_EPT, Intel extended page tables; ORACLE_SVM, AMD nested page
 * tables; ORACLE_S2, Arm stage 2, AArch64, 4 KiB granule; ORACLE_GSTAGE, RISC-V G-stage,
 * Sv39x4, Sv48x4, Sv57x4.
 */
#define ORACLE_FORMAT(NAME, name)	ORACLE_##NAME,
enum oracle_format {
	AXAS_NPT_FORMATS(ORACLE_FORMAT)
	ORACLE_NR_FORMATS
};

/**
 * enum oracle_kind - kind of an entry
 * @ORACLE_EMPTY: not present: hardware ignores its other bits
 * @ORACLE_TABLE: points to a table of the next lower level
 * @ORACLE_LEAF: maps memory
 * @ORACLE_BAD: present, with a value that the manual does not allow
 */
enum oracle_kind {
	ORACLE_EMPTY,
	ORACLE_TABLE,
	ORACLE_LEAF,
	ORACLE_BAD,
};

/**
 * enum oracle_outcome - outcome of an access
 * @ORACLE_OK: it reaches memory
 * @ORACLE_VIOLATION: an ordinary fault: not mapped, or not permitted
 * @ORACLE_MISCONFIG: a fault due to an &ORACLE_BAD entry. Only EPT reports a separate fault
 *	for it; elsewhere &oracle_result.syndrome may be that of an ordinary fault
 */
enum oracle_outcome {
	ORACLE_OK,
	ORACLE_VIOLATION,
	ORACLE_MISCONFIG,
};

/**
 * enum oracle_why - reason of a fault, or why an entry is bad
 * @ORACLE_WHY_NONE: no fault
 * @ORACLE_WHY_RANGE: the gpa has more bits than the table translates
 * @ORACLE_WHY_ABSENT: the entry is not present
 * @ORACLE_WHY_PERM: the entries of the walk do not permit the access
 * @ORACLE_WHY_ACCESSED: accessed or dirty bit is clear, and software must set it
 * @ORACLE_WHY_WRITE_ONLY: write without read, which the format reserves
 * @ORACLE_WHY_EXEC_ONLY: execute-only without the capability
 * @ORACLE_WHY_MEMTYPE: reserved memory type
 * @ORACLE_WHY_LEVEL: leaf at a level without leaves, or table at the last level
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
 * enum oracle_mem - memory type, independent of the format
 * @ORACLE_WB: normal cacheable memory: WB; on RISC-V PBMT 0, for which the physical memory
 *	attributes apply
 * @ORACLE_NC: normal non-cacheable memory: WC on x86, Normal-NC on Arm, NC on RISC-V
 * @ORACLE_UC: UC and UC- on x86, any Device on Arm, IO on RISC-V
 * @ORACLE_OTHER: any other: see the raw field
 */
enum oracle_mem {
	ORACLE_WB,
	ORACLE_NC,
	ORACLE_UC,
	ORACLE_OTHER,
};

/* IA32_PAT after reset, APM 7.8.1 and SDM vol. 3A 12.12.4: WB WT UC- UC, twice. */
#define ORACLE_PAT_RESET 0x0007040600070406ull

/**
 * struct oracle_machine - the hardware that walks
 * @format: format of its tables
 * @levels: number of levels, including the root
 * @ia_bits: width of a guest-physical address. Used for &ORACLE_S2 only (64 -
 *	VTCR_EL2.T0SZ); elsewhere it follows from @levels, see oracle_ia_bits()
 * @oa_bits: width of a host-physical address: MAXPHYADDR, PARange, or the width that the
 *	RISC-V platform decodes (56 at most)
 * @root: host-physical address of the root table, aligned to its size, which
 *	is 16 KiB on &ORACLE_GSTAGE and up to 64 KiB on &ORACLE_S2
 * @ept: IA32_VMX_EPT_VPID_CAP, SDM vol. 3D A.10: @ept.xonly bit 0,
 *	@ept.leaf_2m bit 16, @ept.leaf_1g bit 17; @ept.ad is bit 6 of the EPTP:
 *	accessed and dirty flags are enabled, not just supported
 * @svm: @svm.leaf_1g is CPUID 8000_0001 EDX[26], @svm.nx the host's EFER.NXE,
 *	@svm.pat the host's PAT register (0 means &ORACLE_PAT_RESET)
 * @s2: @s2.xnx is FEAT_XNX; @s2.fwb HCR_EL2.FWB, @s2.ha and @s2.hd VTCR_EL2.HA
 *	and .HD as enabled, not as supported
 * @gstage: @gstage.svpbmt is menvcfg.PBMTE, @gstage.svadu menvcfg.ADUE,
 *	@gstage.svnapot the extension
 * @read: reads 8 aligned bytes of host-physical memory, in host byte order
 * @ctx: first argument of @read
 *
 * oracle_entry() does not use @root, @read and @ctx.
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
 * @user: made at EL0; makes a difference with FEAT_XNX only
 * @walk: the guest's own page-table walk for the access, instead of the access itself: the
 *	gpa is that of a guest page-table entry
 */
struct oracle_access {
	bool read;
	bool write;
	bool exec;
	bool user;
	bool walk;
};

/**
 * struct oracle_entry - a single entry as hardware decodes it
 * @raw: the entry
 * @level: 0 for 4 KiB leaves, 1 for 2 MiB, and so on
 * @kind: its kind
 * @why: if @kind is &ORACLE_BAD, the first reason in the format's order of checks
 * @hpa: address of the next table, or of the first byte that the leaf maps
 * @shift: log2 of the size of a leaf; 0 if it is no leaf
 * @r: this entry permits reads
 * @w: it permits writes
 * @x: it permits execution; on Arm at EL1
 * @x_el0: it permits execution at EL0 on Arm; elsewhere as @x
 * @mem: memory type of a leaf
 * @mem_raw: encoding of @mem. EPT: bits 6:3 (ignore-PAT is the highest); SVM: PAT
 *	index; S2: MemAttr[3:0]; G-stage: PBMT
 * @share: SH[1:0] of an Arm leaf
 * @contig: Contiguous bit of an Arm leaf
 * @a: accessed bit (true if hardware has none or does not use it)
 * @d: dirty bit, likewise; on Arm the write permission in S2AP
 * @res0: bits that are set, that software must leave clear, and that hardware ignores
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
 * struct oracle_result - result of an access
 * @outcome: its outcome
 * @why: reason of a fault
 * @hpa: host-physical address of the accessed byte; valid if the walk found a leaf, whether
 *	or not it permits the access (@leaf_shift is not 0)
 * @leaf_shift: log2 of the size of the leaf; 16 for a Svnapot leaf
 * @r: all entries of the walk permit reads
 * @w: likewise, writes
 * @x: likewise, execution; on Arm at EL1
 * @x_el0: likewise, execution at EL0 on Arm; elsewhere as @x
 * @mem: memory type of the leaf
 * @mem_raw: see &struct oracle_entry
 * @share: likewise
 * @contig: likewise
 * @a: likewise, of the leaf
 * @d: likewise, of the leaf
 * @res0: likewise, combined over all entries of the walk
 * @entry: the entry at which the walk ended
 * @level: its level, 0 = 4 KiB
 * @hw_level: its level as the manual counts: SDM and APM from 1 (PTE) up to 5 (PML5E), ARM
 *	from 3 down to 0, PRIV from 0 up
 * @syndrome: fault information as hardware reports it, 0 if there is no fault:
 *	EPT: the exit qualification, SDM table 28-7: bits 0 to 5, 7, 8 (0 for a
 *	misconfiguration, which has none);
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
 * struct oracle_span - a guest-physical range visited by a scan
 * @gpa: first byte
 * @size: size in bytes
 * @first: result of a walk to @gpa without an access: @outcome is never &ORACLE_VIOLATION,
 *	because empty entries are not visited
 */
struct oracle_span {
	u64 gpa;
	u64 size;
	struct oracle_result first;
};

/**
 * typedef oracle_visit_fn - callback of a scan, in address order
 * @ctx: the scan's @ctx
 * @span: the range; valid during the call
 *
 * Return: 0 to continue; any other value ends the scan and becomes its return value.
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

/* oracle_entry() of each format. */
typedef void (oracle_entry_fn)(const struct oracle_machine *m, struct oracle_entry *e);
#define ENTRY(NAME, name)	oracle_entry_fn oracle_##name##_entry;
AXAS_NPT_FORMATS(ENTRY)
#undef ENTRY

#endif /* ORACLE_H */
