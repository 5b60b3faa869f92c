// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation, guest reads and writes, and bio_vecs. Calls axas_space_fault.c, axas_area.c,
 * axas_npt_aside.c and axas_npt.c. Memory in the direct map is accessed in read-side sections, a
 * piece at a time; memory behind windows, and exact accesses that span leaves, with space->lock
 * held for reading. Only axas_space_copy_iter() touches user memory there, with page faults
 * disabled. Locks: axas_area.h.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <axas/access.h>

#include "axas_compat.h"
#include "axas_npt_aside.h"
#include "axas_single.h"
#include "axas_space.h"

/*
 * Translate by a leaf that is put aside. It permits no writes before a fault has taken it back.
 * Return as translate_here(); -EAGAIN also if it was taken back meanwhile.
 */
static noinline int translate_aside(const struct axas_npt *npt, u64 gpa,
				    struct axas_translation *to)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	switch (axas_npt_look_aside(npt, gpa, &pos)) {
	case AXAS_PT_TABLE:
		pos.ptep = axas_npt_ptep(npt->fmt->child(npt, pos.entry, pos.level), gpa);
		pos.entry = READ_ONCE(*pos.ptep);
		if (!axas_npt_is_leaf(npt, pos.entry))
			return -ENOENT;
		pos.level = 0;
		fallthrough;
	case AXAS_PT_LEAF:
		axas_npt_resolve(npt, &pos, gpa, to);
		to->prot &= ~AXAS_PROT_WRITE;
		return 0;
	case AXAS_PT_BUSY:
		return -EAGAIN;
	default:
		axas_npt_walk(npt, &cursor, gpa, &pos);
		return axas_npt_kind(npt, &pos) >= AXAS_PT_BUSY ? -EAGAIN : -ENOENT;
	}
}

/* Return 0; -ENOENT if there is no leaf; -EAGAIN if the leaf is being replaced (BUSY). */
static int translate_here(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
			  struct axas_translation *to)
{
	const struct axas_npt *npt = &space->npt;
	struct axas_npt_pos pos;

	axas_npt_walk(npt, &cpu->cursor, gpa, &pos);
	if (!pos.ptep)
		return -ENOENT;
	switch (axas_npt_kind(npt, &pos)) {
	case AXAS_PT_LEAF:
		axas_npt_resolve(npt, &pos, gpa, to);
		if (likely(!pos.level)) {
			cpu->leaf = pos.entry;
			cpu->prot = to->prot;
			cpu->type = to->type;
		}
		return 0;
	case AXAS_PT_BUSY:
		return -EAGAIN;
	default:
		return unlikely(READ_ONCE(npt->aside)) && pos.level ?
		       translate_aside(npt, gpa, to) : -ENOENT;
	}
}

/*
 * The 4 KiB leaf of an address, if this CPU has its table cached and the leaf permits @prot;
 * else 0. Inlined: no walk.
 */
static __always_inline u64 leaf_here(const struct axas_space *space, const struct axas_cpu *cpu,
				     u64 gpa, u32 prot)
{
	u64 leaf;

	if (!axas_cpu_at(cpu, gpa))
		return 0;
	leaf = READ_ONCE(*axas_cpu_ptep(cpu, gpa));
	return axas_npt_allows(&space->npt, leaf, prot) ? leaf : 0;
}

/* Walk from the root; with space->lock held while a remover has the bar. */
static noinline int translate_slow(struct axas_space *space, u64 gpa,
				   struct axas_translation *to)
{
	struct axas_cpu *cpu, found;
	unsigned int tries = 0;
	int err;

	for (;;) {
		cpu = axas_section_enter(space);
		if (likely(cpu)) {
			err = translate_here(space, cpu, gpa, to);
			axas_section_leave(cpu);
		} else {
			found = axas_nothing_found();
			down_read(&space->lock);
			err = translate_here(space, &found, gpa, to);
			up_read(&space->lock);
		}
		if (likely(err != -EAGAIN))
			return err;
		axas_space_pause(&tries);
	}
}

int axas_space_translate(struct axas_space *space, struct axas_gpa gpa,
			 struct axas_translation *to)
{
	struct axas_cpu *cpu = axas_section_hit(space);
	const struct axas_npt *npt = &space->npt;
	u64 in_page = gpa.val & (AXAS_FRAME_SIZE - 1);
	u64 leaf;

	if (unlikely(!cpu))
		return translate_slow(space, gpa.val, to);
	if (unlikely(!axas_cpu_at(cpu, gpa.val)))
		goto slow;
	leaf = READ_ONCE(*axas_cpu_ptep(cpu, gpa.val));
	/* Equal attribute bits: protection and type are those cached. */
	if (unlikely((leaf ^ cpu->leaf) & npt->leaf_fixed))
		goto slow;
	to->hpa = axas_hpa_offset(axas_npt_leaf_hpa(npt, leaf), in_page);
	to->left = AXAS_FRAME_SIZE - in_page;
	to->prot = cpu->prot;
	to->type = cpu->type;
	to->level = 0;
	axas_section_leave(cpu);
	return 0;
slow:
	axas_section_leave(cpu);
	return translate_slow(space, gpa.val, to);
}
EXPORT_SYMBOL_AXAS(axas_space_translate);

