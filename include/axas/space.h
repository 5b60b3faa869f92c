/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spaces: guest-physical address spaces with one nested page table each. The API for
 * hypervisor modules; import the symbol namespace AXAS.
 *
 * Unless documented otherwise, a function may sleep, must be called without locks that a
 * flush callback takes, and may be called concurrently. Ranges are 4 KiB aligned, not empty,
 * and inside the space, up to the last byte of 64 bits; others are -EINVAL. A failed call
 * changes nothing.
 */
#ifndef _AXAS_SPACE_H
#define _AXAS_SPACE_H

#include <linux/bvec.h>
#include <linux/cpumask.h>
#include <linux/list.h>
#include <axas/addr.h>
#include <axas/hal.h>
#include <uapi/axas/axas.h>

struct axas_space;
struct file;

/**
 * struct axas_machine - hardware that walks a table
 * @caps: AXAS_CAP_*
 * @leaf_levels: bit n set: leaves are possible at level n; all lower bits must be set too
 * @oa_bits: bits of host-physical address. Frames and tables beyond it are not used: if the
 *	HAL has no others, allocation fails with -ENOMEM
 */
struct axas_machine {
	u32 caps;
	u32 leaf_levels;
	u32 oa_bits;
};

/**
 * struct axas_space_params - parameters of a new space
 * @format: AXAS_FORMAT_*
 * @ia_bits: bits of guest-physical address; 0 for the format's default
 * @base: first guest-physical address, 4 KiB aligned
 * @size: bytes; 0: from @base to the end of @ia_bits
 * @hal: source of frames; NULL for axas_hal_linux
 * @max_frames: limit of 4 KiB frames held at once; 0: no limit
 * @machine: the machine that walks the table; NULL: this host, or if its CPU does not walk
 *	@format, any machine that does
 */
struct axas_space_params {
	u32 format;
	u32 ia_bits;
	struct axas_gpa base;
	u64 size;
	const struct axas_hal *hal;
	u64 max_frames;
	const struct axas_machine *machine;
};

/**
 * axas_space_create() - create an empty space
 * @params: its parameters
 *
 * Context: May sleep.
 * Return: the space, with one reference for the caller, or ERR_PTR of: -EINVAL,
 * -EOPNOTSUPP if this build has no such format, or the format or the machine does not
 * support @params->ia_bits, -ENOMEM.
 */
struct axas_space *__must_check axas_space_create(const struct axas_space_params *params);

/**
 * axas_space_get() - take another reference
 * @space: the space
 *
 * Context: Any.
 * Return: @space.
 */
struct axas_space *axas_space_get(struct axas_space *space);

/**
 * axas_space_put() - drop a reference; the last one frees the space
 * @space: the space, or NULL
 *
 * All consumers must be detached before the last reference is dropped.
 *
 * Context: May sleep. Without mmap_lock: the last reference of a space that has a descriptor may
 * need that of the process which made it.
 */
void axas_space_put(struct axas_space *space);

/**
 * axas_space_get_from_fd() - the space behind a file descriptor of this process
 * @fd: a descriptor that AXAS_CREATE returned
 *
 * Context: Process context.
 * Return: the space, with one reference for the caller, or ERR_PTR of: -EBADF if @fd is not
 * open for reading and writing, -EINVAL if it is not a space.
 */
struct axas_space *__must_check axas_space_get_from_fd(int fd);

/**
 * axas_space_fd() - make a file descriptor of a space in this process
 * @space: the space
 * @flags: 0, or AXAS_CREATE_PINNABLE
 *
 * The descriptor is one that AXAS_CREATE returned, with a reference of its own. The caller's
 * process owns its inode and pays for linear areas that are mapped through it. A space has one
 * inode at most; programs duplicate the descriptor, or open /proc/PID/fd/N.
 *
 * Context: Process context; may sleep.
 * Return: the descriptor, O_RDWR and O_CLOEXEC; -EEXIST if the space has had a descriptor;
 * -EINVAL for unknown flags, or in a kernel thread; -ENOMEM, -EMFILE, -ENFILE.
 */
