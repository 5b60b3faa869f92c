/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * axas: the user API of the guest-memory service.
 *
 * /dev/axas answers what the service can do and creates spaces; the file
 * descriptor of a space does the rest: ioctls, and pread() / pwrite() with the
 * guest-physical address as the offset. Of those, 1, 2, 4 or 8 bytes at their own
 * alignment are one access to guest memory, or to a device's register.
 *
 * Rules that every call keeps:
 *  - Each struct begins with its own size in bytes. A caller that was built
 *    against an older header passes a shorter struct: the rest counts as zero.
 *    A longer one is taken when all that the kernel does not know is zero, else
 *    the call answers E2BIG. For that the ioctl numbers carry no size. Less than 8
 *    bytes are EINVAL, more than AXAS_SIZE_MAX are E2BIG.
 *  - A call with results writes as much of the struct back as both sides know, and into
 *    @size how many bytes that are: not more than they were. On an error it is not
 *    written at all.
 *  - Unknown flags and non-zero reserved fields: EINVAL. Unknown ioctl: ENOTTY.
 *    A struct that cannot be read, or written where there are results: EFAULT, before
 *    anything is done. Queries, which change nothing (AXAS_GET_FORMAT, AXAS_GET_INFO,
 *    AXAS_TRANSLATE, AXVCPU_GET_REGS, AXVCPU_GET_STATE), find one that cannot be written
 *    after all their other errors. (If another thread takes that memory away meanwhile,
 *    EFAULT comes though the call has done its work.)
 *  - A call that fails changes nothing, but for AXAS_POPULATE, which reports how far it
 *    came.
 *  - Of several errors that are true the first of this order is answered: those of the
 *    struct (EFAULT, EINVAL, E2BIG, EINVAL of flags and reserved fields); rights (EBADF,
 *    EPERM); ENOMEM for RLIMIT_MEMLOCK; EINVAL of the arguments, ranges first;
 *    EOPNOTSUPP; what is in the way (EBUSY, EEXIST) or missing (ENOENT); ENOMEM. EINTR, on
 *    a fatal signal alone, may come at any time. AXAS_CREATE answers EOPNOTSUPP, and
 *    ENOMEM, before EINVAL of what depends on the format.
 *  - Ranges are 4 KiB aligned, not empty, inside the space and never wrap, else
 *    EINVAL. Nothing is rounded or clamped.
 *  - Host-physical addresses are shown to, and taken from, CAP_SYS_RAWIO alone; so is
 *    where memory lies together. The counters of AXAS_GET_INFO are open to all.
 */
#ifndef _UAPI_AXAS_AXAS_H
#define _UAPI_AXAS_AXAS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define AXAS_API_VERSION	1

/* Bytes that a struct may have at most. */
#define AXAS_SIZE_MAX		4096

/*
 * The ioctl type. An out-of-tree module cannot register one; 0xBC is free in
 * the kernel's ioctl-number.rst.
 */
#define AXAS_IOC_TYPE		0xBC

/* Protection of guest memory, and the access that a fault asks for. */
#define AXAS_PROT_READ		(1u << 0)
#define AXAS_PROT_WRITE		(1u << 1)
#define AXAS_PROT_EXEC		(1u << 2)
#define AXAS_PROT_MASK		(AXAS_PROT_READ | AXAS_PROT_WRITE | AXAS_PROT_EXEC)

/* Memory types: how the guest's accesses are cached. */
#define AXAS_TYPE_NORMAL	0	/* write-back cached memory */
#define AXAS_TYPE_DEVICE	1	/* device registers: no caching, no reordering */
#define AXAS_TYPE_UNCACHED	2	/* memory that bypasses the caches */

/* Formats of the nested page table. */
#define AXAS_FORMAT_DEFAULT	0	/* that of the host's CPU */
#define AXAS_FORMAT_EPT		1	/* Intel EPT */
#define AXAS_FORMAT_SVM		2	/* AMD nested paging */
#define AXAS_FORMAT_S2		3	/* arm64 stage 2, 4 KiB granule */
#define AXAS_FORMAT_GSTAGE	4	/* RISC-V G-stage */

/* Where the memory of an area comes from. */
#define AXAS_BACKEND_LINEAR	1	/* a fixed host-physical range */
#define AXAS_BACKEND_ALLOC	2	/* the host's page allocator */