/* Whether @next continues @to contiguously at offset @limit, with its protection and type. */
static bool goes_on(const struct axas_translation *to, u64 limit,
		    const struct axas_translation *next)
{
	return next->hpa.val == to->hpa.val + limit && next->prot == to->prot &&
	       next->type == to->type;
}

/* Leaves visited in one read-side section. */
#define LIMIT_AT_ONCE	512

/* Whether the leaf at @gpa continues @to at offset @limit; @next: its remaining bytes. */
static bool next_goes_on(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
			 const struct axas_translation *to, u64 limit, u64 attr, u64 *next)
{
	const struct axas_npt *npt = &space->npt;
	struct axas_translation there;
	u64 leaf;

	/* Fast path: equal attribute bits, so only the address is compared. */
	if (axas_cpu_at(cpu, gpa)) {
		leaf = READ_ONCE(*axas_cpu_ptep(cpu, gpa));
		*next = AXAS_FRAME_SIZE;
		if (!((leaf ^ attr) & npt->leaf_fixed))
			return axas_npt_leaf_hpa(npt, leaf).val == to->hpa.val + limit;
	}
	if (translate_here(space, cpu, gpa, &there))
		return false;
	*next = there.left;
	return goes_on(to, limit, &there);
}

/* Extend @limit by up to LIMIT_AT_ONCE leaves. Return true if the contiguous run ended. */
static bool extend_limit(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
			 const struct axas_translation *to, u64 *limit, unsigned int *leaves)
{
	u64 attr = axas_npt_leaf_attr(&space->npt, to->prot, to->type);
	unsigned int i;
	u64 end, next;

	for (i = 0; i < LIMIT_AT_ONCE; i++) {
		if (++*leaves > AXAS_LIMIT_LEAVES || check_add_overflow(gpa, *limit, &end) ||
		    !next_goes_on(space, cpu, end, to, *limit, attr, &next))
			return true;
		*limit += next;
	}
	return false;
}

int axas_space_translate_and_get_limit(struct axas_space *space, struct axas_gpa gpa,
				       struct axas_translation *to, u64 *limit)
{
	int err = axas_space_translate(space, gpa, to);
	struct axas_cpu *cpu, found;
	unsigned int leaves = 1;
	bool end = false;

