/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * axas: the user API of the guest-memory service.
 *
 * /dev/axas reports capabilities and creates spaces. The file descriptor of a space takes
 * the other ioctls, and pread() / pwrite() with the guest-physical address as the offset. A
 * pread() or pwrite() of 1, 2, 4 or 8 naturally aligned bytes is a single access to guest
 * memory or to a device register.
 *
 * That descriptor is also a file of guest memory, with the guest-physical address as the offset:
 *  - A regular file with an inode of its own, mode 0600, of its creator. /proc/PID/fd/N can be
 *    opened again, also O_RDONLY. O_APPEND is EINVAL. The size is the end of the highest area,
 *    which cannot be set (EPERM).
 *  - read, write, sendfile, splice: a hole is EFAULT, memory whose protection forbids the access
 *    EACCES. lseek(SEEK_DATA) finds memory that has frames, SEEK_HOLE holes and untouched memory.
 *    fallocate(PUNCH_HOLE | KEEP_SIZE) and madvise(MADV_REMOVE) are AXAS_DISCARD; other modes are
 *    EOPNOTSUPP.
 *  - mmap: MAP_SHARED (MAP_PRIVATE and ranges beyond the space are EINVAL), without PROT_EXEC
 *    (EPERM). Untouched memory is faulted in as by a guest, with memory of the faulting thread's
 *    NUMA policy. SIGBUS: in a hole, against the protection, in linear memory, without memory. What
 *    a call unmaps, protects or discards is so in all mappings when the call returns. Mappings are
 *    inherited by fork(), left out of core dumps, and keep the space alive.
 *  - Mappings are watched or, with AXAS_CREATE_PINNABLE, pinnable. A watched page becomes writable
 *    with the first write to it; from Linux 6.5 on the kernel refuses long-term pins of watched
 *    mappings (io_uring's fixed buffers, VFIO, RDMA). A pinnable page is writable as soon as it is
 *    mapped in a writable mapping, so reading memory that forbids writing needs a read-only
 *    mapping, which stays so (mprotect(PROT_WRITE) is EACCES).
 *
 * AXAS_FREEZE makes an image of a space: a descriptor, read-only, that takes AXAS_CLONE and
 * AXAS_GET_IMAGE_INFO, pread(), lseek(SEEK_DATA, SEEK_HOLE), and mmap() to read.
 *
 * Rules for every call:
 *  - Each struct begins with its own size in bytes. A caller built against an older header
 *    passes a shorter struct: the missing fields count as zero. A longer struct is accepted
 *    if all bytes unknown to the kernel are zero, else the call fails with E2BIG. The ioctl
 *    numbers therefore carry no size. A size below 8 is EINVAL, above AXAS_SIZE_MAX E2BIG.
 *  - A call with results writes back the part of the struct that both sides know, and sets
 *    @size to the number of bytes written, never more than the caller's @size. On an error
 *    nothing is written.
 *  - Unknown flags and non-zero reserved fields: EINVAL. Unknown ioctl: ENOTTY.
 *    A struct that cannot be read, or written if the call has results: EFAULT, before any
 *    change. Queries (AXAS_GET_FORMAT, AXAS_GET_INFO, AXAS_TRANSLATE, AXVCPU_GET_REGS,
 *    AXVCPU_GET_STATE) change nothing and report an unwritable struct after all their other
 *    errors. (If another thread unmaps the struct during the call, the call may return
 *    EFAULT although it has taken effect.)
 *  - A failed call changes nothing. Exception: AXAS_POPULATE, which reports its progress, as
 *    AXAS_CLEAR_LOG and AXAS_SUPPLY do, and AXAS_DISCARD after a fatal signal.
 *  - Calls that change anything need a descriptor open for writing (AXAS_CREATE on /dev/axas;
 *    MAP_LINEAR, MAP_ALLOC, MAP_FILE, MAP_SHARED, MAP_BACKEND, UNMAP, PROTECT, SET_POLICY,
 *    SET_LIMIT, CLEAR, DISCARD, POPULATE, COLLAPSE, FAULT, START_LOG, STOP_LOG, CLEAR_LOG, SUPPLY,
 *    GET_MISSING, FREEZE, RESET on a space; of axvcpu all but GET_REGS and GET_STATE). Queries
 *    (GET_FORMAT, TRANSLATE, GET_INFO, GET_AREAS, GET_LOG, DIFF; GET_REGS, GET_STATE), CLONE and
 *    GET_IMAGE_INFO on an image, and FREEZE, whose image can be read, need one open for reading.
 *    Else EBADF.
 *  - If several errors apply, the first in this order is returned: errors of the struct
 *    (EFAULT, EINVAL, E2BIG, EINVAL for flags); EBADF; EINVAL for reserved fields; EPERM;
 *    ENOMEM for RLIMIT_MEMLOCK; EINVAL for the arguments, ranges first; EOPNOTSUPP;
 *    conflicts (EBUSY, EEXIST) or absence (ENOENT); ENOMEM. EINTR is returned only on a
 *    fatal signal, and may take precedence over any of these. AXAS_CREATE returns EOPNOTSUPP
 *    and ENOMEM before EINVAL for arguments whose limits depend on the format.
 *  - Ranges are 4 KiB aligned, not empty, inside the space and never wrap, else
 *    EINVAL. Nothing is rounded or clamped.
 *  - Host-physical addresses, and the host-physical contiguity of guest memory, are shown
 *    to, and accepted from, CAP_SYS_RAWIO alone. The counters of AXAS_GET_INFO are open to
 *    all.
 */
#ifndef _UAPI_AXAS_AXAS_H
#define _UAPI_AXAS_AXAS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define AXAS_API_VERSION	1

/* Largest size of a struct, in bytes. */
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

/* Memory types: cacheability of the guest's accesses. */
#define AXAS_TYPE_NORMAL	0	/* write-back cached memory */
#define AXAS_TYPE_DEVICE	1	/* device registers: no caching, no reordering */
#define AXAS_TYPE_UNCACHED	2	/* memory that bypasses the caches */

/* Formats of the nested page table. */
#define AXAS_FORMAT_DEFAULT	0	/* the format of the host's CPU */
#define AXAS_FORMAT_EPT		1	/* Intel EPT */
#define AXAS_FORMAT_SVM		2	/* AMD nested paging */
#define AXAS_FORMAT_S2		3	/* arm64 stage 2, 4 KiB granule */
#define AXAS_FORMAT_GSTAGE	4	/* RISC-V G-stage */
#define AXAS_NR_FORMATS		5	/* numbers in use, from 0 on */

/* Backends: the source of an area's memory. */
#define AXAS_BACKEND_LINEAR	1	/* a fixed host-physical range */
#define AXAS_BACKEND_ALLOC	2	/* the host's page allocator */
#define AXAS_BACKEND_SHARED	3	/* memory of another space */
#define AXAS_BACKEND_FILE	4	/* a file's page cache, until a page is written */
#define AXAS_BACKEND_OTHER	5	/* another module: AXAS_MAP_BACKEND */
#define AXAS_BACKEND_IMAGE	6	/* an image, until a page is written */

/* Results of a fault. */
#define AXAS_FAULT_FIXED	0	/* a leaf was installed: repeat the access */
#define AXAS_FAULT_SPURIOUS	1	/* the leaf was present: repeat the access */
#define AXAS_FAULT_RETRY	2	/* interrupted by a fatal signal: repeat it */
#define AXAS_FAULT_HOLE		3	/* no area here: MMIO for the VMM */
#define AXAS_FAULT_DENIED	4	/* the area forbids the access */
#define AXAS_FAULT_NOMEM	5	/* out of frames */
#define AXAS_FAULT_ERROR	6	/* the backend failed: a file, a module, another space */
#define AXAS_FAULT_MISSING	7	/* the VMM brings this page: AXAS_SUPPLY */

/* A leaf maps 4 KiB << (9 * level). */
#define AXAS_LEAF_LEVELS	4	/* 4 KiB, 2 MiB, 1 GiB, 512 GiB */

/*
 * Capabilities of the machine that walks a table. EPT: execute-only entries, accessed and
 * dirty bits. SVM: NX. Stage 2: forced write-back, execute-never by exception level,
 * hardware dirty state. G-stage: memory types in the entry, hardware A and D updates,
 * contiguous entries.
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
/* Output only: this host's CPU walks the format. */
#define AXAS_CAP_NATIVE		(1u << 31)
#define AXAS_CAP_MASK		((1u << 10) - 1)

/*
 * AXAS_GET_API_VERSION on /dev/axas: returns AXAS_API_VERSION. The third argument of
 * ioctl() is ignored.
 */
#define AXAS_GET_API_VERSION	_IO(AXAS_IOC_TYPE, 0x00)

/**
 * struct axas_format_info - AXAS_GET_FORMAT on /dev/axas: limits of one format
 * @size: sizeof(struct axas_format_info)
 * @flags: must be zero
 * @format: in: AXAS_FORMAT_*; out: the same, with AXAS_FORMAT_DEFAULT resolved
 * @caps: must be zero; out: AXAS_CAP_*
 * @min_ia_bits: out: minimum bits of guest-physical address of a space
 * @max_ia_bits: out: maximum bits of guest-physical address of a space
 * @oa_bits: out: bits of host-physical address in a leaf on this host
 * @leaf_levels: out: bit n set: leaves are possible at level n
 * @ia_bits: out: bit n set: a space can have n bits of guest-physical address
 *
 * For the host's own format the limits are those of its CPU; for another format, those that
 * every machine of that format has. Not every number of bits between @min_ia_bits and
 * @max_ia_bits is valid: a gstage space has 41, 50 or 59.
 *
 * Errors: EINVAL; EOPNOTSUPP if this build has no such format, or no default format.
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
	__u64 ia_bits;
};

#define AXAS_GET_FORMAT		_IO(AXAS_IOC_TYPE, 0x01)

#define AXAS_CREATE_CAPS	(1u << 0)	/* for the machine that @caps ... describe */
#define AXAS_CREATE_PINNABLE	(1u << 1)	/* mappings are pinnable, not watched: see below */

/**
 * struct axas_create - AXAS_CREATE on /dev/axas: create a space, returned as an fd
 * @size: sizeof(struct axas_create)
 * @flags: AXAS_CREATE_*
 * @format: AXAS_FORMAT_*
 * @ia_bits: bits of guest-physical address; 0 for the usual number
 *	(ept, svm: 48 for four levels, 57 for five; s2: 32 to 48; gstage: 41, 50, 59). A
 *	svm space for this host has the number of levels of the host's own tables, for any
 *	@ia_bits; with five levels the default is 57
 * @base: first guest-physical address of the space, 4 KiB aligned
 * @length: bytes of the space; 0: from @base to the end of @ia_bits
 * @max_frames: limit of 4 KiB frames that the space holds at once; 0: no limit
 * @caps: with AXAS_CREATE_CAPS: the AXAS_CAP_* of that machine, capabilities of @format
 *	only; else zero
 * @leaf_levels: with AXAS_CREATE_CAPS: bit n set: leaves are possible at level n; bit 0 and
 *	all bits below the highest one must be set; else zero
 * @oa_bits: with AXAS_CREATE_CAPS: bits of host-physical address, at most the
 *	format's; else zero. Host memory beyond it is not used: if the allocator has no
 *	other, calls fail with ENOMEM
 * @reserved: must be zero
 *
 * Returns a file descriptor (O_RDWR | O_CLOEXEC). The space lives until the last
 * descriptor is closed and the last kernel user drops its reference. Every call works on a
 * space for another machine, but no CPU walks its table: AXVCPU_CREATE refuses it unless the
 * machine is within this host's.
 *
 * Errors: EBADF if /dev/axas is not open for writing; EINVAL; EOPNOTSUPP if this build has
 * no such format, or the format or machine does not support @ia_bits; ENOMEM, EMFILE, ENFILE.
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
 * EPERM without CAP_SYS_RAWIO, on a locked-down kernel, for a range that overlaps System
 * RAM, and on x86 for one that overlaps the local APIC addresses (0xfee00000 to 0xfeefffff).
 * Host-physical address 0 is valid. The pages count as locked memory of the space's creator,
 * under the caller's RLIMIT_MEMLOCK, until no area maps them: a vCPU may hold the space
 * longer than the last descriptor. The same memory may be mapped repeatedly and in several
 * spaces, but with one @type.
 *
 * Errors: EPERM; EINVAL, also for an @hpa range that wraps or exceeds the
 * host's physical addresses; EOPNOTSUPP if the format cannot encode @prot or @type;
 * EBUSY if part of the range is mapped with another @type; EEXIST on overlap with an area;
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
 * Frame size of an area. With neither flag populate takes 2 MiB frames where possible,
 * since populated memory will be used, and faults take 4 KiB. If no 2 MiB frame is available,
 * 4 KiB frames are used.
 */
#define AXAS_MAP_HUGE_ALWAYS	(1u << 1)	/* 2 MiB on a fault too */
#define AXAS_MAP_HUGE_NEVER	(1u << 2)	/* 4 KiB only */
/*
 * As AXAS_MAP_HUGE_ALWAYS, and each 2 MiB frame can be mapped by one entry of the host's page table
 * too, and so by one 2 MiB leaf of a KVM guest. Its price: memory of a part that is unmapped or
 * discarded is free only when all of the frame is.
 */
#define AXAS_MAP_HUGE_WHOLE	(1u << 3)
/*
 * The area's memory is the VMM's to bring: no page has content before AXAS_SUPPLY. A guest's access
 * to such a missing page is AXAS_FAULT_MISSING, an exit of AXVCPU_RUN. An access by the host (read,
 * write, an mmap of the descriptor, the kernel's) waits until the page is supplied or unmapped, or
 * for a fatal signal; with AXAS_MAP_MISSING_FAIL, which needs AXAS_MAP_MISSING, it fails instead,
 * with EFAULT or SIGBUS. A page that is discarded reads as zeroes, and is not missing again. Not
 * with AXAS_MAP_POPULATE.
 */
#define AXAS_MAP_MISSING	(1u << 4)
#define AXAS_MAP_MISSING_FAIL	(1u << 5)
/*
 * Fault-around: a fault that installs a 4 KiB leaf also fills the naturally aligned block of
 * 1 << @order pages around it, within the area and as memory permits. @order is at most 9,
 * one table; the default is 0. It saves faults if the neighbours are touched too; if not, it
 * costs up to (1 << @order) - 1 frames per fault.
 */
#define AXAS_MAP_AROUND_SHIFT	8
#define AXAS_MAP_AROUND_MASK	(0xfu << AXAS_MAP_AROUND_SHIFT)
#define AXAS_MAP_AROUND(order)	((order) << AXAS_MAP_AROUND_SHIFT)
/* An area's policy, which AXAS_SET_POLICY changes. */
#define AXAS_MAP_POLICY		(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER |	\
				 AXAS_MAP_AROUND_MASK)