/* What a fault came to. */
#define AXAS_FAULT_FIXED	0	/* a leaf was installed: run the access again */
#define AXAS_FAULT_SPURIOUS	1	/* the leaf was there already: run it again */
#define AXAS_FAULT_RETRY	2	/* somebody changed the space meanwhile: again */
#define AXAS_FAULT_HOLE		3	/* no area here: MMIO for the VMM */
#define AXAS_FAULT_DENIED	4	/* the area forbids the access */
#define AXAS_FAULT_NOMEM	5	/* out of frames */
#define AXAS_FAULT_ERROR	6	/* the backend failed */

/* A leaf maps 4 KiB << (9 * level). */
#define AXAS_LEAF_LEVELS	4	/* 4 KiB, 2 MiB, 1 GiB, 512 GiB */

/*
 * What the machine that walks a table can do. EPT: execute without read, accessed
 * and dirty bits, execute-never by mode. SVM: NX. Stage 2: forced write-back,
 * execute-never by exception level, hardware dirty state. G-stage: memory types in
 * the entry, hardware A and D, contiguous runs.
 */
#define AXAS_CAP_EPT_XONLY	(1u << 0)
#define AXAS_CAP_EPT_AD		(1u << 1)
#define AXAS_CAP_SVM_NX		(1u << 2)
#define AXAS_CAP_S2_FWB		(1u << 3)
#define AXAS_CAP_S2_XNX		(1u << 4)
#define AXAS_CAP_S2_DBM		(1u << 5)
#define AXAS_CAP_GSTAGE_SVPBMT	(1u << 6)
#define AXAS_CAP_GSTAGE_SVADU	(1u << 7)
#define AXAS_CAP_GSTAGE_SVNAPOT	(1u << 8)
/* Executable leaves must be 4 KiB: the CPU has the ITLB_MULTIHIT erratum. */
#define AXAS_CAP_EXEC_4K	(1u << 9)
/* In an answer only: this host's CPU walks the format. */
#define AXAS_CAP_NATIVE		(1u << 31)
#define AXAS_CAP_MASK		((1u << 10) - 1)

/*
 * AXAS_GET_API_VERSION on /dev/axas: returns AXAS_API_VERSION. There is no argument, and
 * whatever stands in its place is not looked at.
 */
#define AXAS_GET_API_VERSION	_IO(AXAS_IOC_TYPE, 0x00)

/**
 * struct axas_format_info - AXAS_GET_FORMAT on /dev/axas: what one format offers
 * @size: sizeof(struct axas_format_info)
 * @flags: must be zero
 * @format: in: AXAS_FORMAT_*; out: the same, with AXAS_FORMAT_DEFAULT resolved
 * @caps: must be zero; out: AXAS_CAP_*
 * @min_ia_bits: out: fewest bits of guest-physical address that a space may have
 * @max_ia_bits: out: most bits of guest-physical address that a space may have
 * @oa_bits: out: bits of host-physical address that a leaf may carry here
 * @leaf_levels: out: bit n is set when a leaf may be at level n
 *
 * For the host's own format this is what its CPU has; for another, what every
 * machine of that kind has. Not every number of bits between @min_ia_bits and
 * @max_ia_bits need do: a gstage space has 41, 50 or 59.
 *
 * Errors: EINVAL; EOPNOTSUPP when this build has no such format, or no default one.
 */
struct axas_format_info {
	__u32 size;
	__u32 flags;
	__u32 format;
	__u32 caps;
	__u32 min_ia_bits;
	__u32 max_ia_bits;
	__u32 oa_bits;
	__u32 leaf_levels;
};

#define AXAS_GET_FORMAT		_IO(AXAS_IOC_TYPE, 0x01)

#define AXAS_CREATE_CAPS	(1u << 0)	/* for another machine, which @caps ... describe */

/**
 * struct axas_create - AXAS_CREATE on /dev/axas: a new space, returned as an fd
 * @size: sizeof(struct axas_create)
 * @flags: 0 or AXAS_CREATE_CAPS
 * @format: AXAS_FORMAT_*
 * @ia_bits: bits of guest-physical address; 0 for the usual number
 *	(ept, svm: 48 for four levels, 57 for five; s2: 32 to 48; gstage: 41, 50, 59). A
 *	svm space for this host has as many levels as the host's own tables, whatever the
 *	bits, and 57 bits are usual where those have five
 * @base: first guest-physical address of the space, 4 KiB aligned
 * @length: bytes of the space; 0 for all from @base to the end of @ia_bits
 * @max_frames: most 4 KiB frames that the space may hold at once; 0: no limit
 * @caps: with AXAS_CREATE_CAPS: the AXAS_CAP_* of that machine, none of which another
 *	format has; else zero
 * @leaf_levels: with AXAS_CREATE_CAPS: bit n is set when a leaf may be at level n;
 *	bit 0 must be, and all below one that is; else zero
 * @oa_bits: with AXAS_CREATE_CAPS: bits of host-physical address, at most the
 *	format's; else zero. Memory of this host that lies beyond is not used: if none
 *	else can be had, it is ENOMEM
 * @reserved: must be zero
 *
 * Returns a file descriptor (O_RDWR | O_CLOEXEC). The space lives until the last
 * descriptor is closed and the last kernel user lets it go. A space for another machine
 * is as good as any to programs, but no CPU walks its table: AXVCPU_CREATE refuses it,
 * unless the machine is within this host.
 *
 * Errors: EBADF when /dev/axas is not open for writing; EINVAL; EOPNOTSUPP when there is
 * no such format here, or format or machine cannot do @ia_bits; ENOMEM, EMFILE, ENFILE.
 */
