/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spaces: guest-physical address spaces with one nested page table each. This
 * is what a hypervisor's module uses. Import the symbol namespace AXAS.
 *
 * Unless a function says otherwise, it may sleep, must be called without locks
 * that a flush callback takes, and may be called by several CPUs at once. Ranges
 * are 4 KiB aligned, not empty, and inside the space up to the last byte of 64
 * bits; anything else is -EINVAL. On an error nothing has changed.
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

/**
 * struct axas_machine - hardware that walks a table
 * @caps: AXAS_CAP_*
 * @leaf_levels: bit n is set when a leaf may be at level n; so must all below it be
 * @oa_bits: bits of host-physical address. Frames and tables beyond are not used: where
 *	there are no others, it is -ENOMEM
 */
struct axas_machine {
	u32 caps;
	u32 leaf_levels;
	u32 oa_bits;
};

/**
 * struct axas_space_params - what a new space is to be
 * @format: AXAS_FORMAT_*
 * @ia_bits: bits of guest-physical address; 0 for the format's usual number
 * @base: first guest-physical address, 4 KiB aligned
 * @size: bytes; 0 for all from @base to the end of @ia_bits
 * @hal: where frames come from; NULL for axas_hal_linux
 * @max_frames: most 4 KiB frames that it may hold at once; 0: no limit
 * @machine: the machine that it is for; NULL: this host, or where its CPU does not
 *	walk @format, any that does
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
 * axas_space_create() - make an empty space
 * @params: what it is to be
 *
 * Context: May sleep.
 * Return: the space, with one reference for the caller, or ERR_PTR of: -EINVAL,
 * -EOPNOTSUPP when this build has no such format, or the format or the machine cannot do
 * @params->ia_bits, -ENOMEM.
 */
struct axas_space *axas_space_create(const struct axas_space_params *params);

/**
 * axas_space_get() - take another reference
 * @space: the space
 *
 * Context: Any.
 * Return: @space.
 */
struct axas_space *axas_space_get(struct axas_space *space);

/**
 * axas_space_put() - give a reference back; the last one frees all that it holds
 * @space: the space, or NULL
 *
 * Consumers must have been detached before the last reference goes.
 *
 * Context: May sleep.
 */
void axas_space_put(struct axas_space *space);

/**
 * axas_space_get_from_fd() - the space behind a file descriptor of this process
 * @fd: a descriptor that AXAS_CREATE returned
 *
 * Context: Process context.
 * Return: the space, with one reference for the caller, or ERR_PTR of: -EBADF when
 * @fd is not open, -EINVAL when it is not a space.
 */
struct axas_space *axas_space_get_from_fd(int fd);

/**
 * axas_space_range() - the addresses of a space
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
 * Return: true when all of it does; false also for a range that wraps.
 */
bool axas_space_contains(const struct axas_space *space, struct axas_gpa_range range);

/**
 * axas_space_root() - where hardware begins to walk the space's table
 * @space: the space
 *
 * It stays the same as long as the space lives. Only a consumer that is attached
 * may let hardware walk it.
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
 * axas_space_check_machine() - whether this host's CPU may walk a space's table
 * @space: the space
 *
 * To be asked before hardware is given axas_space_root(): a table that was written for
 * another machine means something else to this one, up to all of the host's memory in the
 * guest's hands. The machine of the space must be within the host's: its format, its
 * number of levels, the levels that have leaves, the bits of both addresses, and every
 * capability that makes an entry mean something. Where the host needs executable leaves
 * of 4 KiB (AXAS_CAP_EXEC_4K) the space must keep to that, and AXAS_CAP_S2_FWB must be
 * the same on both sides. A space that was created without a machine of its own
 * (struct axas_space_params), in the host's own format, is always within.
 *
 * Context: Any.
 * Return: 0; -EMEDIUMTYPE when the space is for another machine, when the host's CPU does
 * not walk its format, or when memory encryption (mem_encrypt=on) is active, whose bit
 * no entry has.
 */
int axas_space_check_machine(const struct axas_space *space);

/**
 * axas_space_map_linear() - map a fixed host-physical range
 * @space: the space
 * @range: where, in whole 4 KiB pages
 * @hpa: the first host-physical address, 4 KiB aligned
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 *
 * The caller owns the memory and keeps it until it is unmapped. Who may map what
 * is the caller's to decide: nothing here checks what lies at @hpa, but that no byte is
 * mapped with two memory types at once, in whatever spaces, and the kernel's own memory
 * (struct axas_hal, @is_ram) as AXAS_TYPE_NORMAL alone. Address 0 is one like others.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL, also when @hpa wraps or needs more bits than the format or
 * the host has; -EOPNOTSUPP when the format cannot encode @prot or @type, or for the
 * kernel's memory of another type; -EBUSY when a linear area maps some of it with
 * another type; -EEXIST on overlap with an area; -ENOMEM; -EINTR on a fatal signal.
 */