#define AXAS_MAP_FLAGS		(AXAS_MAP_POPULATE | AXAS_MAP_HUGE_WHOLE | AXAS_MAP_MISSING |	\
				 AXAS_MAP_MISSING_FAIL | AXAS_MAP_POLICY)

/**
 * struct axas_map_alloc - AXAS_MAP_ALLOC: zeroed memory from the page allocator
 * @size: sizeof(struct axas_map_alloc)
 * @flags: AXAS_MAP_*; no AXAS_MAP_HUGE_* beside AXAS_MAP_HUGE_NEVER, no AXAS_MAP_POPULATE beside
 *	AXAS_MAP_MISSING, and no more than AXAS_MAP_AROUND(9)
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_NORMAL. Other types are EOPNOTSUPP: the host accesses this memory
 *	through its caches
 *
 * The limit of a memory cgroup is ENOMEM too: allocating frames and tables does not invoke
 * the OOM killer. With AXAS_MAP_POPULATE the call is all or nothing.
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
 * struct axas_map_file - AXAS_MAP_FILE: a file's content, shared until it is written
 * @size: sizeof(struct axas_map_file)
 * @flags: AXAS_MAP_POPULATE, AXAS_MAP_AROUND(): a fault borrows that many pages, if they are
 *	cached, but at most 64; by default 16
 * @gpa: first guest-physical address
 * @length: bytes
 * @offset: offset of the first byte in the file, 4 KiB aligned
 * @fd: the file, open for reading
 * @prot: AXAS_PROT_*
 *
 * Guests, and all spaces over the same file, share the pages of its page cache, read-only. The
 * first write to a page, by guest or host, makes a private copy, which counts as a frame of the
 * space; nothing is ever written to the file. What AXAS_DISCARD gave back reads as zeroes, not as
 * the file again. A page that cannot be read is AXAS_FAULT_ERROR for the guest, EIO and SIGBUS for
 * the host.
 *
 * The content must not change: the file is a memfd with F_SEAL_WRITE and F_SEAL_SHRINK, or a
 * regular file that nobody has open for writing, and nobody can open so as long as an area is over
 * it: ETXTBSY. So the caller must own such a file, or have permission to write it, by a mount that
 * is not read-only, or to execute it, by one without noexec, or have CAP_SYS_ADMIN, unless its file
 * system is read-only: EPERM. The area must not reach beyond the page of the file's last byte.
 *
 * The pages of a call, touched or not, count as locked memory of the space's creator, under the
 * caller's RLIMIT_MEMLOCK, until no area of that call is left; those that were touched stay in
 * memory as long. AXAS_MAP_POPULATE reads all of them first, with no lock held. A mapping of the
 * descriptor shares pages of memfds and of tmpfs; pages of other file systems become private when
 * it touches them. The dirty log covers such areas, too.
 *
 * Errors: EBADF if @fd is not open for reading; ENOMEM for RLIMIT_MEMLOCK; EPERM; EINVAL;
 * EOPNOTSUPP for a file without a page cache, or if the format cannot encode @prot; ETXTBSY; EEXIST
 * on overlap with an area; ENOMEM; with AXAS_MAP_POPULATE also EIO; EINTR on a fatal signal.
 */
