/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock HAL: frames for the tests, with a host-physical address of their own
 * that is never where the kernel sees them. It counts, poisons, fails on demand
 * and writes down what happened in which order. What it finds wrong (a double
 * free, another order or other flags than at the allocation, an address that it
 * never gave, a write after the free) fails the test at mock_hal_finish().
 *
 * May be called by several threads at once. Calls Linux alone.
 */
#ifndef _AXAS_KUNIT_MOCK_HAL_H
#define _AXAS_KUNIT_MOCK_HAL_H

#include <kunit/test.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <axas/hal.h>
#include <uapi/axas/axas.h>

/* Where its frames begin: no kernel address, and few enough bits for any format. */
#define MOCK_BASE	BIT_ULL(35)
#define MOCK_PHYS_BITS	40

/* What fills a frame that was not asked for zeroed, and one that was given back. */
#define MOCK_POISON_ALLOC	0xa5
#define MOCK_POISON_FREE	0xdb

/* Frames that were given back and are kept to see whether somebody writes there. */
#define MOCK_QUARANTINE		4096

#define MOCK_EVENTS	4096

enum mock_state {
	MOCK_OUT,	/* in use */
	MOCK_FREED,	/* poisoned and on mock->freed */
	MOCK_SHARED,	/* given back, but somebody holds a reference on the page */
};

struct monitor;

/**
 * struct mock_page - 4 KiB that were given once
 * @node: on mock->freed
 * @page: the memory
 * @pfn: its number
 * @state: see there
 * @order: of the frame that it is a part of
 * @flags: AXAS_FRAME_* of that frame
 * @head: number of that frame's first page
 * @monitor: of a table that is linked: who watches it
 * @live: on the monitor's list of tables
 * @shadow: of a table: what the monitor saw last in it
 * @gpa: of a linked table: first address that it maps
 * @level: of a linked table
 * @maps: entries that map it, as far as the monitor saw
 * @stale: entries that did, and were not flushed yet
 */
struct mock_page {
	struct list_head node;
	struct page *page;
	u64 pfn;
	enum mock_state state;
	unsigned int order;
	u32 flags;
	u64 head;
	struct monitor *monitor;
	struct list_head live;
	u64 *shadow;
	u64 gpa;
	unsigned int level;
	unsigned int maps;
	unsigned int stale;
};

static inline bool mock_page_is_out(const struct mock_page *mp)
{
	return mp->state == MOCK_OUT;
}

enum mock_event_kind {
	MOCK_EVENT_ALLOC,
	MOCK_EVENT_FREE,
	MOCK_EVENT_FLUSH,
	MOCK_EVENT_PUT_LEAF,
};

/**
 * struct mock_event - something that happened
 * @kind: what
 * @first: of a frame or leaf its host-physical address, of a flush its first gpa
 * @last: of a flush its last gpa
 * @order: of a frame; of a leaf its level
 * @flags: of a frame its AXAS_FRAME_*; of a flush whether tables go, too
 */
struct mock_event {
	enum mock_event_kind kind;
	u64 first;
	u64 last;
	u32 order;
	u32 flags;
};

/**
 * struct mock_hal - a HAL, what it was told, and what it saw
 * @hal: what the code under test is given
 * @test: the test that it fails
 * @lock: of all below that is not a knob
 * @pages: by page frame number, every 4 KiB that was ever given
 * @freed: what was given back, oldest first
 * @devices: host-physical ranges that window() reaches
 * @monitors: tables that are watched; see monitor.h
 * @waitq: where threads wait for each other in alloc_frame()
 *
 * @scattered: knob: no two frames follow each other in host-physical memory
 * @reuse: knob: a single frame is the one that was given back last
 * @zero_address: knob: the next frame is at host-physical address 0
 * @nobody_changes: knob: tables are only read meanwhile; the monitor need not look
 * @window_io: knob: device windows are given as I/O memory
 * @ram: knob: from here on all is the kernel's own memory; 0: nowhere
 *
 * @nr_freed: length of @freed
 * @next_pfn: where the next new frame goes
 * @attempts: calls of alloc_frame() so far
 * @fail_first: the first attempt that fails; 0: none
 * @fail_last: the last attempt that fails
 * @kill_at: the attempt in which the caller gets a SIGKILL, which it must allow; 0: none
 * @fail_one_in: one attempt in so many fails; 0: none
 * @rnd: which ones
 * @failures: attempts that were made to fail
 * @starved: one failed that was not made to: Linux had no memory
 * @meet: threads that are to meet in alloc_frame() and have not come yet
 * @meet_flags: AXAS_FRAME_TABLE when they are to meet at tables, else at frames
 * @meet_missed: one waited in vain
 *
 * @frames: 4 KiB pages of guest frames that are out
 * @tables: 4 KiB pages of tables that are out
 * @windows: windows that are open
 * @windows_opened: windows that were ever asked for
 * @fail_window: which of them is refused; 0: none
 * @last_window: the last one
 * @cleaned: bytes that clean() was called for
 * @last_cleaned: where, the last time
 * @fences: how often fence() was called
 * @last_alloc: the address, order and flags of the last frame given
 * @errors: how much was wrong
 * @error: what was wrong first
 * @log_events: whether events are written down
 * @nr_events: how many were
 * @events: the events
 */