int __must_check axas_space_fd(struct axas_space *space, u32 flags);

/**
 * axas_space_range() - the address range of a space
 * @space: the space
 *
 * Context: Any.
 * Return: the range that it was created with.
 */
struct axas_gpa_range axas_space_range(const struct axas_space *space);

/**
 * axas_space_contains() - whether a range lies inside the space
 * @space: the space
 * @range: any range
 *
 * Context: Any.
 * Return: true if all of @range does; false for a range that wraps.
 */
bool axas_space_contains(const struct axas_space *space, struct axas_gpa_range range);

/**
 * axas_space_id() - the number of a space in traces and debugfs
 * @space: the space
 *
 * Spaces and images are counted together, from 1 on, since the module was loaded.
 *
 * Context: Any.
 * Return: the number.
 */
u32 axas_space_id(const struct axas_space *space);

/**
 * axas_space_root() - the root of the space's table
 * @space: the space
 *
 * Constant for the lifetime of the space. Only an attached consumer may let hardware walk
 * it.
 *
 * Context: Any.
 * Return: the root's host-physical address.
 */
struct axas_hpa axas_space_root(const struct axas_space *space);

/**
 * axas_space_format() - the format of a space's table
 * @space: the space
 *
 * Context: Any.
 * Return: AXAS_FORMAT_*, never AXAS_FORMAT_DEFAULT.
 */
u32 axas_space_format(const struct axas_space *space);

/**
 * axas_space_check_machine() - check that this host's CPU may walk a space's table
 * @space: the space
 *
 * Call it before loading axas_space_root() into hardware: this machine decodes a table
 * written for another one differently, which can expose all host memory to the guest. The
 * space's machine must be within the host's: format, number of levels, leaf levels, bits of
 * both addresses, and every capability that affects the meaning of an entry. If the host
 * requires 4 KiB executable leaves (AXAS_CAP_EXEC_4K) the space must have that flag, and
 * AXAS_CAP_S2_FWB must be equal on both sides. A space in the host's own format that was
 * created without @machine in struct axas_space_params always passes, unless memory
 * encryption is active.
 *
 * Context: Any.
 * Return: 0; -EMEDIUMTYPE if the space is for another machine, if the host's CPU does not
 * walk its format, or if memory encryption (mem_encrypt=on) is active, since no entry has
 * the C bit.
 */
int __must_check axas_space_check_machine(const struct axas_space *space);

/**
 * axas_space_map_linear() - map a fixed host-physical range
 * @space: the space
 * @range: guest-physical range, in whole 4 KiB pages
 * @hpa: the first host-physical address, 4 KiB aligned
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 *
 * The caller owns the memory and keeps it until it is unmapped. Access control is the
 * caller's. The only checks of the memory at @hpa: no byte is mapped with two memory types
 * at once, in all spaces together, and kernel memory (struct axas_hal, @is_ram) is
 * AXAS_TYPE_NORMAL only. Host-physical address 0 is valid.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL, also if @hpa wraps or exceeds the bits of the format or the host;
 * -EOPNOTSUPP if the format cannot encode @prot or @type, or for kernel memory with another
 * type; -EBUSY if a linear area maps part of it with another type; -EEXIST on overlap with
 * an area; -ENOMEM; -EINTR on a fatal signal.
 */
int __must_check axas_space_map_linear(struct axas_space *space, struct axas_gpa_range range,
				       struct axas_hpa hpa, u32 prot, u32 type);

/**
 * axas_space_map_alloc() - map zeroed memory from the space's HAL
 * @space: the space
 * @range: guest-physical range, in whole 4 KiB pages
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_NORMAL. Others are -EOPNOTSUPP: the host zeroes and accesses frames
 *	through its caches, and an uncached guest would read their previous content
 * @flags: 0: each frame is allocated on first touch, and an untouched area has no tables;
 *	AXAS_MAP_POPULATE: all frames now; AXAS_MAP_HUGE_ALWAYS or AXAS_MAP_HUGE_NEVER:
 *	2 MiB frames on a fault too, or never; AXAS_MAP_AROUND(n): a fault fills 2^n pages
 *	around it; AXAS_MAP_MISSING, AXAS_MAP_MISSING_FAIL: see axas_space_supply()
 *
 * Context: May sleep.
 * Return: 0, -EINVAL, -EEXIST, -EOPNOTSUPP, -ENOMEM or -EINTR as
 * axas_space_map_linear().
 */