struct axas_map_file {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 offset;
	__s32 fd;
	__u32 prot;
};

#define AXAS_MAP_FILE		_IO(AXAS_IOC_TYPE, 0x25)

/**
 * struct axas_range - AXAS_UNMAP, AXAS_POPULATE, AXAS_SET_POLICY: a range of the space
 * @size: sizeof(struct axas_range)
 * @flags: AXAS_SET_POLICY: the new AXAS_MAP_POLICY flags; else zero
 * @gpa: first guest-physical address
 * @length: bytes
 *
 * AXAS_UNMAP removes all mappings of the range, splits areas at its ends and skips holes. A
 * range of holes alone is not an error. Errors: EINVAL, ENOMEM.
 *
 * AXAS_POPULATE allocates a frame for every untouched page of the range. It is restartable:
 * on return @gpa and @length are the remaining range, and the caller repeats the call until
 * @length is 0. A 2 MiB frame is taken only if the range covers all of its 2 MiB. The call
 * succeeds if at least one page was populated or already had its frame; else it fails with
 * EINVAL, EFAULT for a hole at @gpa, ENODATA for a missing page there, EACCES if it is shared and
 * its source forbids the access, EIO if its file, module or source cannot supply it, ENOMEM, or
 * EINTR.
 *
 * AXAS_SET_POLICY replaces the AXAS_MAP_HUGE_* and AXAS_MAP_AROUND() flags of the areas in the
 * range, as AXAS_PROTECT does the protection: it splits areas, and leaves, at the ends, skips
 * holes, and merges areas that are equal then. They apply to later faults and calls; memory that
 * is mapped already keeps its leaves. AXAS_MAP_HUGE_WHOLE stays as it is. Errors: EINVAL, as
 * AXAS_MAP_ALLOC; EOPNOTSUPP if a linear area lies in the range; ENOMEM; EINTR on a fatal signal
 * before the first change.
 */
