/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock HAL: frames for the tests, with host-physical addresses that differ from the
 * kernel's. It counts, poisons, fails on demand and logs events in order. Errors (a double
 * free, an order or flags that differ from the allocation's, an address that it never
 * allocated, a write after free) fail the test in mock_hal_finish().
 *
 * May be called concurrently. Calls only Linux and the monitor.
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

/* The first frame: not a kernel address, and within the address bits of every format. */
#define MOCK_BASE	BIT_ULL(35)
#define MOCK_PHYS_BITS	40

/* Content of a frame allocated without AXAS_FRAME_ZERO, and of a freed one. */
#define MOCK_POISON_ALLOC	0xa5
#define MOCK_POISON_FREE	0xdb

/* Freed pages that are kept, to detect writes after free. */
#define MOCK_QUARANTINE		4096

#define MOCK_EVENTS	4096

enum mock_state {
	MOCK_OUT,	/* allocated */
	MOCK_FREED,	/* poisoned and on mock->freed */
	MOCK_SHARED,	/* freed, but the page has other references */
};

struct monitor;

/**
 * struct mock_page - 4 KiB that were allocated at least once
 * @node: on mock->freed
 * @page: the memory
 * @pfn: its page frame number
 * @state: enum mock_state
 * @order: order of its frame
 * @flags: AXAS_FRAME_* of its frame
 * @head: page frame number of the frame's first page
 * @monitor: the monitor of a linked table
 * @live: entry of the monitor's list of tables
 * @shadow: for a table, its content at the monitor's last check
 * @gpa: for a linked table, the first address that it maps
 * @level: for a linked table, its level
 * @used: for a linked table, it has had an entry
 * @maps: entries that map it, as of the monitor's last checks
 * @stale: former entries that are not flushed yet
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
	bool used;
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
 * struct mock_event - a logged event
 * @kind: enum mock_event_kind
 * @first: host-physical address of a frame or leaf; first gpa of a flush
 * @last: last gpa of a flush
 * @order: order of a frame; level of a leaf
 * @flags: AXAS_FRAME_* of a frame; for a flush, whether it covers tables
 */
struct mock_event {
	enum mock_event_kind kind;
	u64 first;
	u64 last;
	u32 order;
	u32 flags;
};

/**
 * struct mock_hal - a HAL, its knobs, and its records
 * @hal: the HAL for the code under test
 * @test: the test that it fails
 * @lock: protects all fields below except knobs
 * @pages: every 4 KiB ever allocated, by page frame number
 * @freed: freed pages, oldest first
 * @devices: host-physical ranges that window() maps
 * @monitors: the monitors of tables; see monitor.h
 * @waitq: threads waiting for each other in alloc_frame()
 *
 * @scattered: knob: no two frames are contiguous in host-physical memory
 * @reuse: knob: a frame of order 0 is the one freed last
 * @zero_address: knob: the next frame is at host-physical address 0
 * @nobody_changes: knob: tables are only read; the monitor need not check
 * @window_io: knob: device windows are I/O memory
 * @ram: knob: addresses from here on are kernel memory; 0: none
 *
 * @nr_freed: length of @freed
 * @next_pfn: page frame number of the next new frame
 * @attempts: calls of alloc_frame() so far
 * @fail_first: the first attempt that fails; 0: none
 * @fail_last: the last attempt that fails
 * @kill_at: the attempt in which the caller gets a SIGKILL, which it must not block; 0: none
 * @fail_one_in: one attempt in this many fails, at random; 0: none
 * @rnd: the random state for that
 * @failures: attempts that were made to fail
 * @starved: an attempt failed for lack of memory in Linux
 * @meet: threads that shall meet in alloc_frame() and have not arrived
 * @meet_flags: AXAS_FRAME_TABLE to meet in allocations of tables, 0 for guest frames
 * @meet_missed: a thread timed out waiting
 *
 * @frames: 4 KiB pages of allocated guest frames
 * @tables: 4 KiB pages of allocated tables
 * @windows: open windows
 * @windows_opened: windows requested so far
 * @fail_window: the number of the one to refuse; 0: none
 * @last_window: the last one opened
 * @cleaned: sum of the bytes of clean()
 * @last_cleaned: address of the last clean()
 * @fences: calls of fence()
 * @last_alloc: the address, order and flags of the last frame allocated
 * @errors: number of errors
 * @error: text of the first error
 * @log_events: whether events are logged
 * @nr_events: length of @events
 * @events: the log
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

/*
 * Whether a window may be I/O memory (@window_io). UML only emulates it: the window is plain memory
 * there.
 */
static inline bool mock_has_io(void)
{
#ifdef __KERNEL__
	return IS_ENABLED(CONFIG_HAS_IOMEM) && !IS_ENABLED(CONFIG_UML);
#else
	return true;
#endif
}

/* Record an error, which fails the test at its end. mock->lock held. */
__printf(2, 3) void mock_error(struct mock_hal *mock, const char *fmt, ...);

/* Whether the caller may sleep; true on kernels that cannot tell. */
static inline bool mock_may_sleep(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) && !preemptible())
		return false;
	return !IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC) || !rcu_read_lock_any_held();
}

/* NULL if out of memory. */
struct mock_hal *mock_hal_create(struct kunit *test);

/* Free everything; fail the test for leaks and for recorded errors. */
void mock_hal_finish(struct mock_hal *mock);

/*
 * Whether an error was recorded since the last call whose text contains @what. Clears the
 * errors, which then do not fail the test. For tests of the mock and the monitor.
 */
bool mock_hal_saw(struct mock_hal *mock, const char *what);

/* The @nth allocation from now on fails, once; 1 is the next. */
void mock_hal_fail_nth(struct mock_hal *mock, u64 nth);
/* @n more allocations succeed, then all fail. */
void mock_hal_fail_after(struct mock_hal *mock, u64 n);
/* One allocation in @one_in fails, at random. */
void mock_hal_fail_random(struct mock_hal *mock, u32 one_in, u64 seed);
/* Stop failing allocations. */
void mock_hal_fail_never(struct mock_hal *mock);

/* The @nth window requested from now on is refused, once; 0: none. */
void mock_hal_fail_window(struct mock_hal *mock, u64 nth);

/*
 * The next @threads threads that allocate a frame with AXAS_FRAME_TABLE as in @flags wait for
 * each other in alloc_frame(), so that they race on every run. If one does not arrive within a
 * second, meet_missed is set.
 */
void mock_hal_meet(struct mock_hal *mock, unsigned int threads, u32 flags);

/*
 * Add a device of @size bytes at @hpa for window(). Freed with the mock. Returns its zeroed
 * memory, or NULL if out of memory.
 */
u8 *mock_hal_add_device(struct mock_hal *mock, u64 hpa, size_t size);

/* The memory of an allocated frame, else NULL; unlike phys_to_virt() this is no error. */
void *mock_hal_peek(struct mock_hal *mock, u64 hpa);

/* Log an event; allocations and frees log themselves. */
void mock_hal_log(struct mock_hal *mock, const struct mock_event *event);
/* Clear the log, and log from now on. */
void mock_hal_start_log(struct mock_hal *mock);

/* Whether there is a @first event, and none after a @then event. */
bool mock_hal_ordered(struct mock_hal *mock, enum mock_event_kind first,
		      enum mock_event_kind then);
unsigned int mock_hal_count(struct mock_hal *mock, enum mock_event_kind kind);
/* The first event of its kind; a zeroed one if there is none. */
const struct mock_event *mock_hal_first(struct mock_hal *mock, enum mock_event_kind kind);

#endif /* _AXAS_KUNIT_MOCK_HAL_H */
