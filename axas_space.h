/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files axas_space*.c, axas_file.c and the KUnit suites. Areas, locks and read-side
 * sections: axas_area.h.
 */
#ifndef _AXAS_SPACE_INTERNAL_H
#define _AXAS_SPACE_INTERNAL_H

#include <linux/sched/signal.h>

#include "axas_area.h"

struct iov_iter;

/* Whether a range is 4 KiB aligned, not empty, and inside the space. */
static inline bool axas_space_range_ok(const struct axas_space *space,
				       struct axas_gpa_range range)
{
	return range.size && !((range.start.val | range.size) & (AXAS_FRAME_SIZE - 1)) &&
	       axas_gpa_range_covers(space->range, range);
}

/* axas_space_create() with a format and a machine (NULL: the default one), also the fake format. */
struct axas_space *axas_space_create_fmt(const struct axas_space_params *params,
					 const struct axas_npt_fmt *fmt,
					 const struct axas_npt_caps *caps);

/*
 * Take the region of @gpa back from what was put aside. @pos: the walk's end at @gpa. Return 0:
 * nothing is aside there; -EBUSY: walk again; -EAGAIN: needs as many spares as @pos->level says
 * now. In a section, or with space->lock held.
 */
int __must_check axas_space_take_back(struct axas_space *space, struct axas_npt_spares *spares,
				      u64 gpa, struct axas_npt_pos *pos);
/*
 * Take all regions that overlap [first, last] back. The mutex is held. Return 0, -ENOMEM, or, if
 * there are several, -EINTR on a fatal signal.
 */
int __must_check axas_space_take_back_all(struct axas_space *space, u64 first, u64 last);

/* Take everything back as it is, and free the second root. The mutex is held. */
void axas_space_end_aside(struct axas_space *space);

/*
 * Set or clear AXAS_AREA_LOGGED of the areas in a range; leaves stay as they are. The mutex is
 * held. Return 0; -EOPNOTSUPP if memory in it cannot be logged; -ENOMEM or -EINTR.
 */
int __must_check axas_space_set_logged(struct axas_space *space, u64 first, u64 last, bool logged);
/* Permit, or forbid until the first write, what the areas of a range permit. The mutex is held. */
void axas_space_fit_leaves(struct axas_space *space, u64 first, u64 last);
/* Whether any area is logged. The mutex is held. */
bool axas_space_is_logged(struct axas_space *space);
/*
 * Take back what was put aside, if no area is logged any more, and permit what the areas permit.
 * The mutex is held. Return whether it was so.
 */
bool axas_space_end_log(struct axas_space *space);

/*
 * axas_space_get_log(), but the bitmap is zero already. Return 1 if a bit is set, 0 if none is, or
 * an error.
 */
int __must_check axas_space_add_log(struct axas_space *space, struct axas_gpa_range range,
				    unsigned long *bitmap, u64 *epoch);
/*
 * Look how many bytes of a range, from its first one on, were not touched since the log was
 * started, so that no page of them was written; @skipped is 0 if the first one was. @epoch: in and
 * out, as of axas_space_clear_log(). Return 1 if any of them is logged, 0 if none is, -ESTALE,
 * -EINVAL, or -EINTR on a fatal signal.
 */
int __must_check axas_space_skip_log(struct axas_space *space, struct axas_gpa_range range,
				     u64 *skipped, u64 *epoch);

/*
 * Populate [first, last]; @huge: with 2 MiB leaves where possible. @done: bytes populated, from
 * @first on. Return 0; -EFAULT at a hole; -ENOMEM; -EINTR on a fatal signal. May sleep; not in a
 * section, space->lock not held.
 */
int axas_space_fill(struct axas_space *space, u64 first, u64 last, bool huge, u64 *done);

/*
 * Fault in a page for a host access. Return AXAS_FAULT_*. Only FIXED is counted: other results are
 * not faults of the guest.
 */
int axas_space_fault_in(struct axas_space *space, u64 gpa, u32 access);

/*
 * The same as an errno: 0 if the page has a leaf now, or to look again; -EFAULT for a hole;
 * -EACCES; -ENOMEM; -EINTR on a fatal signal; -EIO if the area's backend fails; -EAGAIN for a
 * missing page.
 */
int __must_check axas_space_bring_now(struct axas_space *space, u64 gpa, u32 access);
/*
 * The same, but wait for a missing page: -EFAULT with AXAS_MAP_MISSING_FAIL; -ETIMEDOUT in a kernel
 * thread that has waited for a second.
 */
int __must_check axas_space_bring(struct axas_space *space, u64 gpa, u32 access);

