// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor of a space for the server of its missing pages: AXAS_SUPPLY, AXAS_GET_MISSING,
 * poll(). Calls axas_space_supply.c and axas_missing.c.
 *
 * Locks: none. User memory is accessed with no lock of a space held.
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_space.h"

/* A buffer of the caller. */
static int copy_from_buffer(void *arg, u64 offset, void *va, size_t len)
{
	const struct axas_supply *supply = arg;

	return copy_from_user(va, u64_to_user_ptr(supply->source + offset), len) ? -EFAULT : 0;
}

static int supply_buffer(struct axas_file *file, struct axas_gpa_range range, bool skip,
			 struct axas_supply *supply)
{
	struct axas_source source = { .copy = copy_from_buffer, .arg = supply };

	return axas_space_supply(file->space, range,
				 supply->flags & AXAS_SUPPLY_ZERO ? NULL : &source, skip,
				 &supply->done);
}

static int supply_space(struct axas_file *file, struct axas_gpa_range range, bool skip,
			struct axas_supply *supply, struct axas_space *from)
{
	return axas_space_supply_from(file->space, range, from, axas_gpa(supply->source), skip,
				      &supply->done);
}

bool axas_file_supply_ok(const struct axas_supply *supply)
{
	u32 from = supply->flags & (AXAS_SUPPLY_ZERO | AXAS_SUPPLY_SPACE);

	if (supply->reserved || supply->done || from == (AXAS_SUPPLY_ZERO | AXAS_SUPPLY_SPACE))
		return false;
	if (from == AXAS_SUPPLY_ZERO && supply->source)
		return false;
	return from == AXAS_SUPPLY_SPACE || !supply->space_fd;
}

long axas_file_supply(struct axas_file *file, struct axas_supply *supply, struct axas_space *from)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(supply->gpa), supply->length);
	bool skip = supply->flags & AXAS_SUPPLY_SKIP;
	long err;

	err = from ? supply_space(file, range, skip, supply, from) :
		     supply_buffer(file, range, skip, supply);
	return supply->done ? 0 : err;
}

/* Collect first: user memory is not accessed with the waiters' lock held. */
long axas_file_get_missing(void *ctx, void *arg)
{
	struct axas_get_missing *missing = arg;
	u32 max = min_t(u32, missing->count, AXAS_MISSING_MAX);
	struct axas_file *file = ctx;
	u64 *gpas;
	bool more;
	long err = 0;

	gpas = kmalloc_array(max ?: 1, sizeof(*gpas), GFP_KERNEL_ACCOUNT);
	if (!gpas)
		return -ENOMEM;
	missing->count = axas_space_get_missing(file->space, missing->flags & AXAS_MISSING_AGAIN,
						gpas, max, &more);
	missing->more = more;
	if (copy_to_user(u64_to_user_ptr(missing->buf), gpas, missing->count * sizeof(*gpas))) {
		axas_missing_untell(&file->space->missing);
		err = -EFAULT;
	}
	kfree(gpas);
	return err;
}

__poll_t axas_file_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct axas_file *file = filp->private_data;
	struct axas_missing *missing = &file->space->missing;

	poll_wait(filp, &missing->server, wait);
	/* As a file without poll(), but for pages to be reported. */
	return DEFAULT_POLLMASK | (axas_missing_any(missing) ? EPOLLPRI : 0);
}