	if (err)
		return err;
	*limit = to->left;
	/* A shorter limit is correct, too: a fatal signal ends the search. */
	while (!end && !fatal_signal_pending(current)) {
		cpu = axas_section_enter(space);
		if (likely(cpu)) {
			end = extend_limit(space, cpu, gpa.val, to, limit, &leaves);
			axas_section_leave(cpu);
		} else {
			found = axas_nothing_found();
			down_read(&space->lock);
			end = extend_limit(space, &found, gpa.val, to, limit, &leaves);
			up_read(&space->lock);
		}
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_space_translate_and_get_limit);

/**
 * struct access - an access to guest memory, done piece by piece
 * @memory: accesses a piece of memory, within one leaf; NULL: only check, and open windows
 * @device: accesses a piece of device registers
 * @prot: the AXAS_PROT_* that area and leaf must permit
 * @buf: host buffer
 * @val: host value, for integers
 * @windows: NULL, or windows that were opened in advance, in order of their use
 * @fence: executable memory was written: the HAL's fence is due
 */
struct access {
	void (*memory)(struct access *access, void *va, size_t len);
	void (*device)(struct access *access, void __iomem *io, size_t len);
	u32 prot;
	void *buf;
	u64 val;
	struct list_head *windows;
	bool fence;
};

/* A window opened in advance, for exact accesses. */
struct kept_window {
	struct list_head node;
	struct axas_window window;
};

/**
 * struct spot - where a byte of guest memory lies
 * @area: its area
 * @hpa: its host-physical address
 * @left: bytes to the end of its leaf or its area, whichever ends first
 */
struct spot {
	const struct axas_area *area;
	struct axas_hpa hpa;
	u64 left;
};

/* Bytes accessed in one read-side section, which has preemption off. */
#define FAST_BYTES	SZ_16K

/*
 * Why a piece ended early: the guest page must be faulted in; its memory needs a window; user
 * memory at the other end must be faulted in.
 */
#define SPOT_FAULT	1
#define SPOT_WINDOW	2
#define SPOT_USER	3

/*
 * Enter a section and return the kernel address of [gpa, gpa + len), if it is mapped by one leaf
 * of memory in the direct map that permits @prot. Else return NULL, in no section.
 */
static noinline void *enter_memory_slow(struct axas_space *space, u64 gpa, u32 prot, size_t len)
{
	struct axas_cpu *cpu = axas_section_enter(space);
	const struct axas_area *area;
	struct axas_translation to;

	if (unlikely(!cpu))
		return NULL;
	if (len <= FAST_BYTES) {
		area = axas_area_find_here(space, cpu, gpa);
		if (area && (area->direct & prot) && !translate_here(space, cpu, gpa, &to) &&
		    (to.prot & prot) && len <= to.left)
			return axas_hal_va(space->npt.hal, to.hpa);
	}
	axas_section_leave(cpu);
	return NULL;
}

/* Fast path of the same: area and table are those that this CPU has cached. */
static __always_inline void *enter_memory(struct axas_space *space, u64 gpa, u32 prot,
					  size_t len)
{
	struct axas_cpu *cpu = axas_section_hit(space);
	u64 in_page = gpa & (AXAS_FRAME_SIZE - 1);
	u64 leaf;

	if (unlikely(!cpu))
		return enter_memory_slow(space, gpa, prot, len);
	if (likely(axas_cpu_at(cpu, gpa) && axas_cpu_covers(cpu, gpa) &&
		   (cpu->area->direct & prot) && len <= AXAS_FRAME_SIZE - in_page)) {
		leaf = READ_ONCE(*axas_cpu_ptep(cpu, gpa));
		if (likely(axas_npt_allows(&space->npt, leaf, prot)))
			return axas_hal_va(space->npt.hal, axas_npt_leaf_hpa(&space->npt, leaf)) +
			       in_page;
	}
	axas_section_leave(cpu);
	return enter_memory_slow(space, gpa, prot, len);
}

/*
 * Clean caches after a write to memory of @area. Return true if the HAL's fence is due, outside
 * the section.
 */
static inline bool clean_written(struct axas_space *space, const struct axas_area *area,
				 void *va, size_t len)
{
	const struct axas_hal *hal = space->npt.hal;

	if (unlikely(hal->clean))
		hal->clean(hal, va, len);
	if (likely(!hal->fence))
		return false;
	/* A space that exports memory may execute what another one writes. */
	return area->prot & AXAS_PROT_EXEC || area->backend.ops->flags & AXAS_BACKEND_IMPORTED;
}

/* Leave the section that enter_memory() entered. */
static __always_inline void leave_memory(void)
{
	axas_section_leave(this_cpu_ptr(&axas_cpus));
}

/* The same after a write to [va, va + len). */
static __always_inline void leave_written(struct axas_space *space, void *va, size_t len)
{
	struct axas_cpu *cpu = this_cpu_ptr(&axas_cpus);
	/* enter_memory() cached the area, and the section keeps it cached. */
	bool fence = clean_written(space, cpu->area, va, len);

	axas_section_leave(cpu);
	if (unlikely(fence))
		space->npt.hal->fence(space->npt.hal);
}

static __always_inline bool copy_fast(struct axas_space *space, u64 gpa, void *buf, size_t len,
				      u32 prot)
{
	void *va = enter_memory(space, gpa, prot, len);

	if (unlikely(!va))
		return false;
	if (prot == AXAS_PROT_WRITE) {
		axas_copy_out(va, buf, len);
		leave_written(space, va, len);
	} else {
		axas_copy_in(buf, va, len);
		leave_memory();
	}
	return true;
}

/*
 * Find the area and the leaf of a byte. Return 0, SPOT_FAULT, -EFAULT for a hole, or -EACCES. In a
 * section, or with space->lock held.
 */
static int find_spot(struct axas_space *space, struct axas_cpu *cpu, u64 gpa, u32 prot,
		     struct spot *spot)
{
	u64 in_page = gpa & (AXAS_FRAME_SIZE - 1), leaf;
	struct axas_translation to;

	spot->area = axas_area_find_here(space, cpu, gpa);
	if (!spot->area)
		return -EFAULT;
	if (prot & ~spot->area->prot)
		return -EACCES;
	leaf = leaf_here(space, cpu, gpa, prot);
	if (likely(leaf)) {
		spot->hpa = axas_hpa_offset(axas_npt_leaf_hpa(&space->npt, leaf), in_page);
		spot->left = AXAS_FRAME_SIZE - in_page;
		return 0;
	}
	if (translate_here(space, cpu, gpa, &to) || prot & ~to.prot)
		return SPOT_FAULT;
	spot->hpa = to.hpa;
	spot->left = min(to.left, cpu->last - gpa + 1);
	return 0;
}

static int open_window(struct axas_space *space, const struct spot *spot, size_t len,
		       struct axas_window *window)
{
	const struct axas_hal *hal = space->npt.hal;

	if (!hal->window || spot->area->backend.ops->flags & AXAS_BACKEND_NO_ACCESS)
		return -EOPNOTSUPP;
	return hal->window(hal, spot->hpa, len, spot->area->type, window);
}

/* Access one piece of memory by its kernel address. */
static void use_memory(struct axas_space *space, const struct axas_area *area,
		       struct access *access, void *va, size_t len)
{
	access->memory(access, va, len);
	if (access->prot == AXAS_PROT_WRITE)
		access->fence |= clean_written(space, area, va, len);
}

static void use_window(struct axas_space *space, const struct axas_area *area,
		       struct access *access, struct axas_window *window, size_t len)
{
	const struct axas_hal *hal = space->npt.hal;

	if (window->io)
		access->device(access, window->io, len);
	else
		use_memory(space, area, access, window->va, len);
	if (hal->close_window)
		hal->close_window(hal, window);
}

static int keep_window(struct axas_space *space, const struct spot *spot, size_t len,
		       struct list_head *windows)
{
	struct kept_window *kept = kmalloc(sizeof(*kept), GFP_KERNEL);
	int err;