int __must_check axas_space_map_alloc(struct axas_space *space, struct axas_gpa_range range,
				      u32 prot, u32 type, u32 flags);

/**
 * axas_space_map_file() - map a file's content, shared until it is written
 * @space: the space; its HAL is axas_hal_linux
 * @range: guest-physical range, in whole 4 KiB pages
 * @file: the file, open for reading: a memfd with F_SEAL_WRITE and F_SEAL_SHRINK, or a regular file
 *	that is not open for writing; it cannot be opened for writing while an area maps it
 * @offset: of the first byte in the file, 4 KiB aligned
 * @prot: AXAS_PROT_*
 * @flags: AXAS_MAP_POPULATE; AXAS_MAP_AROUND(n): a fault borrows up to 2^n pages that are cached,
 *	at most 64, by default 16
 *
 * Leaves borrow pages of the file's page cache, read-only. The first write to a page, by guest or
 * host, makes a private copy; the file is never written. What was discarded reads as zeroes. See
 * struct axas_map_file.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL, also if the range reaches beyond the page of the file's last byte; -EBADF if
 * @file is not open for reading; -EOPNOTSUPP if it has no page cache, for another HAL, or if the
 * format cannot encode @prot; -ETXTBSY; -EEXIST on overlap with an area; -ENOMEM; with
 * AXAS_MAP_POPULATE also -EIO; -EINTR on a fatal signal.
 */
int __must_check axas_space_map_file(struct axas_space *space, struct axas_gpa_range range,
				     struct file *file, u64 offset, u32 prot, u32 flags);

/**
 * axas_space_map_shared() - map memory of another space
 * @space: the space
 * @range: guest-physical range, in whole 4 KiB pages
 * @source: the other space, or @space. The area does not keep it
 * @source_gpa: first guest-physical address there, 4 KiB aligned
 * @prot: AXAS_PROT_*, and the most that axas_space_protect() can give this area later
 * @flags: AXAS_MAP_POLICY flags
 *
 * Each page comes on its first touch: the frame that the source has there, allocated in the source
 * if it has none. Both spaces hold a reference on it. See struct axas_map_shared.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EACCES if an area of the source forbids @prot; -EFAULT for a hole in the
 * source; -EOPNOTSUPP if an area there is no alloc area, the HALs of the spaces differ or have no
 * struct pages, or the format cannot encode @prot; -EEXIST on overlap with an area; -ENOMEM; -EINTR
 * on a fatal signal.
 */
int __must_check axas_space_map_shared(struct axas_space *space, struct axas_gpa_range range,
				       struct axas_space *source, struct axas_gpa source_gpa,
				       u32 prot, u32 flags);

/**
 * axas_space_unmap() - remove all mappings of a range
 * @space: the space
 * @range: in whole 4 KiB pages; areas are split at its ends, holes skipped
 *
 * On return no CPU reaches the memory through the space.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int __must_check axas_space_unmap(struct axas_space *space, struct axas_gpa_range range);

/**
 * axas_space_clear() - remove every area
 * @space: the space
 *
 * Context: May sleep.
 */
void axas_space_clear(struct axas_space *space);

/**
 * axas_space_protect() - change the protection of a range
 * @space: the space
 * @range: in whole 4 KiB pages; areas are split at its ends, holes skipped
 * @prot: the new AXAS_PROT_*; memory types stay as they are
 *
 * A changed area is merged with a neighbour that is equal then. On return no CPU uses the
 * old protection.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EACCES if a shared area in the range may not have @prot
 * (axas_space_map_shared()); -EOPNOTSUPP if the format cannot encode @prot with the type of an area
 * in the range; -ENOMEM; -EINTR on a fatal signal before the first change.
 */