int axas_space_map_linear(struct axas_space *space, struct axas_gpa_range range,
			  struct axas_hpa hpa, u32 prot, u32 type);

/**
 * axas_space_map_alloc() - map zeroed memory from the space's HAL
 * @space: the space
 * @range: where, in whole 4 KiB pages
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_NORMAL. For another it is -EOPNOTSUPP: the host zeroes and uses frames
 *	through its caches, and a guest past them would read what a frame held before
 * @flags: 0: each frame comes when it is touched first, and until then the area
 *	costs no table; AXAS_MAP_POPULATE: all frames now; AXAS_MAP_HUGE_ALWAYS or
 *	AXAS_MAP_HUGE_NEVER: 2 MiB frames on a fault too, or not at all;
 *	AXAS_MAP_AROUND(n): a fault fills 2^n pages around it
 *
 * Context: May sleep.
 * Return: 0, -EINVAL, -EEXIST, -EOPNOTSUPP, -ENOMEM or -EINTR as
 * axas_space_map_linear().
 */
int axas_space_map_alloc(struct axas_space *space, struct axas_gpa_range range,
			 u32 prot, u32 type, u32 flags);

/**
 * axas_space_unmap() - remove what a range maps
 * @space: the space
 * @range: in whole 4 KiB pages; areas are split at its ends, holes passed over
 *
 * On return no CPU can reach the memory through the space any more.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int axas_space_unmap(struct axas_space *space, struct axas_gpa_range range);

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
 * @range: in whole 4 KiB pages; areas are split at its ends, holes passed over
 * @prot: the new AXAS_PROT_*; memory types stay as they are
 *
 * An area that changed and is like its neighbour now is one with it. On return no CPU can use
 * the old protection any more.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EOPNOTSUPP when the format cannot encode @prot; -ENOMEM; -EINTR on a
 * fatal signal before anything changed.
 */
int axas_space_protect(struct axas_space *space, struct axas_gpa_range range, u32 prot);

/**
 * axas_space_populate() - give every untouched page of a range its frame
 * @space: the space
 * @range: in whole 4 KiB pages
 * @done: bytes from the start of @range on that are populated now, whatever is
 *	returned
 *
 * Context: May sleep.
 * Return: 0 when all of it is; else, at the first page that is not: -EFAULT for a
 * hole, -ENOMEM, -EINTR on a fatal signal; -EINVAL.
 */
int axas_space_populate(struct axas_space *space, struct axas_gpa_range range, u64 *done);

/**
 * axas_space_fault() - handle a guest access that hardware could not complete
 * @space: the space
 * @gpa: the address of the access
 * @access: what it needs: one or more of AXAS_PROT_*
 * @level: NULL, or where the leaf's level goes with FIXED and SPURIOUS
 *
 * Context: May sleep.
 * Return: AXAS_FAULT_*; AXAS_FAULT_ERROR also for an @access of nothing or of
 * unknown bits.
 */
int axas_space_fault(struct axas_space *space, struct axas_gpa gpa, u32 access,
		     unsigned int *level);

/**
 * axas_space_fault_nowait() - handle a frequent fault where nobody may sleep
 * @space: the space
 * @gpa: the address of the access
 * @access: what it needs: one or more of AXAS_PROT_*
 *
 * For a vCPU loop: a page of an area whose table is there already gets its frame while
 * the guest's state stays loaded. All else is for axas_space_fault(), which may sleep.
 *
 * Context: Task; preemption may be off, interrupts are on. Does not sleep.
 * Return: AXAS_FAULT_FIXED or AXAS_FAULT_SPURIOUS; or AXAS_FAULT_RETRY, and nothing has
 * happened: call axas_space_fault() where sleeping is allowed.
 */
int axas_space_fault_nowait(struct axas_space *space, struct axas_gpa gpa, u32 access);

/**
 * axas_space_collapse() - put small leaves together to larger ones
 * @space: the space
 * @range: in whole 4 KiB pages; areas with AXAS_MAP_HUGE_NEVER are passed over
 * @collapsed: tables that one leaf has replaced, whatever is returned
 *
 * Where all entries of a table map host-physical memory that follows each other and
 * is aligned, with one protection and type, one leaf takes their place. No memory
 * moves.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL, or -EINTR on a fatal signal.
 */
int axas_space_collapse(struct axas_space *space, struct axas_gpa_range range,
			u64 *collapsed);

/**
 * axas_space_translate() - look a guest-physical address up
 * @space: the space
 * @gpa: any address
 * @to: what it maps to
 *
 * The answer holds until the range is unmapped; flush callbacks tell when.
 *
 * Context: May sleep.
 * Return: 0, or -ENOENT when no leaf maps @gpa: a hole, or memory not yet touched.
 */
int axas_space_translate(struct axas_space *space, struct axas_gpa gpa,
			 struct axas_translation *to);