struct axas_range {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
};

#define AXAS_UNMAP		_IO(AXAS_IOC_TYPE, 0x12)
#define AXAS_POPULATE		_IO(AXAS_IOC_TYPE, 0x15)
#define AXAS_SET_POLICY		_IO(AXAS_IOC_TYPE, 0x1c)

/**
 * struct axas_limit - AXAS_SET_LIMIT: change the space's limit of frames
 * @size: sizeof(struct axas_limit)
 * @flags: must be zero
 * @max_frames: limit of 4 KiB frames that the space holds at once; 0: no limit
 *
 * With a limit below what the space holds, it keeps its frames, and gets new ones once it holds
 * fewer than the limit. A space counts towards a limit only if it was created with one: create it
 * with @max_frames ~0 if you may set a limit later. Frames that are being allocated during the
 * call may still come under the old limit.
 *
 * Errors: EINVAL; EOPNOTSUPP if the space was created without a limit.
 */
struct axas_limit {
	__u32 size;
	__u32 flags;
	__u64 max_frames;
};

#define AXAS_SET_LIMIT		_IO(AXAS_IOC_TYPE, 0x1d)

/**
 * struct axas_protect - AXAS_PROTECT: change the protection of a range
 * @size: sizeof(struct axas_protect)
 * @flags: must be zero
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: the new AXAS_PROT_*; memory types stay as they are
 * @reserved: must be zero
 *
 * Splits areas at the ends of the range and skips holes. A range of holes, or one that has
 * @prot already, is not an error. A changed area is merged with a neighbour that is equal
 * then. On return no CPU uses the old protection.
 *
 * Errors: EINVAL; EACCES if a shared area in the range may not have @prot (AXAS_MAP_SHARED);
 * EOPNOTSUPP if the format cannot encode @prot with the type of an area in the range; ENOMEM; EINTR
 * on a fatal signal before the first change.
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
 * struct axas_extent - a range, as AXAS_DISCARD reads it
 * @gpa: first guest-physical address
 * @length: bytes
 */
struct axas_extent {
	__u64 gpa;
	__u64 length;
};

