/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files axas_space*.c, axas_file.c and the KUnit suites. Areas, locks and read-side
 * sections: axas_area.h.
 */
#ifndef _AXAS_SPACE_INTERNAL_H
#define _AXAS_SPACE_INTERNAL_H

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
 * Copy guest memory to @iter or, for AXAS_PROT_WRITE, from @iter, in one bounded step, and advance
 * @iter. Accesses to user memory run with page faults disabled, and are not single-copy atomic.
 * Return the bytes copied; 0 if user memory must be faulted in by the caller; -EOPNOTSUPP if the
 * memory at @gpa can only be reached by the accessors, with a kernel buffer; or an error of
 * axas_read_partial(). May sleep; not in a section, space->lock not held.
 */
ssize_t axas_space_copy_iter(struct axas_space *space, struct axas_gpa gpa,
			     struct iov_iter *iter, u32 prot);

/* Remove all areas. Cannot fail. */
void axas_space_remove_all(struct axas_space *space);

/*
 * Register @fn, to be called with @arg once everything that the space mapped is freed. @fn may
 * sleep. Call before the space is shared.
 */
void axas_space_on_release(struct axas_space *space, void (*fn)(void *arg), void *arg);

/* Pages of linear areas, for RLIMIT_MEMLOCK. */
u64 axas_space_linear_pages(struct axas_space *space);

#endif /* _AXAS_SPACE_INTERNAL_H */