struct axas_create {
	__u32 size;
	__u32 flags;
	__u32 format;
	__u32 ia_bits;
	__u64 base;
	__u64 length;
	__u64 max_frames;
	__u32 caps;
	__u32 leaf_levels;
	__u32 oa_bits;
	__u32 reserved;
};

#define AXAS_CREATE		_IO(AXAS_IOC_TYPE, 0x02)

/**
 * struct axas_map_linear - AXAS_MAP_LINEAR: map a fixed host-physical range
 * @size: sizeof(struct axas_map_linear)
 * @flags: must be zero
 * @gpa: first guest-physical address
 * @hpa: first host-physical address, 4 KiB aligned
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 *
 * Needs CAP_SYS_RAWIO and a kernel that is not locked down, and refuses every
 * range that touches System RAM, or on x86 what CPUs reach their local APICs at
 * (0xfee00000 to 0xfeefffff): EPERM in all four cases. Host-physical address 0 is one like
 * others. The pages count as locked memory of the space's creator, under the caller's
 * RLIMIT_MEMLOCK, until no one maps them: a vCPU may hold the space longer than the last
 * descriptor. The same memory may be mapped often, in many spaces, but with one @type.
 *
 * Errors: EPERM; EINVAL, also for an @hpa range that wraps or is beyond the
 * host's physical addresses; EOPNOTSUPP when the format cannot encode @prot or @type;
 * EBUSY when some of it is mapped with another @type; EEXIST on overlap with an area;
 * ENOMEM; EINTR on a fatal signal.
 */
struct axas_map_linear {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 hpa;
	__u64 length;
	__u32 prot;
	__u32 type;
};

#define AXAS_MAP_LINEAR		_IO(AXAS_IOC_TYPE, 0x10)

#define AXAS_MAP_POPULATE	(1u << 0)	/* all frames now, not on first touch */
/*
 * Which frames an area takes. Neither of the two: 2 MiB where populate can, for that
 * memory will be used, and 4 KiB on a fault. Where no 2 MiB are to be had, 4 KiB
 * serve.
 */
#define AXAS_MAP_HUGE_ALWAYS	(1u << 1)	/* 2 MiB on a fault too */
#define AXAS_MAP_HUGE_NEVER	(1u << 2)	/* 4 KiB only */
/*
 * Fault-around: a fault that gets a frame of 4 KiB fills all 1 << @order pages around it,
 * aligned to as many, as far as they lie in the area and memory is there. @order is at
 * most 9, one table of pages, and 0 if nothing is said. It saves faults where neighbours
 * are touched too; where they are not, it costs up to (1 << @order) - 1 frames a fault.
 */
#define AXAS_MAP_AROUND_SHIFT	8
#define AXAS_MAP_AROUND_MASK	(0xfu << AXAS_MAP_AROUND_SHIFT)
#define AXAS_MAP_AROUND(order)	((order) << AXAS_MAP_AROUND_SHIFT)
#define AXAS_MAP_FLAGS		(AXAS_MAP_POPULATE | AXAS_MAP_HUGE_ALWAYS |	\
				 AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND_MASK)

/**
 * struct axas_map_alloc - AXAS_MAP_ALLOC: zeroed memory from the page allocator
 * @size: sizeof(struct axas_map_alloc)
 * @flags: AXAS_MAP_*; not both of AXAS_MAP_HUGE_*, and no more than AXAS_MAP_AROUND(9)
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_NORMAL. Of other types it is EOPNOTSUPP: the host uses this memory
 *	through its caches
 *
 * ENOMEM comes at the limit of a memory cgroup too, and the OOM killer is not woken for
 * frames and tables. With AXAS_MAP_POPULATE it is all or nothing.
 *
 * Errors: EINVAL, EOPNOTSUPP, EEXIST, ENOMEM, EINTR as AXAS_MAP_LINEAR.
 */
