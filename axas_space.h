/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files axas_space*.c share beside areas and locks, and what the KUnit suites see.
 */
#ifndef _AXAS_SPACE_INTERNAL_H
#define _AXAS_SPACE_INTERNAL_H

#include "axas_area.h"

struct iov_iter;

/* Whole 4 KiB pages, at least one, inside the space. */
static inline bool axas_space_range_ok(const struct axas_space *space,
				       struct axas_gpa_range range)
{
	return range.size && !((range.start.val | range.size) & (AXAS_FRAME_SIZE - 1)) &&
	       axas_space_contains(space, range);
}

/* As axas_space_create(), on a format and for a machine (NULL: the usual one). */
struct axas_space *axas_space_create_fmt(const struct axas_space_params *params,
					 const struct axas_npt_fmt *fmt,
					 const struct axas_npt_caps *caps);

/*
 * Give every page of [first, last] its leaf; if @huge, leaves of 2 MiB where they may be.
 * @done: bytes from @first on that have one. 0; -EFAULT for a hole, -ENOMEM, or -EINTR on a
 * fatal signal. May sleep; in no section, without the lock.
 */
int axas_space_fill(struct axas_space *space, u64 first, u64 last, bool huge, u64 *done);

/*
 * A page that the host is about to read or write gets its frame. AXAS_FAULT_*; only those
 * that are fixed are counted, for the others are no faults of the guest's.
 */
int axas_space_fault_in(struct axas_space *space, u64 gpa, u32 access);

/*
 * Copy guest memory to @iter, or for AXAS_PROT_WRITE the reverse, as much as one step takes: bytes.
 * 0: @iter's user memory is not there, the caller faults it in; nothing is touched here that would
 * fault. -EOPNOTSUPP: what is at @gpa is not copied as memory is, or cannot be now; by way of a
 * buffer, and the accessors, it may. Else an error of axas_read_partial(). @iter has come as far as
 * was copied. Nothing is a single access. May sleep; in no section, without the lock.
 */
ssize_t axas_space_copy_iter(struct axas_space *space, struct axas_gpa gpa,
			     struct iov_iter *iter, u32 prot);

/* Remove all areas; for the end of a space. */
void axas_space_remove_all(struct axas_space *space);

/*
 * @fn(@arg) is called once, when the space is gone with all that it mapped. May sleep. To be
 * said before anybody else has a reference.
 */
void axas_space_on_release(struct axas_space *space, void (*fn)(void *arg), void *arg);

/* Pages of linear areas, for RLIMIT_MEMLOCK. */
u64 axas_space_linear_pages(struct axas_space *space);

#endif /* _AXAS_SPACE_INTERNAL_H */