struct mock_hal {
	struct axas_hal hal;
	struct kunit *test;
	raw_spinlock_t lock;	/* see above */
	struct xarray pages;
	struct list_head freed;
	struct list_head devices;
	struct list_head monitors;
	wait_queue_head_t waitq;

	bool scattered;
	bool reuse;
	bool zero_address;
	bool nobody_changes;
	bool window_io;
	u64 ram;

	unsigned int nr_freed;
	u64 next_pfn;
	u64 attempts;
	u64 fail_first;
	u64 fail_last;
	u64 kill_at;
	u32 fail_one_in;
	struct rnd_state rnd;
	u64 failures;
	bool starved;
	unsigned int meet;
	u32 meet_flags;
	bool meet_missed;

	long frames;
	long tables;
	long windows;
	u64 windows_opened;
	u64 fail_window;
	struct {
		u64 hpa;
		size_t bytes;
		u32 type;
	} last_window;
	u64 cleaned;
	void *last_cleaned;
	unsigned int fences;
	struct mock_event last_alloc;
	unsigned int errors;
	char error[120];
	bool log_events;
	unsigned int nr_events;
	struct mock_event events[MOCK_EVENTS];
};

/* Something is wrong: the test fails at the end. mock->lock held. */
__printf(2, 3) void mock_error(struct mock_hal *mock, const char *fmt, ...);

/* Whether a caller may sleep here; true where the kernel cannot tell. */
static inline bool mock_may_sleep(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) && !preemptible())
		return false;
	return !IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC) || !rcu_read_lock_any_held();
}

/* NULL when there is no memory. */
struct mock_hal *mock_hal_create(struct kunit *test);

/* Frees all and fails the test for whatever is still out or was wrong. */
void mock_hal_finish(struct mock_hal *mock);

/*
 * Whether something was wrong since the last call, and its text has @what in it; it is
 * forgotten, and does not fail the test. For tests of the mock and the monitor.
 */
bool mock_hal_saw(struct mock_hal *mock, const char *what);

/* The @nth attempt from now on fails, once. 1 is the next. */
void mock_hal_fail_nth(struct mock_hal *mock, u64 nth);
/* @n more attempts are served, then none. */
void mock_hal_fail_after(struct mock_hal *mock, u64 n);
/* One attempt in @one_in fails, by chance. */
void mock_hal_fail_random(struct mock_hal *mock, u32 one_in, u64 seed);
/* No attempt fails any more. */
void mock_hal_fail_never(struct mock_hal *mock);

/* The @nth window that is asked for from now on is refused, once; 0: none. */
void mock_hal_fail_window(struct mock_hal *mock, u64 nth);

/*
 * The next @threads threads that ask for a frame with AXAS_FRAME_TABLE as in
 * @flags wait for each other in alloc_frame(): so a race becomes certain. When
 * one does not come in a second, meet_missed is set.
 */
void mock_hal_meet(struct mock_hal *mock, unsigned int threads, u32 flags);

/*
 * A device of @size bytes at @hpa that window() reaches. Lives as long as the
 * mock. Returns its memory, all zero; NULL when there is none.
 */
u8 *mock_hal_add_device(struct mock_hal *mock, u64 hpa, size_t size);

/* The memory of a frame that is out, else NULL; unlike phys_to_virt() no error. */
void *mock_hal_peek(struct mock_hal *mock, u64 hpa);

/* Write an event down; done for allocations and frees without being asked. */
void mock_hal_log(struct mock_hal *mock, const struct mock_event *event);
/* Forget what was written down, and write down from now on. */
void mock_hal_start_log(struct mock_hal *mock);

/* Whether @first happened at all, and each of it before any @then. */
bool mock_hal_ordered(struct mock_hal *mock, enum mock_event_kind first,
		      enum mock_event_kind then);
unsigned int mock_hal_count(struct mock_hal *mock, enum mock_event_kind kind);
/* The first of its kind; one of all zeroes when there was none. */
const struct mock_event *mock_hal_first(struct mock_hal *mock, enum mock_event_kind kind);

#endif /* _AXAS_KUNIT_MOCK_HAL_H */