/**
 * struct axas_discard - AXAS_DISCARD: give the frames of ranges back
 * @size: sizeof(struct axas_discard)
 * @flags: must be zero
 * @buf: address of an array of struct axas_extent, in any order; they may overlap
 * @count: its elements, at most AXAS_DISCARD_MAX; with 0 nothing is done
 * @reserved: must be zero
 * @done: must be zero; out: bytes discarded, in the order of the array
 *
 * The areas stay: the next touch of a page finds zeroes, in a frame of its own. Missing pages stay
 * missing. Holes are skipped, and leaves split at the ends of each range. An area need not permit
 * writing. A guest that touches a range during the call does so before or after it.
 *
 * The call succeeds if anything was discarded; @done is less than all only after a fatal
 * signal. Errors: EFAULT, for @buf too; EINVAL, also for a larger @count and for ranges that
 * add up to more than 64 bits; EOPNOTSUPP if a linear area lies in a range; ENOMEM; EINTR.
 */
struct axas_discard {
	__u32 size;
	__u32 flags;
	__u64 buf;
	__u32 count;
	__u32 reserved;
	__u64 done;
};

#define AXAS_DISCARD_MAX	1024
#define AXAS_DISCARD		_IO(AXAS_IOC_TYPE, 0x1b)

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
 * struct axas_collapse - AXAS_COLLAPSE: replace small leaves by larger ones
 * @size: sizeof(struct axas_collapse)
 * @flags: must be zero
 * @gpa: first guest-physical address
 * @length: bytes
 * @collapsed: must be zero; out: number of tables that a leaf replaced
 *
 * A table whose entries all map contiguous, aligned host-physical memory with one protection
 * and type is replaced by one leaf. No memory is copied. Errors: EINVAL; ENOMEM in memory with a
 * dirty log; EINTR on a fatal signal.
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
 * @access: access requested: one or more of AXAS_PROT_*
 * @result: out: AXAS_FAULT_*
 * @level: out: level of the leaf, for AXAS_FAULT_FIXED and _SPURIOUS; 0 for other
 *	results and without CAP_SYS_RAWIO
 * @reserved: must be zero
 *
 * The call succeeds for every @result. An address outside the space is a hole. Errors: EINVAL.
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

/* No host-physical address: hidden from the caller, or there is none. */
#define AXAS_HPA_NONE		(~0ull)

/* Most leaves that AXAS_TRANSLATE scans to find its @limit. */
#define AXAS_LIMIT_LEAVES	2048

/**
 * struct axas_translate - AXAS_TRANSLATE: translate a guest-physical address
 * @size: sizeof(struct axas_translate)
 * @flags: must be zero
 * @gpa: the address, of any alignment
 * @hpa: out: host-physical address; AXAS_HPA_NONE without CAP_SYS_RAWIO
 * @left: out: bytes from @gpa to the end of its leaf
 * @limit: out: bytes from @gpa on that are contiguous in host-physical memory, with one
 *	protection and type, across leaves and areas; at least @left. At most
 *	AXAS_LIMIT_LEAVES leaves are scanned: continue at @gpa + @limit
 * @prot: out: AXAS_PROT_* of the leaf
 * @type: out: AXAS_TYPE_* of the leaf
 * @level: out: level of the leaf
 * @reserved: must be zero
 *
 * It faults nothing in. Without CAP_SYS_RAWIO host-physical addresses and contiguity are
 * hidden: @level is 0, @left ends at the 4 KiB page, and @limit equals @left.
 *
 * Errors: EINVAL; ENOENT if no leaf maps @gpa: a hole, an address outside the space, or
 * untouched memory. AXAS_GET_AREAS distinguishes them.
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
 * struct axas_info - AXAS_GET_INFO: parameters and counters of a space
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
 * @frames: out: 4 KiB frames of its own that the space holds: of alloc areas, private pages of
 *	files, and those of other modules (AXAS_MAP_BACKEND)
 * @max_frames: out: the limit of @frames; 0: none
 * @tables: out: 4 KiB pages of page table, the root's included
 * @root_tables: out: 4 KiB pages of the root alone
 * @leaves: out: leaves at each level
 * @faults: out: faults by result, AXAS_FAULT_FIXED to AXAS_FAULT_ERROR. Faults that
 *	reads and writes by the host take are counted only if FIXED
 * @caps: out: AXAS_CAP_* of the machine that the space is for
 * @leaf_levels: out: bit n set: that machine has leaves at level n
 * @borrowed: out: 4 KiB pages of others, without linear areas, that leaves map: a file's
 * @missing: out: faults with the result AXAS_FAULT_MISSING
 * @shared: out: 4 KiB frames of other spaces that this one maps (AXAS_MAP_SHARED); not in @frames
 * @exported: out: 4 KiB frames of this space that others map, each time that one does; it may count
 *	frames that this space unmapped or discarded meanwhile
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
	__u32 caps;
	__u32 leaf_levels;
	__u64 borrowed;
	__u64 missing;
	__u64 shared;
	__u64 exported;
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
 * @flags: its AXAS_MAP_MISSING*, AXAS_MAP_HUGE_* and AXAS_MAP_AROUND() flags; AXAS_AREA_LOGGED:
 *	see AXAS_START_LOG
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
 * @start: in: first address of interest: an area that covers it is listed whole; out: the
 *	next call's @start, unchanged if no area was written
 * @buf: address of an array of struct axas_area_info
 * @count: in: capacity of @buf in elements; out: elements written
 * @more: out: 1 if areas remain beyond those written, else 0; ignored on input
 *
 * With @count 0 nothing is written to @buf, and @more reports whether there are areas.
 * One call writes a consistent snapshot of at most AXAS_GET_AREAS_MAX areas.
 * Errors: EINVAL; EFAULT, for @buf too; ENOMEM.
 */
struct axas_get_areas {
	__u32 size;
	__u32 flags;
	__u64 start;
	__u64 buf;
	__u32 count;
	__u32 more;
};