int __must_check axas_space_protect(struct axas_space *space, struct axas_gpa_range range,
				    u32 prot);

/**
 * axas_space_set_policy() - change the frame size and the fault-around of a range
 * @space: the space
 * @range: in whole 4 KiB pages; areas and leaves are split at its ends, holes skipped
 * @flags: AXAS_MAP_HUGE_*, AXAS_MAP_AROUND(), as axas_space_map_alloc()
 *
 * Applies to later faults and to populate; leaves that are there stay. A changed area is merged
 * with a neighbour that is equal then.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EOPNOTSUPP if a linear area lies in the range; -ENOMEM; -EINTR on a fatal
 * signal before the first change.
 */
int axas_space_set_policy(struct axas_space *space, struct axas_gpa_range range, u32 flags);

/**
 * axas_space_set_limit() - change the limit of frames
 * @space: the space
 * @max_frames: limit of 4 KiB frames held at once; 0: no limit
 *
 * If the space holds more already, it keeps them, and gets no others until it holds less.
 * Allocations that run concurrently may see either limit.
 *
 * Context: Any.
 * Return: 0; -EOPNOTSUPP if the space was created without a limit (and the module without one of
 * its own): its frames are not counted.
 */
int __must_check axas_space_set_limit(struct axas_space *space, u64 max_frames);

/**
 * axas_space_discard() - give the frames of ranges back
 * @space: the space
 * @ranges: each in whole 4 KiB pages, in any order; they may overlap
 * @n: their number, at most AXAS_DISCARD_MAX
 * @done: bytes discarded, in the order of @ranges, set on errors too
 *
 * The areas stay: the next touch of a page finds zeroes. Missing pages stay missing. Leaves are
 * split at the ends of a range; holes are skipped; an area without the write permission is
 * discarded like any other. A touch during the call may come before or after it. On return no CPU
 * reaches the memory through the space. It is free, but for pages that axas_space_bvec() handed
 * out.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL, also if the ranges add up to more than 64 bits; -EOPNOTSUPP if a linear
 * area lies in a range; -ENOMEM; -EINTR on a fatal signal. All but -EINTR change nothing.
 */
int __must_check axas_space_discard(struct axas_space *space, const struct axas_gpa_range *ranges,
				    unsigned int n, u64 *done);

/**
 * axas_space_start_log() - begin to log which pages of a range are written
 * @space: the space
 * @range: in whole 4 KiB pages; areas and leaves are split at its ends, holes skipped
 * @epoch: out: the new epoch
 *
 * All normal memory in the range is logged, with no page written yet. If the range is logged
 * already, what was written is forgotten. See struct axas_log for what counts as a write, and for
 * how long.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -ENOENT if there is no normal memory in the range; -ENOMEM; -EINTR on a fatal
 * signal before the first change.
 */
int __must_check axas_space_start_log(struct axas_space *space, struct axas_gpa_range range,
				      u64 *epoch);

/**
 * axas_space_stop_log() - end the log in a range
 * @space: the space
 * @range: in whole 4 KiB pages; areas and leaves are split at its ends, holes skipped
 * @epoch: out: the epoch
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -ENOENT if no area in the range is logged; -ENOMEM; -EINTR on a fatal signal
 * before the first change.
 */
int __must_check axas_space_stop_log(struct axas_space *space, struct axas_gpa_range range,
				     u64 *epoch);

/**
 * axas_space_get_log() - get the pages of a range that were written
 * @space: the space
 * @range: in whole 4 KiB pages
 * @bitmap: out: bit n is page n of the range; pages that are not logged have none
 * @epoch: out: the epoch
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -ENOENT if no area in the range is logged; -EINTR on a fatal signal.
 */
int __must_check axas_space_get_log(struct axas_space *space, struct axas_gpa_range range,
				    unsigned long *bitmap, u64 *epoch);