struct axas_map_alloc {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u32 prot;
	__u32 type;
};

#define AXAS_MAP_ALLOC		_IO(AXAS_IOC_TYPE, 0x11)

/**
 * struct axas_range - AXAS_UNMAP and AXAS_POPULATE: a range of the space
 * @size: sizeof(struct axas_range)
 * @flags: must be zero
 * @gpa: first guest-physical address
 * @length: bytes
 *
 * AXAS_UNMAP removes what the range maps, splitting areas at its ends and
 * passing over holes; where there is nothing it does nothing. Errors: EINVAL, ENOMEM.
 *
 * AXAS_POPULATE gives every untouched page of the range its frame. It may be
 * restarted: on return @gpa and @length are what is still to be done, so a
 * caller repeats the call until @length is 0. 2 MiB frames are taken where the range
 * holds all of their 2 MiB. It succeeds when at least one page
 * was done, or had its frame; else it answers EINVAL, EFAULT for a hole at @gpa, ENOMEM,
 * or EINTR.
 */
struct axas_range {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
};

#define AXAS_UNMAP		_IO(AXAS_IOC_TYPE, 0x12)
#define AXAS_POPULATE		_IO(AXAS_IOC_TYPE, 0x15)

/**
 * struct axas_protect - AXAS_PROTECT: change the protection of a range
 * @size: sizeof(struct axas_protect)
 * @flags: must be zero
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: the new AXAS_PROT_*; memory types stay as they are
 * @reserved: must be zero
 *
 * Splits areas at the ends of the range and passes over holes; where there is nothing, or all
 * has that protection, it does nothing. An area that changed and is like its neighbour now
 * is one with it. Returns after no CPU can use the old protection any more.
 *
 * Errors: EINVAL; EOPNOTSUPP when the format cannot encode @prot of some area there; ENOMEM;
 * EINTR on a fatal signal before anything changed.
 */
struct axas_protect {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u32 prot;
	__u32 reserved;
};

#define AXAS_PROTECT		_IO(AXAS_IOC_TYPE, 0x13)

/**
 * struct axas_clear - AXAS_CLEAR: remove every area of the space
 * @size: sizeof(struct axas_clear)
 * @flags: must be zero
 */
struct axas_clear {
	__u32 size;
	__u32 flags;
};

#define AXAS_CLEAR		_IO(AXAS_IOC_TYPE, 0x14)

/**
 * struct axas_collapse - AXAS_COLLAPSE: put small leaves together to larger ones
 * @size: sizeof(struct axas_collapse)
 * @flags: must be zero
 * @gpa: first guest-physical address
 * @length: bytes
 * @collapsed: must be zero; out: tables of leaves that one leaf has replaced
 *
 * Where all entries of a table map host-physical memory that follows each other and
 * is aligned, with one protection and type, one leaf takes their place. No memory
 * moves. Errors: EINVAL, EINTR on a fatal signal.
 */
struct axas_collapse {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 collapsed;
};

#define AXAS_COLLAPSE		_IO(AXAS_IOC_TYPE, 0x1a)

/**
 * struct axas_fault - AXAS_FAULT: handle a guest access as a vCPU would
 * @size: sizeof(struct axas_fault)
 * @flags: must be zero
 * @gpa: the address of the access
 * @access: what the access needs: one or more of AXAS_PROT_*
 * @result: out: AXAS_FAULT_*
 * @level: out: level of the leaf, with AXAS_FAULT_FIXED and _SPURIOUS; else, and without
 *	CAP_SYS_RAWIO, 0
 * @reserved: must be zero
 *
 * The call succeeds whatever @result is; outside the space there is a hole. Errors: EINVAL.
 */
struct axas_fault {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u32 access;
	__u32 result;
	__u32 level;
	__u32 reserved;
};

#define AXAS_FAULT		_IO(AXAS_IOC_TYPE, 0x16)

/* No host-physical address: the caller may not see it, or there is none. */
#define AXAS_HPA_NONE		(~0ull)

/* Leaves that AXAS_TRANSLATE looks at, at most, to find its @limit. */
#define AXAS_LIMIT_LEAVES	2048