	if (!kept)
		return -ENOMEM;
	err = open_window(space, spot, len, &kept->window);
	if (err)
		kfree(kept);
	else
		list_add_tail(&kept->node, windows);
	return err;
}

static void use_kept_window(struct axas_space *space, const struct axas_area *area,
			    struct access *access, size_t len)
{
	struct kept_window *kept = list_first_entry(access->windows, struct kept_window, node);

	list_del(&kept->node);
	use_window(space, area, access, &kept->window, len);
	kfree(kept);
}

/*
 * Access memory outside the direct map through a window of the HAL. The checking pass of an exact
 * access (no @memory) opens the window and keeps it for the pass that copies. Opening may sleep,
 * hence space->lock and not a section.
 */
static int access_window(struct axas_space *space, const struct spot *spot,
			 struct access *access, size_t len)
{
	struct axas_window window;
	int err;

	lockdep_assert_held(&space->lock);
	if (!access->memory)
		return keep_window(space, spot, len, access->windows);
	if (access->windows) {
		use_kept_window(space, spot->area, access, len);
		return 0;
	}
	err = open_window(space, spot, len, &window);
	if (!err)
		use_window(space, spot->area, access, &window, len);
	return err;
}

/*
 * Access at most @len bytes, within one leaf, or one page for a window. Return the bytes done, an
 * error, or -EAGAIN, with nothing done, if the page must be faulted in. space->lock is held.
 */
static ssize_t access_locked(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
			     struct access *access, size_t len)
{
	struct spot spot;
	int err = find_spot(space, cpu, gpa, access->prot, &spot);

	if (err)
		return err == SPOT_FAULT ? -EAGAIN : err;
	len = min_t(u64, len, spot.left);
	if (spot.area->direct & access->prot) {
		if (access->memory)
			use_memory(space, spot.area, access,
				   axas_hal_va(space->npt.hal, spot.hpa), len);
		return len;
	}
	len = min_t(u64, len, AXAS_FRAME_SIZE - offset_in_page(gpa));
	err = access_window(space, &spot, access, len);
	return err ?: len;
}

/*
 * Variant for memory in the direct map, in a section: up to FAST_BYTES, over several leaves.
 * @len: in: at most; out: bytes done. Return 0; or SPOT_* or an error, with nothing done.
 */
static int access_here(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
		       struct access *access, size_t *len)
{
	size_t max = min_t(size_t, *len, FAST_BYTES), n;
	struct spot spot;
	int err;

	for (*len = 0; *len < max; *len += n) {
		if (unlikely(gpa + *len < gpa))
			return *len ? 0 : -EFAULT;
		err = find_spot(space, cpu, gpa + *len, access->prot, &spot);
		if (!err && !(spot.area->direct & access->prot))
			err = SPOT_WINDOW;
		if (err)
			return *len ? 0 : err;
		n = min_t(u64, max - *len, spot.left);
		use_memory(space, spot.area, access, axas_hal_va(space->npt.hal, spot.hpa), n);
	}
	return 0;
}

/* Access one piece, in a section if possible, else locked. Return bytes, an error, or -EAGAIN. */
static ssize_t access_piece(struct axas_space *space, u64 gpa, struct access *access, size_t len)
{
	struct axas_cpu *cpu = axas_section_enter(space), found;
	int err = SPOT_WINDOW;
	size_t done = len;
	ssize_t n;

	if (likely(cpu)) {
		err = access_here(space, cpu, gpa, access, &done);
		axas_section_leave(cpu);
	}
	if (err == SPOT_FAULT)
		return -EAGAIN;
	if (err != SPOT_WINDOW)
		return err ?: done;
	found = axas_nothing_found();
	down_read(&space->lock);
	n = access_locked(space, &found, gpa, access, len);
	up_read(&space->lock);
	return n;
}

static void read_memory(struct access *access, void *va, size_t len)
{
	axas_copy_in(access->buf, va, len);
	access->buf += len;
}

static void write_memory(struct access *access, void *va, size_t len)
{
	axas_copy_out(va, access->buf, len);
	access->buf += len;
}

static void read_device(struct access *access, void __iomem *io, size_t len)
{
	axas_copy_in_io(access->buf, io, len);
	access->buf += len;
}

static void write_device(struct access *access, void __iomem *io, size_t len)
{
	axas_copy_out_io(io, access->buf, len);
	access->buf += len;
}

static void fence_code(struct axas_space *space, const struct access *access)
{
	if (access->fence)
		space->npt.hal->fence(space->npt.hal);
}

/* Close windows that were opened for an access that failed. */
static void drop_windows(struct axas_space *space, struct list_head *windows)
{
	const struct axas_hal *hal = space->npt.hal;
	struct kept_window *kept, *next;

	list_for_each_entry_safe(kept, next, windows, node) {
		list_del(&kept->node);
		if (hal->close_window)
			hal->close_window(hal, &kept->window);
		kfree(kept);
	}
}

/* Access piece by piece, up to the first byte that cannot be reached. */
static ssize_t access_partial(struct axas_space *space, struct axas_gpa gpa,
			      struct access *access, size_t len)
{
	size_t done = 0;
	ssize_t n = 0;