/**
 * axas_space_clear_log() - take pages as not written
 * @space: the space
 * @range: in whole 4 KiB pages
 * @bitmap: the pages, as axas_space_get_log() returned them, or fewer
 * @epoch: in: 0, or the epoch of that call; out: the new epoch
 *
 * Writes that are not in memory when this returns will be logged. Pages with further references
 * stay written: see struct axas_log.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -ENOENT if no area in the range is logged; -ESTALE if the log was started
 * again since *@epoch; -EINTR on a fatal signal before the first change.
 */
int __must_check axas_space_clear_log(struct axas_space *space, struct axas_gpa_range range,
				      const unsigned long *bitmap, u64 *epoch);

/**
 * axas_space_populate() - allocate a frame for every untouched page of a range
 * @space: the space
 * @range: in whole 4 KiB pages
 * @done: bytes populated from the start of @range, set on errors too
 *
 * Context: May sleep.
 * Return: 0 if all of @range is populated; else, at the first page that is not: -EFAULT for
 * a hole, -ENODATA for a missing page, -EACCES if the source of a shared page forbids the access,
 * -EIO if a file, a module or the source cannot supply the page, -ENOMEM, -EINTR on a fatal signal;
 * -EINVAL.
 */
int axas_space_populate(struct axas_space *space, struct axas_gpa_range range, u64 *done);

/**
 * struct axas_source - content for axas_space_supply()
 * @copy: write the @len bytes of the content at @offset to @va. May sleep. Return 0 or an error
 * @arg: argument of @copy
 */
struct axas_source {
	int (*copy)(void *arg, u64 offset, void *va, size_t len);
	void *arg;
};

/**
 * axas_space_supply() - bring missing pages
 * @space: the space
 * @range: in whole 4 KiB pages, in areas with AXAS_MAP_MISSING
 * @source: the content of @range, from offset 0 on; NULL: zeroes, which take no frames yet
 * @skip: skip pages that are present; else they are -EEXIST
 * @done: bytes supplied or stepped over from the start of @range, set on errors too
 *
 * A page is filled before it becomes accessible, by one store. A page that is present, which
 * includes a discarded one, is never overwritten: of two calls for a page one supplies it. 2 MiB
 * frames are taken as by axas_space_populate(). @source may be called again for content that it has
 * copied before. Host accesses that wait for the pages continue.
 *
 * Context: May sleep.
 * Return: 0 if all is done; else, at the first page that is not: -EEXIST; -ENOENT for a hole;
 * -EOPNOTSUPP for an area without AXAS_MAP_MISSING; -ENOMEM; an error of @source; -EINTR on a fatal
 * signal; -EINVAL.
 */
int __must_check axas_space_supply(struct axas_space *space, struct axas_gpa_range range,
				   const struct axas_source *source, bool skip, u64 *done);

/**
 * axas_space_supply_from() - axas_space_supply() with the content of a space
 * @space: the space
 * @range: as axas_space_supply()
 * @from: the space to read, which may be the same one
 * @gpa: of the first byte in @from, of any alignment
 * @skip: as axas_space_supply()
 * @done: as axas_space_supply()
 *
 * Context: May sleep.
 * Return: as axas_space_supply(), with the errors of axas_read() for @from.
 */
int __must_check axas_space_supply_from(struct axas_space *space, struct axas_gpa_range range,
					struct axas_space *from, struct axas_gpa gpa, bool skip,
					u64 *done);

/**
 * axas_space_get_missing() - the missing pages that host accesses wait for
 * @space: the space
 * @again: forget first what was reported before
 * @gpas: filled with the address of each page that was not reported, once
 * @max: capacity of @gpas
 * @more: set if others remain
 *
 * Context: May sleep.
 * Return: number of pages.
 */
unsigned int __must_check axas_space_get_missing(struct axas_space *space, bool again, u64 *gpas,
						 unsigned int max, bool *more);