/**
 * struct axas_translate - AXAS_TRANSLATE: what a guest-physical address maps to
 * @size: sizeof(struct axas_translate)
 * @flags: must be zero
 * @gpa: the address, of any alignment
 * @hpa: out: host-physical address; AXAS_HPA_NONE without CAP_SYS_RAWIO
 * @left: out: bytes from @gpa to the end of its leaf
 * @limit: out: bytes from @gpa on that are mapped with the same protection and type and
 *	follow each other in host-physical memory, also across leaves and areas; at least
 *	@left. Not more than AXAS_LIMIT_LEAVES leaves are looked at: where memory goes on
 *	behind them, ask again at @gpa + @limit
 * @prot: out: AXAS_PROT_* of the leaf
 * @type: out: AXAS_TYPE_* of the leaf
 * @level: out: level of the leaf
 * @reserved: must be zero
 *
 * It faults nothing in. Without CAP_SYS_RAWIO the answer says nothing of where memory
 * lies, nor what of it lies together: @level is 0, @left ends with the 4 KiB page,
 * and @limit is @left.
 *
 * Errors: EINVAL; ENOENT when no leaf maps @gpa: a hole, an address outside the space, or
 * memory not yet touched. AXAS_GET_AREAS tells one from the other.
 */
struct axas_translate {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 hpa;
	__u64 left;
	__u64 limit;
	__u32 prot;
	__u32 type;
	__u32 level;
	__u32 reserved;
};

#define AXAS_TRANSLATE		_IO(AXAS_IOC_TYPE, 0x17)

/**
 * struct axas_info - AXAS_GET_INFO: what a space is and holds
 * @size: sizeof(struct axas_info)
 * @flags: must be zero
 * @format: out: AXAS_FORMAT_*
 * @levels: out: levels of the table
 * @ia_bits: out: bits of guest-physical address
 * @oa_bits: out: bits of host-physical address
 * @base: out: first guest-physical address
 * @length: out: bytes
 * @root: out: host-physical address of the root; AXAS_HPA_NONE without
 *	CAP_SYS_RAWIO
 * @areas: out: number of areas
 * @frames: out: 4 KiB frames that the space holds for its alloc areas
 * @max_frames: out: the limit of @frames; 0: none
 * @tables: out: 4 KiB pages of page table, the root's included
 * @root_tables: out: 4 KiB pages of the root alone
 * @leaves: out: leaves at each level
 * @faults: out: faults by result, AXAS_FAULT_FIXED to AXAS_FAULT_ERROR. Of reads and
 *	writes by the host those count that were FIXED, and no others
 * @reserved: out: zero
 */
struct axas_info {
	__u32 size;
	__u32 flags;
	__u32 format;
	__u32 levels;
	__u32 ia_bits;
	__u32 oa_bits;
	__u64 base;
	__u64 length;
	__u64 root;
	__u64 areas;
	__u64 frames;
	__u64 max_frames;
	__u64 tables;
	__u64 root_tables;
	__u64 leaves[AXAS_LEAF_LEVELS];
	__u64 faults[AXAS_FAULT_ERROR + 1];
	__u64 reserved;
};

#define AXAS_GET_INFO		_IO(AXAS_IOC_TYPE, 0x18)

/**
 * struct axas_area_info - one area, as AXAS_GET_AREAS writes it
 * @gpa: first guest-physical address
 * @length: bytes
 * @hpa: first host-physical address of a linear area; AXAS_HPA_NONE for others
 *	and without CAP_SYS_RAWIO
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @backend: AXAS_BACKEND_*
 * @flags: AXAS_MAP_HUGE_* and AXAS_MAP_AROUND() that it was mapped with
 */
struct axas_area_info {
	__u64 gpa;
	__u64 length;
	__u64 hpa;
	__u32 prot;
	__u32 type;
	__u32 backend;
	__u32 flags;
};

/**
 * struct axas_get_areas - AXAS_GET_AREAS: the areas in order of address
 * @size: sizeof(struct axas_get_areas)
 * @flags: must be zero
 * @start: in: first address to look at: an area that begins before it and reaches it
 *	is listed, whole; out: where the next call goes on, unchanged if none was written
 * @buf: address of an array of struct axas_area_info
 * @count: in: elements that @buf holds; out: elements written
 * @more: out: 1 when areas behind those written were left over, else 0; not looked at
 *
 * With a @count of 0 nothing is written and @more tells whether there are any.
 * At most AXAS_GET_AREAS_MAX areas are written by one call, as they were all at one
 * time. Errors: EINVAL; EFAULT, for @buf too; ENOMEM.
 */
struct axas_get_areas {
	__u32 size;
	__u32 flags;
	__u64 start;
	__u64 buf;
	__u32 count;
	__u32 more;
};

#define AXAS_GET_AREAS_MAX	1024
#define AXAS_GET_AREAS		_IO(AXAS_IOC_TYPE, 0x19)

#endif /* _UAPI_AXAS_AXAS_H */