/**
 * struct axas_map_shared - AXAS_MAP_SHARED: map memory of another space
 * @size: sizeof(struct axas_map_shared)
 * @flags: AXAS_MAP_POLICY flags
 * @gpa: first guest-physical address
 * @length: bytes
 * @source_gpa: first guest-physical address there, 4 KiB aligned
 * @fd: descriptor of the source space, open for reading and writing; this space is possible, too
 * @prot: AXAS_PROT_*, and the most that AXAS_PROTECT can give this area later; no more than the
 *	source's areas permit now
 *
 * Both spaces map the same frames, from the first touch of a page here on: a page that the source
 * has not touched is allocated in the source, whose @max_frames and memory cgroup pay. The source
 * must permit @prot at each first touch, else AXAS_FAULT_DENIED; a later AXAS_PROTECT there changes
 * nothing here. Each leaf has a reference on its frame: a page that one space unmaps or discards
 * stays in the other, and they are different pages from then on. A page that is discarded here is,
 * at the next touch, the source's again, with its content.
 *
 * The area does not keep the source: once that is gone, or has no such memory any more, untouched
 * pages are AXAS_FAULT_ERROR (EIO for host accesses, SIGBUS in mappings). Leaves are 4 KiB.
 *
 * Errors: EINVAL, also if @fd is no space; EBADF if @fd is not open for reading and writing; EACCES
 * if an area of the source forbids @prot; EFAULT for a hole in the source; EOPNOTSUPP if an area of
 * the source has no memory of the page allocator of its own (linear, shared, of a file, of another
 * module) or the format cannot encode @prot; EEXIST on overlap with an area; ENOMEM; EINTR on a
 * fatal signal.
 */
struct axas_map_shared {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 source_gpa;
	__s32 fd;
	__u32 prot;
};

#define AXAS_MAP_SHARED		_IO(AXAS_IOC_TYPE, 0x23)

#define AXAS_NAME_MAX	32	/* bytes, with the final NUL */

/**
 * struct axas_map_backend - AXAS_MAP_BACKEND: memory that another kernel module supplies
 * @size: sizeof(struct axas_map_backend)
 * @flags: AXAS_MAP_POLICY flags
 * @gpa: first guest-physical address
 * @length: bytes
 * @offset: first byte in the backend's object, 4 KiB aligned
 * @arg: tells the backend which object; only it knows the meaning
 * @name: name of the backend
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 *
 * EPERM without CAP_SYS_RAWIO, unless the module registered its backend for every user of
 * /dev/axas. Memory comes on first touch; if the module fails, the access is AXAS_FAULT_ERROR (EIO
 * for host accesses). It counts towards @max_frames. The module cannot be removed while such an
 * area exists. What a page contains after AXAS_DISCARD is the module's choice.
 *
 * Errors: EPERM; EINVAL, also if the offsets wrap; ENOENT if no module registered @name; errors of
 * the module; EOPNOTSUPP if the format cannot encode @prot and @type, or the backend does not
 * permit @type; EEXIST on overlap with an area; ENOMEM; EINTR on a fatal signal.
 */
struct axas_map_backend {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 offset;
	__u64 arg;
	char name[AXAS_NAME_MAX];
	__u32 prot;
	__u32 type;
};

#define AXAS_MAP_BACKEND	_IO(AXAS_IOC_TYPE, 0x24)

#define AXAS_GET_AREAS_MAX	1024
#define AXAS_GET_AREAS		_IO(AXAS_IOC_TYPE, 0x19)

/**
 * struct axas_log - AXAS_START_LOG, AXAS_GET_LOG, AXAS_CLEAR_LOG, AXAS_STOP_LOG: the dirty log
 * @size: sizeof(struct axas_log)
 * @flags: AXAS_GET_LOG, AXAS_CLEAR_LOG: AXAS_LOG_EXTENTS, or zero; else zero
 * @gpa: first address of the range; AXAS_GET_LOG with extents, AXAS_CLEAR_LOG: out: the first
 *	address that was not done
 * @length: its bytes; out, for the same calls: bytes that were not done
 * @buf: AXAS_GET_LOG, AXAS_CLEAR_LOG: address of a bitmap, of 64-bit words in the host's byte
 *	order: bit n % 64 of word n / 64 is page n of the range; or of an array of struct
 *	axas_extent. Else zero
 * @count: with extents: the elements of @buf; out, for AXAS_GET_LOG: those written. Else zero
 * @reserved: must be zero
 * @epoch: out: the epoch; AXAS_CLEAR_LOG: in: zero, or the epoch of the AXAS_GET_LOG whose pages
 *	are cleared. Else ignored on input
 *
 * AXAS_START_LOG begins to log all normal memory in the range, with no page written. Pages are
 * logged that a guest writes, on all vCPUs; pwrite(); the host by its mappings, and so KVM guests
 * on them and devices with their pages; other modules. Discarding a page is a write of zeroes.
 * Starting again forgets what was written before. The cost of the call does not depend on what is
 * mapped, unless the host has mapped some of it: the first access to each 2 MiB after it is a
 * fault.
 *
 * The log belongs to the areas in the range at that time: it goes on beside protect, policy,
 * discard and populate, and ends with unmap, for the part that is unmapped. A new area is not
 * logged, nor are device registers: none of their pages is reported.
 *
 * AXAS_GET_LOG reports the pages that were written and not cleared since. AXAS_CLEAR_LOG takes the
 * pages whose bits are set, or that the extents name, as not written; memory that is copied after
 * the call is as new as the log. A page that somebody still holds for writing (a read by O_DIRECT
 * in progress, a pinned page, a bio_vec) stays written, as does a part of a 2 MiB region that was
 * discarded as a whole. Bits of memory that nobody has touched since the start may not even be
 * read. AXAS_STOP_LOG ends the log.
 *
 * The epoch grows with each start and each clear of the space. AXAS_CLEAR_LOG for one before the
 * last start is ESTALE: those pages were forgotten.
 *
 * AXAS_GET_LOG with extents, and AXAS_CLEAR_LOG, succeed if anything was done, and say what was
 * not. Errors: EFAULT, for @buf too; EINVAL, also if an extent lies outside the range or is not of
 * whole pages; ESTALE; ENOENT if no area in the range is logged, or, for AXAS_START_LOG, can be;
 * ENOMEM; EINTR on a fatal signal.
 */