/**
 * axas_space_fault() - handle a nested page fault
 * @space: the space
 * @gpa: the address of the access
 * @access: access requested: one or more of AXAS_PROT_*
 * @level: NULL, or set to the level of the leaf for FIXED and SPURIOUS
 *
 * Context: May sleep.
 * Return: AXAS_FAULT_*. RETRY only on a fatal signal. ERROR if @access is 0 or has unknown
 * bits, unless a leaf that permits its known bits is present: SPURIOUS then.
 */
int axas_space_fault(struct axas_space *space, struct axas_gpa gpa, u32 access,
		     unsigned int *level);

/**
 * axas_space_fault_nowait() - handle a frequent fault without sleeping
 * @space: the space
 * @gpa: the address of the access
 * @access: access requested: one or more of AXAS_PROT_*
 *
 * For vCPU loops: installs a 4 KiB frame in an existing table, or copies a borrowed one that is
 * written, while the guest's state stays loaded. axas_space_fault(), which may sleep, handles all
 * other faults.
 *
 * Context: Task; preemption may be off, interrupts are on. Does not sleep.
 * Return: AXAS_FAULT_FIXED or AXAS_FAULT_SPURIOUS; or AXAS_FAULT_RETRY with nothing changed:
 * call axas_space_fault() in a context that may sleep. Always RETRY on PREEMPT_RT.
 */
int axas_space_fault_nowait(struct axas_space *space, struct axas_gpa gpa, u32 access);

/**
 * axas_space_collapse() - replace small leaves by larger ones
 * @space: the space
 * @range: in whole 4 KiB pages; areas with AXAS_MAP_HUGE_NEVER are skipped
 * @collapsed: number of tables that a leaf replaced, set on errors too
 *
 * A table whose entries all map contiguous, aligned host-physical memory with one protection
 * and type is replaced by one leaf. No memory is copied.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL, -ENOMEM in memory with a dirty log, or -EINTR on a fatal signal.
 */
int axas_space_collapse(struct axas_space *space, struct axas_gpa_range range,
			u64 *collapsed);

/**
 * axas_space_translate() - translate a guest-physical address
 * @space: the space
 * @gpa: any address
 * @to: the result
 *
 * The result is valid until the range is unmapped or protected; flush callbacks report it.
 *
 * Context: May sleep.
 * Return: 0, or -ENOENT if no leaf maps @gpa: a hole, or untouched memory.
 */
int __must_check axas_space_translate(struct axas_space *space, struct axas_gpa gpa,
				      struct axas_translation *to);

/**
 * axas_space_translate_and_get_limit() - translate, and find the contiguous length
 * @space: the space
 * @gpa: any address
 * @to: the result
 * @limit: bytes from @gpa on that are contiguous in host-physical memory, in at most
 *	AXAS_LIMIT_LEAVES leaves of one protection and type
 *
 * Context: May sleep.
 * Return: 0 or -ENOENT as axas_space_translate().
 */
int __must_check axas_space_translate_and_get_limit(struct axas_space *space, struct axas_gpa gpa,
						    struct axas_translation *to, u64 *limit);

/**
 * axas_space_bvec() - get the pages of a range, with a reference on each
 * @space: the space
 * @range: any range inside one or more areas; need not be aligned
 * @access: access by the caller: AXAS_PROT_READ, AXAS_PROT_WRITE
 * @bvecs: filled with the segments, in order
 * @max: capacity of @bvecs
 *
 * Untouched memory is faulted in. The pages stay valid after an unmap, until
 * axas_space_bvec_put(); writes after the unmap reach no guest.
 *
 * Context: May sleep.
 * Return: the number of segments, which cover all of @range; -EFAULT for a hole, -EACCES if
 * the area forbids @access, -EOPNOTSUPP for memory without refcounted pages (linear
 * areas), -E2BIG if more than @max segments are needed, -ENOMEM, -EINVAL, -EINTR on a fatal
 * signal.
 */
int __must_check axas_space_bvec(struct axas_space *space, struct axas_gpa_range range, u32 access,
				 struct bio_vec *bvecs, unsigned int max);