	len = min_t(size_t, len, SSIZE_MAX);
	while (done < len) {
		u64 at = gpa.val + done;

		n = at < gpa.val ? -EFAULT : access_piece(space, at, access, len - done);
		if (n == -EAGAIN) {
			n = axas_space_bring(space, at, access->prot);
			if (!n)
				continue;
		}
		if (n < 0)
			break;
		done += n;
		cond_resched();
	}
	fence_code(space, access);
	return done ?: n;
}

/*
 * Length of the run from @gpa, at most @len, that 4 KiB leaves of the cached table map with @prot
 * and the direct map reaches; 0 if @gpa is not in the cached table and area.
 */
static size_t touch_leaves(struct axas_space *space, struct axas_cpu *cpu, u64 gpa, u32 prot,
			   size_t len)
{
	u64 max = gpa | (axas_npt_leaf_size(1) - 1);
	u64 last = min3(gpa + min_t(u64, len - 1, max - gpa), cpu->last, max);
	u64 *ptep, at = gpa;

	if (!axas_cpu_at(cpu, gpa) || !axas_cpu_covers(cpu, gpa) || !(cpu->area->direct & prot))
		return 0;
	for (ptep = axas_cpu_ptep(cpu, gpa); at <= last; ptep++) {
		if (!axas_npt_allows(&space->npt, READ_ONCE(*ptep), prot))
			break;
		at = (at | (AXAS_FRAME_SIZE - 1)) + 1;
		if (!at)
			return last - gpa + 1;
	}
	return min(at, last + 1) - gpa;
}

/*
 * Access all bytes with space->lock held. Return 0, an error, or -EAGAIN; @done: how far it got.
 * The pass that copies meets all the leaves that the first one has met. One that is being replaced
 * is there again soon: who does that has the lock for reading, too.
 */
static int access_all(struct axas_space *space, u64 gpa, struct access *access, size_t len,
		      size_t *done)
{
	struct axas_cpu found = axas_nothing_found();
	unsigned int tries = 0;
	ssize_t n;

	for (*done = 0; *done < len; *done += n) {
		if (gpa + *done < gpa)
			return -EFAULT;
		n = access->memory ? 0 : touch_leaves(space, &found, gpa + *done, access->prot,
						      len - *done);
		if (!n)
			n = access_locked(space, &found, gpa + *done, access, len - *done);
		if (unlikely(n == -EAGAIN && access->memory)) {
			axas_space_pause(&tries);
			n = 0;
		}
		if (n < 0)
			return n;
		cond_resched();
	}
	return 0;
}

/*
 * All or nothing: a first pass checks every leaf and opens every window, a second one copies. With
 * space->lock held neither can go away in between. To fault a page in the lock is dropped, and
 * the first pass starts over.
 */
static int access_exact(struct axas_space *space, struct axas_gpa gpa,
			struct access *access, size_t len)
{
	LIST_HEAD(windows);
	struct access touch = { .prot = access->prot, .windows = &windows };
	size_t done;
	int err;

	access->windows = &windows;
	for (;;) {
		down_read(&space->lock);
		err = access_all(space, gpa.val, &touch, len, &done);
		if (!err) {
			size_t copied;

			err = access_all(space, gpa.val, access, len, &copied);
			if (WARN_ON_ONCE(err))
				err = -EFAULT;
		}
		drop_windows(space, &windows);
		up_read(&space->lock);
		if (err != -EAGAIN)
			break;
		err = axas_space_bring(space, gpa.val + done, access->prot);
		if (err)
			break;
	}
	fence_code(space, access);
	return err;
}

/* A copy between guest memory and @buf; to the guest if @prot is AXAS_PROT_WRITE. */
static struct access copy_access(void *buf, u32 prot)
{
	bool write = prot == AXAS_PROT_WRITE;