/* The errno of an AXAS_FAULT_*, or 0, as axas_space_bring() returns them. */
static inline int axas_space_fault_errno(int result)
{
	switch (result) {
	case AXAS_FAULT_FIXED:
	case AXAS_FAULT_SPURIOUS:
		return 0;
	case AXAS_FAULT_RETRY:
		return fatal_signal_pending(current) ? -EINTR : 0;
	case AXAS_FAULT_DENIED:
		return -EACCES;
	case AXAS_FAULT_NOMEM:
		return -ENOMEM;
	case AXAS_FAULT_ERROR:
		return -EIO;
	case AXAS_FAULT_MISSING:
		return -EAGAIN;
	default:
		return -EFAULT;
	}
}

/*
 * An entry is being changed by another task (BUSY): give way to it, before another look. After
 * AXAS_TRIES it sleeps, because a real-time task could otherwise keep the other from its CPU.
 */
void axas_space_pause(unsigned int *tries);
#define AXAS_TRIES	16

/* axas_space_cow.c: leaves that are replaced beside readers; see there */

/*
 * Replace the leaf at @pos, whose range includes @gpa, by @new: another leaf, or a table of smaller
 * ones. Flushes in all consumers. space->lock is held, at least for reading. Return false if the
 * entry has changed: @pos->entry is updated. May sleep.
 */
bool __must_check axas_space_replace_leaf(struct axas_space *space, struct axas_npt_pos *pos,
					  u64 gpa, u64 new);

/*
 * Split the leaf of @gpa, of 2 MiB or more, into 512 smaller ones, beside readers. Return 0, also
 * if there is none by now, or -ENOMEM. May sleep; not in a section, space->lock not held.
 */
int __must_check axas_space_split_leaf(struct axas_space *space, u64 gpa);
/* axas_space_await.c */

/*
 * Begin to wait for the page of @gpa; axas_missing_del() ends it in any case. Return 1 to wait by
 * axas_missing_sleep(); 0 if the page is not missing any more; -EFAULT with AXAS_MAP_MISSING_FAIL.
 */
int __must_check axas_space_await_begin(struct axas_space *space, struct axas_waiter *waiter,
					u64 gpa);
/* Wait for a page, killably. Return 0 to look again, or an error as axas_space_bring(). */
int __must_check axas_space_await(struct axas_space *space, u64 gpa);

/*
 * Fault in an area whose backend lends frames (AXAS_BACKEND_LENDS). @own: a private frame is
 * wanted, whatever the @access; 0: as populate. @level: NULL, or out: of the leaf. Return
 * AXAS_FAULT_*, or AXAS_LENT_OTHER if the fault is, by now, of another kind.
 */
#define AXAS_LENT_OTHER		-1
int axas_space_fault_lent(struct axas_space *space, u64 gpa, u32 access, bool own,
			  unsigned int *level);

/*
 * Copy a borrowed page that is written, without sleeping. Preemption may be off. Return
 * AXAS_FAULT_FIXED, AXAS_FAULT_SPURIOUS, or AXAS_FAULT_RETRY with nothing changed.
 */
int axas_space_copy_nowait(struct axas_space *space, u64 gpa, u32 access);

/* Make the page of @gpa private. Return as axas_space_bring_now(). */
int __must_check axas_space_own_page(struct axas_space *space, u64 gpa, u32 access);

/* The same for another space that borrows the page: -EIO in an area that is not alloc's. */
int __must_check axas_space_bring_exported(struct axas_space *space, u64 gpa, u32 access);

/* axas_space_map.c: map an area whose backend lends frames; errors as axas_space_map_alloc(). */
int __must_check axas_space_map_lent(struct axas_space *space, struct axas_gpa_range range,
				     u32 prot, u32 flags, struct axas_backend backend);

/* axas_filemem.c: the account of a space, with a reference. ERR_PTR(-ENOMEM), ERR_PTR(-EINTR). */
struct axas_pinned *__must_check axas_space_get_pinned(struct axas_space *space);

/* axas_space_map.c, for those that map areas of other kinds */

/*
 * Insert a new area, with its leaves if @populate. Consumes @area, also on an error, and takes
 * an ERR_PTR. Return 0 or an error, with nothing changed.
 */
int __must_check axas_space_map_area(struct axas_space *space, struct axas_gpa_range range,
				     struct axas_area *area, bool populate);
/* Return 0; -EINVAL; -EOPNOTSUPP if the format cannot encode them together. */
int __must_check axas_space_check_attrs(const struct axas_space *space, u32 prot, u32 type);
bool axas_space_policy_ok(u32 flags);

/* axas_space_pages.c: the space as a file of memory */

/* From now on removals wait for locked pages. Call before axas_space_attach(). */
void axas_space_share_pages(struct axas_space *space);