/**
 * axas_space_bvec_put() - drop the references that axas_space_bvec() took
 * @bvecs: the segments
 * @n: number of segments
 *
 * Context: Any.
 */
void axas_space_bvec_put(struct bio_vec *bvecs, unsigned int n);

/**
 * axas_space_get_info() - parameters and counters of a space
 * @space: the space
 * @info: filled completely, host-physical addresses included
 *
 * Context: May sleep.
 */
void axas_space_get_info(struct axas_space *space, struct axas_info *info);

/**
 * axas_space_get_machine() - the machine that a space was created for
 * @space: the space
 * @machine: filled completely
 *
 * Context: Any.
 */
void axas_space_get_machine(const struct axas_space *space, struct axas_machine *machine);

/**
 * axas_space_get_areas() - the areas that end at or after an address, in order
 * @space: the space
 * @gpa: first address
 * @infos: filled with the areas, a consistent snapshot
 * @max: capacity of @infos
 * @more: set if areas remain beyond those written
 *
 * Context: May sleep.
 * Return: number of areas written.
 */
unsigned int axas_space_get_areas(struct axas_space *space, struct axas_gpa gpa,
				  struct axas_area_info *infos, unsigned int max, bool *more);

/**
 * axas_space_next_area() - the first area that ends at or after an address
 * @space: the space
 * @gpa: first address
 * @info: the area
 *
 * Context: May sleep.
 * Return: true if there is one.
 */
bool axas_space_next_area(struct axas_space *space, struct axas_gpa gpa,
			  struct axas_area_info *info);

struct axas_consumer;

/**
 * struct axas_flush - translations to invalidate
 * @range: guest-physical addresses
 * @tables: tables were removed too: cached walks must be invalidated as well as leaves
 * @pages: NULL, or a bitmap: no other pages of @range have to be invalidated. They may be
 * @base: address of the page of bit 0
 */
struct axas_flush {
	struct axas_gpa_range range;
	bool tables;
	const unsigned long *pages;
	struct axas_gpa base;
};

/**
 * struct axas_consumer_ops - callbacks of a consumer
 * @request: invalidate translations. Posts the request to each vCPU, and adds to @cpus the
 *	CPUs to interrupt: each of them then leaves the guest, or has yet to check for requests
 *	before it enters. Must not sleep or take locks other than raw spinlocks.
 * @wait: optional; returns when no CPU can use an old translation: memory is freed right
 *	after it. NULL if that holds once the CPUs of @request have taken their interrupt. May
 *	sleep.
 *
 * @request is called in all consumers before @wait in any, with one round of interrupts
 * between them. Both run with the space's lock held, and must not call back into the space.
 */
struct axas_consumer_ops {
	void (*request)(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus);
	void (*wait)(struct axas_consumer *consumer, const struct axas_flush *flush);
};

/**
 * struct axas_consumer - a user of a space that runs vCPUs on it
 * @ops: its callbacks
 * @node: private to the space
 *
 * Hardware that walks a table in the svm format sets the dirty bit of a leaf that it writes through
 * (APM 5.4.2): resets go by it. Hardware that does not, as an IOMMU without that feature, must
 * not write by a space that is reset. Freezes and resets flush, too, with cached walks.
 */
struct axas_consumer {
	const struct axas_consumer_ops *ops;
	struct list_head node;
};

/**
 * axas_space_attach() - register a consumer before hardware walks a space
 * @space: the space
 * @consumer: the consumer; the caller's memory, until it detaches
 *
 * Context: May sleep.
 * Return: 0, or -EINVAL if @consumer has no request callback.
 */
int __must_check axas_space_attach(struct axas_space *space, struct axas_consumer *consumer);

/**
 * axas_space_detach() - unregister a consumer whose hardware no longer walks the space
 * @space: the space
 * @consumer: the consumer; it has flushed its own translations of the space
 *
 * On return its callbacks are not running and are not called again.
 *
 * Context: May sleep; not from a flush callback.
 */
void axas_space_detach(struct axas_space *space, struct axas_consumer *consumer);

#endif /* _AXAS_SPACE_H */