	return (struct access){
		.memory = write ? write_memory : read_memory,
		.device = write ? write_device : read_device,
		.prot = prot,
		.buf = buf,
	};
}

static noinline int copy_exact(struct axas_space *space, struct axas_gpa gpa, void *buf,
			       size_t len, u32 prot)
{
	struct access access = copy_access(buf, prot);

	return access_exact(space, gpa, &access, len);
}

static noinline ssize_t copy_partial(struct axas_space *space, struct axas_gpa gpa, void *buf,
				     size_t len, u32 prot)
{
	struct access access = copy_access(buf, prot);

	return access_partial(space, gpa, &access, len);
}

int axas_read(struct axas_space *space, struct axas_gpa gpa, void *buf, size_t len)
{
	if (likely(copy_fast(space, gpa.val, buf, len, AXAS_PROT_READ)))
		return 0;
	return copy_exact(space, gpa, buf, len, AXAS_PROT_READ);
}
EXPORT_SYMBOL_AXAS(axas_read);

int axas_write(struct axas_space *space, struct axas_gpa gpa, const void *buf, size_t len)
{
	if (likely(copy_fast(space, gpa.val, (void *)buf, len, AXAS_PROT_WRITE)))
		return 0;
	return copy_exact(space, gpa, (void *)buf, len, AXAS_PROT_WRITE);
}
EXPORT_SYMBOL_AXAS(axas_write);

ssize_t axas_read_partial(struct axas_space *space, struct axas_gpa gpa, void *buf,
			  size_t len)
{
	if (likely(copy_fast(space, gpa.val, buf, len, AXAS_PROT_READ)))
		return len;
	return copy_partial(space, gpa, buf, len, AXAS_PROT_READ);
}
EXPORT_SYMBOL_AXAS(axas_read_partial);

ssize_t axas_write_partial(struct axas_space *space, struct axas_gpa gpa,
			   const void *buf, size_t len)
{
	if (likely(copy_fast(space, gpa.val, (void *)buf, len, AXAS_PROT_WRITE)))
		return len;
	return copy_partial(space, gpa, (void *)buf, len, AXAS_PROT_WRITE);
}
EXPORT_SYMBOL_AXAS(axas_write_partial);

/*
 * An iterator copy leaves its section after COPY_BYTES, or after any COPY_PIECE if a reschedule or
 * a remover is pending. A window is at most COPY_BYTES long, with space->lock held for reading.
 */
#define COPY_BYTES	SZ_256K
#define COPY_PIECE	SZ_16K

/**
 * struct iter_copy - a copy between guest memory and an iterator
 * @iter: the host's side, usually user memory
 * @prot: AXAS_PROT_READ: from guest memory; AXAS_PROT_WRITE: to it
 * @fence: executable memory was written: the HAL's fence is due
 */
struct iter_copy {
	struct iov_iter *iter;
	u32 prot;
	bool fence;
};

/*
 * Copy, and return the number of bytes copied. With page faults disabled an access to absent user
 * memory ends the copy: no lock is taken, no fault handler runs. The underscored functions skip
 * hardened usercopy, whose checks are for slab objects; the page cache does the same.
 */
static __always_inline size_t copy_nofault(void *va, size_t len, struct iov_iter *iter, u32 prot)
{
	size_t n;

	pagefault_disable();
	if (prot == AXAS_PROT_WRITE)
		n = _copy_from_iter(va, len, iter);
	else
		n = _copy_to_iter(va, len, iter);
	pagefault_enable();
	return n;
}

static size_t copy_iter(struct axas_space *space, const struct axas_area *area,
			struct iter_copy *copy, void *va, size_t len)
{
	size_t n = copy_nofault(va, len, copy->iter, copy->prot);

	/* A short copy may have written more bytes than it returns: clean all of them. */
	if (copy->prot == AXAS_PROT_WRITE)
		copy->fence |= clean_written(space, area, va, len);
	return n;
}

/*
 * Length of the run from @gpa, at most @len, that is contiguous in the direct map from @va: the
 * rest of @spot's leaf and, if that is a 4 KiB leaf, of adjacent leaves in its table.
 */
static size_t run_here(const struct axas_space *space, const struct axas_cpu *cpu, u64 gpa,
		       u32 prot, const struct spot *spot, const void *va, size_t len)
{
	const struct axas_npt *npt = &space->npt;
	u64 end = gpa | (axas_npt_leaf_size(1) - 1), *ptep, leaf;
	size_t n = spot->left;

	if (!axas_cpu_at(cpu, gpa))
		return n;
	len = min_t(u64, len, min(end, cpu->last) - gpa + 1);
	for (ptep = axas_cpu_ptep(cpu, gpa) + 1; n < len; n += AXAS_FRAME_SIZE) {
		leaf = READ_ONCE(*ptep++);
		if (!axas_npt_allows(npt, leaf, prot) ||
		    axas_hal_va(npt->hal, axas_npt_leaf_hpa(npt, leaf)) != va + n)
			break;
	}
	return min(n, len);
}

/* Whether to leave the section early: a reschedule is pending, or a remover waits. */
static bool is_awaited(const struct axas_space *space, const struct axas_cpu *cpu)
{
	return need_resched() || READ_ONCE(space->generation) != cpu->generation;
}

/*
 * Copy up to @len bytes of memory in the direct map; @done: bytes copied. Return 0, or the reason
 * for a short copy: SPOT_* or an error. In a section, or with space->lock held.
 */
static int iter_here(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
		     struct iter_copy *copy, size_t len, size_t *done)
{
	struct spot spot;
	size_t n, did;
	void *va;
	int err;

