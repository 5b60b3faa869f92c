// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host accesses that wait for missing pages; see axas_missing.h. Calls nothing of the module.
 * Locks: missing->lock.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <axas/hal.h>

#include "axas_compat.h"
#include "axas_missing.h"

/* How long a kernel thread waits. */
#define KTHREAD_WAIT	HZ

void axas_missing_init(struct axas_missing *missing)
{
	missing->used = false;
	spin_lock_init(&missing->lock);
	INIT_LIST_HEAD(&missing->waiters);
	init_waitqueue_head(&missing->server);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_init);

void axas_missing_add(struct axas_missing *missing, struct axas_waiter *waiter, u64 gpa)
{
	waiter->gpa = gpa & ~(u64)(AXAS_FRAME_SIZE - 1);
	waiter->state = AXAS_WAITER_LOOKS;
	init_completion(&waiter->done);
	spin_lock(&missing->lock);
	list_add_tail(&waiter->node, &missing->waiters);
	spin_unlock(&missing->lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_add);

void axas_missing_del(struct axas_missing *missing, struct axas_waiter *waiter)
{
	/* A task that completes @waiter->done holds the lock: it is done with @waiter then. */
	spin_lock(&missing->lock);
	list_del_init(&waiter->node);
	spin_unlock(&missing->lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_del);

/* Whether another waiter's page is this one, and was reported. */
static bool is_told(struct axas_missing *missing, u64 gpa)
{
	struct axas_waiter *other;

	list_for_each_entry(other, &missing->waiters, node)
		if (other->gpa == gpa && other->state == AXAS_WAITER_TOLD)
			return true;
	return false;
}

/* Have the page reported. */
static void tell(struct axas_missing *missing, struct axas_waiter *waiter)
{
	bool told;

	spin_lock(&missing->lock);
	told = is_told(missing, waiter->gpa);
	waiter->state = told ? AXAS_WAITER_TOLD : AXAS_WAITER_UNTOLD;
	spin_unlock(&missing->lock);
	if (!told)
		wake_up_all(&missing->server);
}

int axas_missing_sleep(struct axas_missing *missing, struct axas_waiter *waiter,
		       bool interruptible)
{
	int err;

	tell(missing, waiter);
	if (current->flags & PF_KTHREAD)
		return wait_for_completion_timeout(&waiter->done, KTHREAD_WAIT) ? 0 : -ETIMEDOUT;
	err = interruptible ? wait_for_completion_interruptible(&waiter->done) :
			      wait_for_completion_killable(&waiter->done);
	return err ? -EINTR : 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_sleep);

void axas_missing_wake(struct axas_missing *missing, u64 first, u64 last)
{
	struct axas_waiter *waiter, *next;

	/*
	 * Taken even if the list looks empty: a waiter adds itself, then looks at the page, so it
	 * is found here, or it finds what was done before this lock was taken.
	 */
	spin_lock(&missing->lock);
	list_for_each_entry_safe(waiter, next, &missing->waiters, node) {
		if (waiter->gpa < first || waiter->gpa > last)
			continue;
		list_del_init(&waiter->node);
		complete(&waiter->done);
	}
	spin_unlock(&missing->lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_wake);

static bool is_in(const u64 *gpas, unsigned int n, u64 gpa)
{
	while (n)
		if (gpas[--n] == gpa)
			return true;
	return false;
}

unsigned int axas_missing_get(struct axas_missing *missing, u64 *gpas, unsigned int max,
			      bool *more)
{
	struct axas_waiter *waiter;
	unsigned int n = 0;

	*more = false;
	spin_lock(&missing->lock);
	list_for_each_entry(waiter, &missing->waiters, node) {
		if (waiter->state != AXAS_WAITER_UNTOLD)
			continue;
		if (!is_in(gpas, n, waiter->gpa)) {
			*more = n == max;
			if (*more)
				break;
			gpas[n++] = waiter->gpa;
		}
		waiter->state = AXAS_WAITER_TOLD;
	}
	spin_unlock(&missing->lock);
	return n;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_get);

void axas_missing_untell(struct axas_missing *missing)
{
	struct axas_waiter *waiter;

	spin_lock(&missing->lock);
	list_for_each_entry(waiter, &missing->waiters, node)
		if (waiter->state == AXAS_WAITER_TOLD)
			waiter->state = AXAS_WAITER_UNTOLD;
	spin_unlock(&missing->lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_untell);

bool axas_missing_any(struct axas_missing *missing)
{
	struct axas_waiter *waiter;
	bool any = false;

	spin_lock(&missing->lock);
	list_for_each_entry(waiter, &missing->waiters, node)
		any |= waiter->state == AXAS_WAITER_UNTOLD;
	spin_unlock(&missing->lock);
	return any;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_missing_any);
