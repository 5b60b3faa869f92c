/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host accesses that wait for missing pages (AXAS_MAP_MISSING), in a list that a server reads.
 * Knows addresses only, neither areas nor tables.
 */
#ifndef _AXAS_MISSING_H
#define _AXAS_MISSING_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct axas_missing - the waiters of one space
 * @used: the space has or had an area with missing pages; set once, under space->changing
 * @lock: protects the list and its waiters' state; only the locks of @server and of completions
 *	nest inside it
 * @waiters: struct axas_waiter, in the order in which they came
 * @server: woken up when a page is to be reported, for poll()
 */
struct axas_missing {
	bool used;
	spinlock_t lock;	/* see @lock above */
	struct list_head waiters;
	wait_queue_head_t server;
};

/**
 * enum axas_waiter_state - the state of a waiter
 * @AXAS_WAITER_LOOKS: on the list, so that it misses no wake-up; checks whether it must wait
 * @AXAS_WAITER_UNTOLD: waits, and its page has not been reported to a server
 * @AXAS_WAITER_TOLD: waits, and its page has been reported
 */
enum axas_waiter_state {
	AXAS_WAITER_LOOKS,
	AXAS_WAITER_UNTOLD,
	AXAS_WAITER_TOLD,
};

/**
 * struct axas_waiter - one access that waits, on its stack
 * @node: in the list, until it is woken up
 * @gpa: the first byte of its page
 * @state: AXAS_WAITER_*
 * @done: completed when it must check again
 */
struct axas_waiter {
	struct list_head node;
	u64 gpa;
	enum axas_waiter_state state;
	struct completion done;
};

void axas_missing_init(struct axas_missing *missing);

/*
 * Waiting: add, look whether the page is missing, sleep if so, delete. A page that is supplied
 * after the look completes @waiter.
 */
void axas_missing_add(struct axas_missing *missing, struct axas_waiter *waiter, u64 gpa);
/*
 * Report the page and wait for it. Return 0 to look again; -EINTR on a fatal signal or, if
 * @interruptible, on any; -ETIMEDOUT: a kernel thread, which cannot be killed, waits for a second.
 */
int axas_missing_sleep(struct axas_missing *missing, struct axas_waiter *waiter,
		       bool interruptible);
void axas_missing_del(struct axas_missing *missing, struct axas_waiter *waiter);

/* Let the waiters for pages of [first, last] look again. Does not sleep. */
void axas_missing_wake(struct axas_missing *missing, u64 first, u64 last);

/* The same for all of them, after areas have changed. Nothing if @used is not set. */
static inline void axas_missing_wake_all(struct axas_missing *missing)
{
	if (unlikely(missing->used))
		axas_missing_wake(missing, 0, ~0ull);
}

/*
 * Get up to @max pages that were not reported, each of them once, and mark them as reported. Return
 * their number; @more: there are others.
 */
unsigned int axas_missing_get(struct axas_missing *missing, u64 *gpas, unsigned int max,
			      bool *more);
/* Earlier reports are lost: report all pages again that accesses wait for. */
void axas_missing_untell(struct axas_missing *missing);
/* Whether a page is to be reported. */
bool axas_missing_any(struct axas_missing *missing);

#endif /* _AXAS_MISSING_H */