	for (*done = 0; *done < len; gpa += n) {
		err = find_spot(space, cpu, gpa, copy->prot, &spot);
		if (unlikely(err))
			return err;
		if (unlikely(!(spot.area->direct & copy->prot)))
			return SPOT_WINDOW;
		va = axas_hal_va(space->npt.hal, spot.hpa);
		n = min_t(size_t, len - *done, COPY_PIECE);
		if (n > spot.left)
			n = run_here(space, cpu, gpa, copy->prot, &spot, va, n);
		did = copy_iter(space, spot.area, copy, va, n);
		*done += did;
		if (unlikely(did < n))
			return SPOT_USER;
		if (unlikely(gpa + n < gpa))
			return -EFAULT;
		if (is_awaited(space, cpu))
			break;
	}
	return 0;
}

/* Length of the run from @spot, at most @len, contiguous in host-physical memory. Lock held. */
static size_t linear_run(struct axas_space *space, struct axas_cpu *cpu, u64 gpa, u32 prot,
			 const struct spot *spot, size_t len)
{
	struct spot next;
	size_t n;

	for (n = min_t(u64, len, spot->left); n < len; n += min_t(u64, len - n, next.left))
		if (gpa + n < gpa || find_spot(space, cpu, gpa + n, prot, &next) ||
		    next.area != spot->area || next.hpa.val != spot->hpa.val + n)
			break;
	return n;
}

/*
 * The same through one window, as long as the HAL allows. Return -EOPNOTSUPP if the memory is not
 * of type normal, or if the window cannot be opened: page-sized accesses may still work.
 */
static int iter_window(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
		       struct iter_copy *copy, size_t len, size_t *done)
{
	const struct axas_hal *hal = space->npt.hal;
	struct axas_window window;
	struct spot spot;
	int err = find_spot(space, cpu, gpa, copy->prot, &spot);

	lockdep_assert_held(&space->lock);
	if (err)
		return err;
	if (spot.area->type != AXAS_TYPE_NORMAL)
		return -EOPNOTSUPP;
	len = min_t(size_t, len, hal->window_bytes ?: AXAS_FRAME_SIZE - offset_in_page(gpa));
	len = linear_run(space, cpu, gpa, copy->prot, &spot, len);
	if (open_window(space, &spot, len, &window))
		return -EOPNOTSUPP;
	err = -EOPNOTSUPP;
	if (!window.io) {
		*done = copy_iter(space, spot.area, copy, window.va, len);
		err = *done < len ? SPOT_USER : 0;
	}
	if (hal->close_window)
		hal->close_window(hal, &window);
	return err;
}

/* Copy one piece, in a section if possible, else locked. Results as of iter_here(). */
static int iter_piece(struct axas_space *space, u64 gpa, struct iter_copy *copy, size_t len,
		      size_t *done)
{
	struct axas_cpu *cpu = axas_section_enter(space), found;
	int err = SPOT_WINDOW;

	*done = 0;
	len = min_t(size_t, len, COPY_BYTES);
	if (likely(cpu)) {
		err = iter_here(space, cpu, gpa, copy, len, done);
		axas_section_leave(cpu);
	}
	if (err != SPOT_WINDOW || *done)
		return err;
	found = axas_nothing_found();
	down_read(&space->lock);
	err = iter_here(space, &found, gpa, copy, len, done);
	if (err == SPOT_WINDOW && !*done)
		err = iter_window(space, &found, gpa, copy, len, done);
	up_read(&space->lock);
	return err;
}

/* Fast path for a copy within one page. Return the bytes copied, or -EAGAIN. */
static __always_inline ssize_t iter_fast(struct axas_space *space, u64 gpa,
					 struct iov_iter *iter, u32 prot, size_t len)
{
	void *va = enter_memory(space, gpa, prot, len);
	size_t n;

	if (unlikely(!va))
		return -EAGAIN;
	n = copy_nofault(va, len, iter, prot);
	/* A short copy may have written more bytes than it returns: clean all of them. */
	if (prot == AXAS_PROT_WRITE)
		leave_written(space, va, len);
	else
		leave_memory();
	return n;
}

ssize_t axas_space_copy_iter(struct axas_space *space, struct axas_gpa gpa,
			     struct iov_iter *iter, u32 prot)
{
	struct iter_copy copy = { .iter = iter, .prot = prot };
	size_t done, len = iov_iter_count(iter);
	ssize_t n;
	int err;

	if (len <= AXAS_FRAME_SIZE - offset_in_page(gpa.val)) {
		n = iter_fast(space, gpa.val, iter, prot, len);
		if (likely(n != -EAGAIN))
			return n;
	}
	do {
		err = iter_piece(space, gpa.val, &copy, len, &done);
		if (err != SPOT_FAULT || done)
			break;
		err = axas_space_bring(space, gpa.val, prot);
	} while (!err);
	if (unlikely(copy.fence))
		space->npt.hal->fence(space->npt.hal);
	if (done)
		return done;
	return err == SPOT_USER ? 0 : err;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_copy_iter);

static void load_memory(struct access *access, void *va, size_t len)
{
	access->val = axas_load(va, len);
}

static void store_memory(struct access *access, void *va, size_t len)
{
	axas_store(va, len, access->val);
}

static void load_device(struct access *access, void __iomem *io, size_t len)
{
	access->val = axas_load_io(io, len);
}

static void store_device(struct access *access, void __iomem *io, size_t len)
{
	axas_store_io(io, len, access->val);
}

static noinline int load_slow(struct axas_space *space, struct axas_gpa gpa, size_t len,
			      u64 *val)
{
	struct access access = {
		.memory = load_memory, .device = load_device, .prot = AXAS_PROT_READ,
	};
	ssize_t n = access_partial(space, gpa, &access, len);

	if (n < 0)
		return n;
	*val = access.val;
	return 0;
}

static int load_one(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		    u64 *val)
{
	size_t len = axas_width_bytes(width);
	void *va = enter_memory(space, gpa.val, AXAS_PROT_READ, len);

	if (!va)
		return load_slow(space, gpa, len, val);
	*val = axas_load(va, len);
	leave_memory();
	return 0;
}

static noinline int store_slow(struct axas_space *space, struct axas_gpa gpa, size_t len,
			       u64 val)
{
	struct access access = {
		.memory = store_memory, .device = store_device,
		.prot = AXAS_PROT_WRITE, .val = val,
	};
	ssize_t n = access_partial(space, gpa, &access, len);

	return n < 0 ? n : 0;
}

static int store_one(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		     u64 val)
{
	size_t len = axas_width_bytes(width);
	void *va = enter_memory(space, gpa.val, AXAS_PROT_WRITE, len);

	if (!va)
		return store_slow(space, gpa, len, val);
	axas_store(va, len, val);
	leave_written(space, va, len);
	return 0;
}

/* An integer in memory, in the host's byte order. */
union scalar {
	u8 w8;
	u16 w16;
	u32 w32;
	u64 w64;
};

int axas_read_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		  u64 *val)
{
	unsigned int bytes = axas_width_bytes(width);
	union scalar scalar;
	int err;

	if (axas_gpa_is_aligned(gpa, bytes))
		return load_one(space, gpa, width, val);
	err = axas_read(space, gpa, &scalar, bytes);
	if (err)
		return err;
	*val = axas_load(&scalar, bytes);
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_read_obj);