struct axas_log {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 buf;
	__u32 count;
	__u32 reserved;
	__u64 epoch;
};

#define AXAS_LOG_EXTENTS	(1u << 0)
#define AXAS_AREA_LOGGED	(1u << 31)	/* in struct axas_area_info, @flags */

#define AXAS_START_LOG		_IO(AXAS_IOC_TYPE, 0x1e)
#define AXAS_STOP_LOG		_IO(AXAS_IOC_TYPE, 0x1f)
#define AXAS_GET_LOG		_IO(AXAS_IOC_TYPE, 0x20)
#define AXAS_CLEAR_LOG		_IO(AXAS_IOC_TYPE, 0x21)

#define AXAS_SUPPLY_ZERO	(1u << 0)	/* zeroes, which take no frame before a touch */
#define AXAS_SUPPLY_SPACE	(1u << 1)	/* from the space @space_fd, not a buffer */
#define AXAS_SUPPLY_SKIP	(1u << 2)	/* step over pages that are there */

/**
 * struct axas_supply - AXAS_SUPPLY: bring missing pages
 * @size: sizeof(struct axas_supply)
 * @flags: AXAS_SUPPLY_*; not both ZERO and SPACE
 * @gpa: first guest-physical address
 * @length: bytes
 * @source: address of @length bytes of content; with AXAS_SUPPLY_SPACE their guest-physical
 *	address in @space_fd; with AXAS_SUPPLY_ZERO zero
 * @space_fd: with AXAS_SUPPLY_SPACE: a space's descriptor that is open for reading and writing;
 *	else zero
 * @reserved: must be zero
 * @done: must be zero; out: bytes supplied or stepped over, from @gpa on
 *
 * The range lies in areas with AXAS_MAP_MISSING. A page has all of its content before anybody can
 * reach it. 2 MiB frames are taken as by AXAS_POPULATE. A page that is there, supplied before or
 * discarded, is never overwritten. Accesses that wait for a page go on as soon as it is there.
 *
 * The call succeeds if anything was done; @done is less than @length after an error at @gpa +
 * @done, which the call fails with if repeated from there. Errors: EINVAL; EBADF for @space_fd;
 * ENOENT for a hole: the area is gone; EOPNOTSUPP for an area without AXAS_MAP_MISSING; EEXIST if
 * the page is there; EFAULT for @source, EACCES too for AXAS_SUPPLY_SPACE; ENOMEM; EINTR on a fatal
 * signal.
 */
struct axas_supply {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 source;
	__s32 space_fd;
	__u32 reserved;
	__u64 done;
};

#define AXAS_SUPPLY		_IO(AXAS_IOC_TYPE, 0x22)

#define AXAS_MISSING_AGAIN	(1u << 0)	/* first forget what was reported */

/**
 * struct axas_get_missing - AXAS_GET_MISSING: the pages that accesses by the host wait for
 * @size: sizeof(struct axas_get_missing)
 * @flags: AXAS_MISSING_AGAIN, for a server that takes over from another one
 * @buf: address of an array of __u64, which get guest-physical addresses of pages
 * @count: in: capacity of @buf in elements; out: elements written
 * @more: out: 1 if pages remain beyond those written, else 0; ignored on input
 *
 * Does not wait: poll() reports EPOLLPRI while there are pages that were not reported. A page is
 * reported once, but again if an access begins to wait for it after it was unmapped and mapped
 * anew. Accesses by guests are not reported here: each is an exit of its vCPU. One call writes at
 * most AXAS_MISSING_MAX pages, each of them once.
 *
 * Errors: EINVAL; EFAULT, for @buf too, after which the pages are reported again; ENOMEM.
 */
struct axas_get_missing {
	__u32 size;
	__u32 flags;
	__u64 buf;
	__u32 count;
	__u32 more;
};

#define AXAS_MISSING_MAX	128
#define AXAS_GET_MISSING	_IO(AXAS_IOC_TYPE, 0x26)

/**
 * struct axas_freeze - AXAS_FREEZE: make an image of a space, returned as an fd
 * @size: sizeof(struct axas_freeze)
 * @flags: must be zero
 *
 * The image is what the space contains at one moment of the call: for all vCPUs, for pwrite(), and
 * for host mappings. It never changes. The space goes on with the same content, areas and root:
 * from now on it is a clone of the image, and a page gets a private copy when it is written. The
 * cost does not depend on the size of the space, but on what the host has mapped of it. Devices,
 * such as a vhost back end in another process, are the caller's to stop.
 *
 * The descriptor is read-only: pread() and mmap(PROT_READ), with the guest-physical address as the
 * offset; AXAS_CLONE; AXAS_GET_IMAGE_INFO. A mapping is EINVAL outside of the space's range, EACCES
 * to write or execute; its access to a hole is SIGBUS. The descriptor can be passed to other
 * processes, which may clone it. The image lives as long as a descriptor, a mapping, a clone, or an
 * image of a clone. Its frames count in it, not in the space: AXAS_SET_LIMIT bounds the private
 * pages, and a freeze fails with ENOMEM if the images that only this space has would own more than
 * the limit together.
 *
 * A page that somebody holds (O_DIRECT in progress, a pinned page) is copied into the image; the
 * space keeps the page itself. A dirty log goes on: pages that it has as written stay in it, and
 * the image is in no log. The cost then is linear in the memory that is logged.
 *
 * Errors: EOPNOTSUPP if an area is linear, shared, missing (AXAS_MAP_MISSING) or of another module,
 * or if another space shares memory of this one; EBUSY if more than 2,048 pages are held, or others
 * at each attempt; ELOOP after 1,024 freezes whose images were not joined; EMFILE, ENFILE; ENOMEM;
 * EINTR on a fatal signal.
 */