/*
 * Fault in a page for a host mapping, and lock it and adjacent pages that have leaves, at most
 * @max. @access: AXAS_PROT_* that each leaf must permit. @whole: set if a leaf of 2 MiB maps the
 * first page. Return the number of pages, at least 1: none of them leaves the space before it is
 * unlocked. Or -EFAULT for a hole; -EACCES if the area forbids the access; -EOPNOTSUPP for memory
 * that has no pages of the HAL; -ENOMEM; -EAGAIN for a missing page, which is not waited for;
 * -EINTR on a fatal signal. May sleep; nothing that waits for a lock of the space may be called
 * with a page locked.
 */
int __must_check axas_space_lock_pages(struct axas_space *space, struct axas_gpa gpa, u32 access,
				       struct page **pages, unsigned int max, bool *whole);

/*
 * Lock @page again if the 4 KiB leaf of @gpa still maps it and permits @access. False if it does
 * not, or to ask axas_space_lock_pages(). Does not sleep.
 */
bool __must_check axas_space_relock_page(struct axas_space *space, struct axas_gpa gpa, u32 access,
					 struct page *page);

/*
 * Whether a page, or one of the 2 MiB of its leaf, has a reference beside that of the leaf. New
 * ones are kept out by the bar, with all host mappings zapped.
 */
bool axas_space_is_held(const struct axas_space *space, const struct axas_area *area, u64 gpa,
			struct axas_hpa hpa);
bool axas_space_is_block_held(const struct axas_space *space, const struct axas_leaf *leaf);

/* Frames whose addresses differ only below have struct pages all or none: see pfn_valid(). */
#ifdef SUBSECTION_SHIFT
#define AXAS_PAGES_SHIFT	SUBSECTION_SHIFT
#else
#define AXAS_PAGES_SHIFT	AXAS_FRAME_SHIFT
#endif

/*
 * The struct page of the frame of a level 0 leaf; NULL: it has none. *@known: address of a frame
 * that has one, or 0. Not by the HAL's frame_page(), which would split the block.
 */
static inline struct page *axas_space_leaf_page(const struct axas_npt *npt, u64 leaf,
						unsigned long *known)
{
	void *va = axas_hal_va(npt->hal, axas_npt_leaf_hpa(npt, leaf));

	if (unlikely(((unsigned long)va ^ *known) >> AXAS_PAGES_SHIFT)) {
		if (!virt_addr_valid(va))
			return NULL;
		*known = (unsigned long)va;
	}
	return virt_to_page(va);
}

/* Whether an area of the range has compound 2 MiB frames (AXAS_MAP_HUGE_WHOLE). */
bool axas_space_has_whole(struct axas_space *space, struct axas_gpa_range range);

/* The end of the highest area: its last byte plus one; 0 without areas, or if it wraps. */
u64 axas_space_end(struct axas_space *space);

/*
 * Find the first address at or after @gpa that has a frame of normal memory (@data), or has none.
 * Return 0; -ENOENT: none up to the end of the table; -ENOMEM in memory with a dirty log; -EINTR
 * on a fatal signal. May sleep.
 */
int __must_check axas_space_seek(struct axas_space *space, struct axas_gpa gpa, bool data,
				 u64 *found);

/*
 * Copy guest memory to @iter or, for AXAS_PROT_WRITE, from @iter, in one bounded step, and advance
 * @iter. Accesses to user memory run with page faults disabled, and are not single-copy atomic.
 * Return the bytes copied; 0 if user memory must be faulted in by the caller; -EOPNOTSUPP if the
 * memory at @gpa can only be reached by the accessors, with a kernel buffer; or an error of
 * axas_read_partial(). May sleep; not in a section, space->lock not held.
 */
ssize_t axas_space_copy_iter(struct axas_space *space, struct axas_gpa gpa,
			     struct iov_iter *iter, u32 prot);

/*
 * axas_space.c: a space of the same format, machine, range and HAL, with no areas or, without
 * leaves, those in @areas. ERR_PTR(-ENOMEM).
 */
struct axas_space *__must_check axas_space_create_like(const struct axas_space *space,
							u64 max_frames, struct axas_areas *areas);
/* Move table and frames to a space of the same kind, with the bar. A flush of all is due. */
void axas_space_move_table(struct axas_space *space, struct axas_space *to);
/* 4 KiB frames that the space holds. */
u64 axas_space_frames(const struct axas_space *space);

/* axas_image.c: without an area of its image, a space is no clone. The mutex is held. */
void axas_space_drop_image(struct axas_space *space);

/* Remove all areas. Cannot fail. */
void axas_space_remove_all(struct axas_space *space);

/*
 * Register @fn, to be called with @arg once everything that the space mapped is freed. @fn may
 * sleep. Return 0, or -EEXIST if the space has one already.
 */
int __must_check axas_space_on_release(struct axas_space *space, void (*fn)(void *arg), void *arg);

/* Pages of linear areas, for RLIMIT_MEMLOCK; for those of files see struct axas_pinned. */
u64 axas_space_linear_pages(struct axas_space *space);

#endif /* _AXAS_SPACE_INTERNAL_H */