int axas_write_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		   u64 val)
{
	unsigned int bytes = axas_width_bytes(width);
	union scalar scalar;

	if (axas_gpa_is_aligned(gpa, bytes))
		return store_one(space, gpa, width, val);
	axas_store(&scalar, bytes, val);
	return axas_write(space, gpa, &scalar, bytes);
}
EXPORT_SYMBOL_AXAS(axas_write_obj);

int axas_read_volatile(struct axas_space *space, struct axas_gpa gpa,
		       enum axas_width width, u64 *val)
{
	if (!axas_gpa_is_aligned(gpa, axas_width_bytes(width)))
		return -EINVAL;
	return load_one(space, gpa, width, val);
}
EXPORT_SYMBOL_AXAS(axas_read_volatile);

int axas_write_volatile(struct axas_space *space, struct axas_gpa gpa,
			enum axas_width width, u64 val)
{
	if (!axas_gpa_is_aligned(gpa, axas_width_bytes(width)))
		return -EINVAL;
	return store_one(space, gpa, width, val);
}
EXPORT_SYMBOL_AXAS(axas_write_volatile);

/* Describe the part of the range in one page, and take a reference. 0, SPOT_FAULT or an error. */
static int bvec_here(struct axas_space *space, struct axas_cpu *cpu, u64 gpa, u64 len,
		     u32 access, struct bio_vec *bvec)
{
	struct page *page = NULL;
	struct spot spot;
	int err = find_spot(space, cpu, gpa, access, &spot);

	if (err)
		return err;
	if (spot.area->direct & access)
		page = axas_area_page(space, spot.area, gpa, spot.hpa);
	if (!page)
		return -EOPNOTSUPP;
	get_page(page);
	WRITE_ONCE(space->handed, true);
	bvec->bv_page = page;
	bvec->bv_offset = offset_in_page(gpa);
	bvec->bv_len = min_t(u64, len, PAGE_SIZE - bvec->bv_offset);
	return 0;
}

static int bvec_piece(struct axas_space *space, u64 gpa, u64 len, u32 access,
		      struct bio_vec *bvec)
{
	struct axas_cpu *cpu, found;
	int err;

	for (;;) {
		cpu = axas_section_enter(space);
		if (likely(cpu)) {
			err = bvec_here(space, cpu, gpa, len, access, bvec);
			axas_section_leave(cpu);
		} else {
			found = axas_nothing_found();
			down_read(&space->lock);
			err = bvec_here(space, &found, gpa, len, access, bvec);
			up_read(&space->lock);
		}
		if (err == SPOT_FAULT)
			err = axas_space_bring(space, gpa, access) ?: SPOT_FAULT;
		if (err != SPOT_FAULT)
			return err;
	}
}

int axas_space_bvec(struct axas_space *space, struct axas_gpa_range range, u32 access,
		    struct bio_vec *bvecs, unsigned int max)
{
	unsigned int n = 0;
	u64 done = 0;
	int err = 0;

	if (!axas_gpa_range_valid(range) || !access ||
	    access & ~(AXAS_PROT_READ | AXAS_PROT_WRITE))
		return -EINVAL;
	while (done < range.size) {
		err = n == max || n == INT_MAX ? -E2BIG :
		      bvec_piece(space, range.start.val + done, range.size - done, access,
				 &bvecs[n]);
		if (err)
			break;
		done += bvecs[n++].bv_len;
		cond_resched();
	}
	if (!err)
		return n;
	axas_space_bvec_put(bvecs, n);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_bvec);

void axas_space_bvec_put(struct bio_vec *bvecs, unsigned int n)
{
	while (n)
		put_page(bvecs[--n].bv_page);
}
EXPORT_SYMBOL_AXAS(axas_space_bvec_put);