/**
 * axas_space_translate_and_get_limit() - look up how far an address reaches
 * @space: the space
 * @gpa: any address
 * @to: what it maps to
 * @limit: bytes that follow each other in host-physical memory from @gpa on, in
 *	leaves of the same protection and type, AXAS_LIMIT_LEAVES of them at most
 *
 * Context: May sleep.
 * Return: 0 or -ENOENT as axas_space_translate().
 */
int axas_space_translate_and_get_limit(struct axas_space *space, struct axas_gpa gpa,
				       struct axas_translation *to, u64 *limit);

/**
 * axas_space_bvec() - hand out the pages of a range, with a reference on each
 * @space: the space
 * @range: any range inside one or more areas; need not be aligned
 * @access: what the caller will do: AXAS_PROT_READ, AXAS_PROT_WRITE
 * @bvecs: where the pieces go, in order
 * @max: how many fit
 *
 * Untouched memory is faulted in. The pages stay valid after an unmap, until
 * axas_space_bvec_put(): what is written then reaches no guest any more.
 *
 * Context: May sleep.
 * Return: the number of pieces, all of @range; -EFAULT for a hole, -EACCES when the
 * area forbids @access, -EOPNOTSUPP for memory without refcounted pages (linear
 * areas), -E2BIG when more than @max pieces are needed, -ENOMEM, -EINVAL.
 */
int axas_space_bvec(struct axas_space *space, struct axas_gpa_range range, u32 access,
		    struct bio_vec *bvecs, unsigned int max);

/**
 * axas_space_bvec_put() - give back what axas_space_bvec() handed out
 * @bvecs: the pieces
 * @n: how many
 *
 * Context: Any.
 */
void axas_space_bvec_put(struct bio_vec *bvecs, unsigned int n);

/**
 * axas_space_get_info() - what a space is and holds
 * @space: the space
 * @info: all of it is written, host-physical addresses included
 *
 * Context: May sleep.
 */
void axas_space_get_info(struct axas_space *space, struct axas_info *info);

/**
 * axas_space_get_machine() - the machine that a space is for
 * @space: the space
 * @machine: all of it is written
 *
 * Context: Any.
 */
void axas_space_get_machine(const struct axas_space *space, struct axas_machine *machine);

/**
 * axas_space_get_areas() - the areas that end at or after an address, in order
 * @space: the space
 * @gpa: where to begin
 * @infos: the areas, as they were all at one time
 * @max: how many fit
 * @more: whether there are more than that
 *
 * Context: May sleep.
 * Return: how many were written.
 */
unsigned int axas_space_get_areas(struct axas_space *space, struct axas_gpa gpa,
				  struct axas_area_info *infos, unsigned int max, bool *more);

/**
 * axas_space_next_area() - the first area that ends at or after an address
 * @space: the space
 * @gpa: where to begin
 * @info: the area
 *
 * Context: May sleep.
 * Return: true when there is one.
 */
bool axas_space_next_area(struct axas_space *space, struct axas_gpa gpa,
			  struct axas_area_info *info);

struct axas_consumer;

/**
 * struct axas_flush - which translations must go
 * @range: guest-physical addresses
 * @tables: true when tables were removed too, so that cached walks must go as
 *	well as leaves
 */
struct axas_flush {
	struct axas_gpa_range range;
	bool tables;
};

/**
 * struct axas_consumer_ops - what a space asks of those who run vCPUs on it
 * @request: forget translations. Says so to each vCPU, and adds to @cpus those CPUs that
 *	must be interrupted for it: each then leaves the guest, or is about to look at what was
 *	said. Does not sleep, and takes no lock but raw spinlocks.
 * @wait: optional; returns when no CPU can use an old translation any more, for memory is
 *	freed right after it. NULL: that is so when the CPUs of @request have taken their
 *	interrupt. May sleep.
 *
 * All consumers are asked before any is waited for, and there is one round of interrupts for
 * all. Both run with the space's lock held, and must not call back into the space.
 */
struct axas_consumer_ops {
	void (*request)(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus);
	void (*wait)(struct axas_consumer *consumer, const struct axas_flush *flush);
};

/**
 * struct axas_consumer - one who runs vCPUs on a space
 * @ops: its callbacks
 * @node: the space's
 */
struct axas_consumer {
	const struct axas_consumer_ops *ops;
	struct list_head node;
};

/**
 * axas_space_attach() - let hardware walk a space from now on
 * @space: the space
 * @consumer: who will be asked to flush; the caller's memory, until it detaches
 *
 * Context: May sleep.
 * Return: 0, or -EINVAL when it has no request callback.
 */
int axas_space_attach(struct axas_space *space, struct axas_consumer *consumer);

/**
 * axas_space_detach() - no hardware of this consumer walks the space any more
 * @space: the space
 * @consumer: who leaves; it has flushed all that it had of the space itself
 *
 * On return its callback does not run and will not be called again.
 *
 * Context: May sleep; not from a flush callback.
 */
void axas_space_detach(struct axas_space *space, struct axas_consumer *consumer);

#endif /* _AXAS_SPACE_H */