struct axas_freeze {
	__u32 size;
	__u32 flags;
};

/**
 * struct axas_clone - AXAS_CLONE on an image: make spaces with its content
 * @size: sizeof(struct axas_clone)
 * @flags: AXAS_CREATE_PINNABLE, or zero
 * @max_frames: limit of the 4 KiB frames that each clone holds itself; 0: none
 * @fds: address of an array of __s32, for the descriptors
 * @count: their number, 1 to AXAS_CLONE_MAX
 * @reserved: must be zero
 *
 * A clone is a space in every respect: its pages are the image's until they are written, unmapped
 * or discarded. All of them are made, or none.
 *
 * Errors: EINVAL; EFAULT, for @fds too; EMFILE, ENFILE; ENOMEM; EINTR on a fatal signal.
 */
struct axas_clone {
	__u32 size;
	__u32 flags;
	__u64 max_frames;
	__u64 fds;
	__u32 count;
	__u32 reserved;
};

#define AXAS_CLONE_MAX		1024

/**
 * struct axas_reset - AXAS_RESET: make a space a clone of an image again
 * @size: sizeof(struct axas_reset)
 * @flags: 0, or AXAS_RESET_DROP
 * @image_fd: the image: of this space, or of another one of the same format, machine and range
 * @reserved: must be zero
 *
 * Content, areas and protections are the image's after the call. Host mappings stay, and show the
 * image's content. State of vCPUs is the caller's to set.
 *
 * Resets to one image, again and again, keep the private frames of pages that are written often:
 * from the second one on, at most 16,384 (1,024 without a dirty bit in leaves), and only if the
 * space has no limit of frames, no area was changed and nothing discarded or collapsed in between.
 * What was written gets the image's content again; the cost depends on the pages that were written.
 * With AXAS_RESET_DROP, and in all other cases, the space's frames are given back.
 *
 * Errors: EBADF if @image_fd is no descriptor; EINVAL if it is none of an image, or of one of
 * another kind of space; EOPNOTSUPP if the space has linear memory, or another space shares memory
 * of this one; EBUSY in a dirty log; ENOMEM; EINTR on a fatal signal.
 */
struct axas_reset {
	__u32 size;
	__u32 flags;
	__s32 image_fd;
	__u32 reserved;
};

#define AXAS_RESET_DROP		(1u << 0)

/**
 * struct axas_diff_extent - pages that a clone does not share with its image
 * @gpa: first guest-physical address
 * @length: bytes
 * @flags: AXAS_DIFF_ZERO: discarded, so they read as zeroes; else written
 * @reserved: zero
 */
struct axas_diff_extent {
	__u64 gpa;
	__u64 length;
	__u32 flags;
	__u32 reserved;
};

#define AXAS_DIFF_ZERO		(1u << 0)

/**
 * struct axas_diff - AXAS_DIFF: find the pages that a clone does not share with its image
 * @size: sizeof(struct axas_diff)
 * @flags: must be zero
 * @gpa: first address of the range; out: the first address that was not done
 * @length: its bytes; out: bytes that were not done
 * @buf: address of an array of struct axas_diff_extent, in ascending order
 * @count: its elements; out: those written
 * @reserved: must be zero
 *
 * Reports pages that a guest or the host has written since the image was made, or the space was
 * cloned from it or reset to it; pages of zeroes that have no frame in the image may be reported
 * when they were only read. Pages that were unmapped are not reported, nor are untouched pages of
 * areas that were mapped since.
 *
 * Errors: EINVAL; EFAULT, for @buf too; ENOENT if the space is no clone; ENOMEM; EINTR on a fatal
 * signal.
 */
struct axas_diff {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 buf;
	__u32 count;
	__u32 reserved;
};

/**
 * struct axas_image_info - AXAS_GET_IMAGE_INFO on an image
 * @size: sizeof(struct axas_image_info)
 * @flags: must be zero
 * @format: out: AXAS_FORMAT_*
 * @depth: out: images in its chain, itself included
 * @base: out: first guest-physical address of its spaces
 * @length: out: bytes from @base on; 0: 2^64
 * @frames: out: 4 KiB frames that the image owns, without those of images below it
 * @borrowed: out: 4 KiB pages that it has from images below it, or from files, as far as touched
 * @tables: out: 4 KiB pages of its nested page table
 * @areas: out: its areas
 * @users: out: descriptors that were opened, spaces and images that have it as their image
 */
struct axas_image_info {
	__u32 size;
	__u32 flags;
	__u32 format;
	__u32 depth;
	__u64 base;
	__u64 length;
	__u64 frames;
	__u64 borrowed;
	__u64 tables;
	__u64 areas;
	__u64 users;
};

#define AXAS_FREEZE		_IO(AXAS_IOC_TYPE, 0x30)
#define AXAS_CLONE		_IO(AXAS_IOC_TYPE, 0x31)
#define AXAS_RESET		_IO(AXAS_IOC_TYPE, 0x32)
#define AXAS_DIFF		_IO(AXAS_IOC_TYPE, 0x33)
#define AXAS_GET_IMAGE_INFO	_IO(AXAS_IOC_TYPE, 0x34)

#endif /* _UAPI_AXAS_AXAS_H */
