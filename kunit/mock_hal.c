// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock HAL; see mock_hal.h. Each 4 KiB that it ever allocated has a struct mock_page,
 * found by page frame number. The mock keeps a reference on the page until it leaves the
 * quarantine, so that errors with a freed frame corrupt no other memory. Calls only Linux and
 * the monitor; mock->lock is a leaf lock.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "mock_hal.h"
#include "monitor.h"

static_assert(PAGE_SIZE == AXAS_FRAME_SIZE);

struct mock_device {
	struct list_head node;
	u64 hpa;
	size_t size;
	u8 *mem;
};

static struct mock_hal *to_mock(const struct axas_hal *hal)
{
	return container_of(hal, struct mock_hal, hal);
}

/* Keep only the first text: later errors are mostly its consequences. */
__printf(2, 3) void mock_error(struct mock_hal *mock, const char *fmt, ...)
{
	va_list args;

	lockdep_assert_held(&mock->lock);
	if (!mock->errors++) {
		va_start(args, fmt);
		vsnprintf(mock->error, sizeof(mock->error), fmt, args);
		va_end(args);
	}
}

static void mock_log_locked(struct mock_hal *mock, const struct mock_event *event)
{
	lockdep_assert_held(&mock->lock);
	if (mock->log_events && mock->nr_events < MOCK_EVENTS)
		mock->events[mock->nr_events++] = *event;
}

void mock_hal_log(struct mock_hal *mock, const struct mock_event *event)
{
	raw_spin_lock(&mock->lock);
	mock_log_locked(mock, event);
	raw_spin_unlock(&mock->lock);
}

void mock_hal_start_log(struct mock_hal *mock)
{
	raw_spin_lock(&mock->lock);
	mock->nr_events = 0;
	mock->log_events = true;
	raw_spin_unlock(&mock->lock);
}

unsigned int mock_hal_count(struct mock_hal *mock, enum mock_event_kind kind)
{
	unsigned int i, n = 0;

	for (i = 0; i < mock->nr_events; i++)
		n += mock->events[i].kind == kind;
	return n;
}

const struct mock_event *mock_hal_first(struct mock_hal *mock, enum mock_event_kind kind)
{
	static const struct mock_event none;
	unsigned int i;

	for (i = 0; i < mock->nr_events; i++)
		if (mock->events[i].kind == kind)
			return &mock->events[i];
	return &none;
}

bool mock_hal_ordered(struct mock_hal *mock, enum mock_event_kind first,
		      enum mock_event_kind then)
{
	bool seen_first = false, seen_then = false;
	unsigned int i;

	for (i = 0; i < mock->nr_events; i++) {
		if (mock->events[i].kind == first && seen_then)
			return false;
		seen_first |= mock->events[i].kind == first;
		seen_then |= mock->events[i].kind == then;
	}
	return seen_first;
}

void mock_hal_fail_nth(struct mock_hal *mock, u64 nth)
{
	raw_spin_lock(&mock->lock);
	mock->fail_first = mock->attempts + nth;
	mock->fail_last = mock->fail_first;
	mock->failures = 0;
	raw_spin_unlock(&mock->lock);
}

void mock_hal_fail_after(struct mock_hal *mock, u64 n)
{
	raw_spin_lock(&mock->lock);
	mock->fail_first = mock->attempts + n + 1;
	mock->fail_last = U64_MAX;
	mock->failures = 0;
	raw_spin_unlock(&mock->lock);
}

void mock_hal_fail_random(struct mock_hal *mock, u32 one_in, u64 seed)
{
	raw_spin_lock(&mock->lock);
	prandom_seed_state(&mock->rnd, seed);
	mock->fail_one_in = one_in;
	mock->failures = 0;
	raw_spin_unlock(&mock->lock);
}

void mock_hal_fail_never(struct mock_hal *mock)
{
	raw_spin_lock(&mock->lock);
	mock->fail_first = 0;
	mock->fail_one_in = 0;
	raw_spin_unlock(&mock->lock);
}

void mock_hal_fail_window(struct mock_hal *mock, u64 nth)
{
	raw_spin_lock(&mock->lock);
	mock->fail_window = nth ? mock->windows_opened + nth : 0;
	raw_spin_unlock(&mock->lock);
}

/* Count an attempt to allocate, and whether it shall fail. */
static bool mock_attempt_fails(struct mock_hal *mock)
{
	bool fails, kills;

	raw_spin_lock(&mock->lock);
	mock->attempts++;
	kills = mock->attempts == mock->kill_at;
	fails = mock->fail_first && mock->attempts >= mock->fail_first &&
		mock->attempts <= mock->fail_last;
	if (mock->fail_one_in && prandom_u32_state(&mock->rnd) % mock->fail_one_in == 0)
		fails = true;
	mock->failures += fails;
	raw_spin_unlock(&mock->lock);
	if (kills)
		send_sig(SIGKILL, current, 1);
	return fails;
}

void mock_hal_meet(struct mock_hal *mock, unsigned int threads, u32 flags)
{
	raw_spin_lock(&mock->lock);
	mock->meet = threads;
	mock->meet_flags = flags;
	mock->meet_missed = false;
	raw_spin_unlock(&mock->lock);
}

static void mock_wait_for_others(struct mock_hal *mock, u32 flags)
{
	bool come = false, last = false;

	raw_spin_lock(&mock->lock);
	if (mock->meet && (flags & AXAS_FRAME_TABLE) == mock->meet_flags) {
		come = true;
		last = !--mock->meet;
	}
	raw_spin_unlock(&mock->lock);
	if (last)
		wake_up_all(&mock->waitq);
	if (!come || wait_event_timeout(mock->waitq, !READ_ONCE(mock->meet), HZ))
		return;
	raw_spin_lock(&mock->lock);
	mock->meet_missed = true;
	mock->meet = 0;
	raw_spin_unlock(&mock->lock);
	wake_up_all(&mock->waitq);
}

/* Page frame number for a new frame. The caller under test must refuse 0. */
static u64 mock_new_pfn(struct mock_hal *mock, unsigned int order)
{
	u64 pfn;

	lockdep_assert_held(&mock->lock);
	if (mock->zero_address) {
		mock->zero_address = false;
		return 0;
	}
	pfn = round_up(mock->next_pfn, 1ull << order);
	mock->next_pfn = pfn + (1ull << order) + mock->scattered;
	return pfn;
}

static void mock_page_give(struct mock_hal *mock, struct mock_page *mp, u64 head,
			   unsigned int order, u32 flags)
{
	mp->state = MOCK_OUT;
	mp->order = order;
	mp->flags = flags;
	mp->head = head;
	mp->maps = 0;
	mp->stale = 0;
	memset(page_address(mp->page), flags & AXAS_FRAME_ZERO ? 0 : MOCK_POISON_ALLOC,
	       PAGE_SIZE);
}

/* With the knob @reuse: the page freed last, for a frame of order 0. */
static bool mock_reuse(struct mock_hal *mock, unsigned int order, u32 flags, u64 *pfn)
{
	struct mock_page *mp;

	lockdep_assert_held(&mock->lock);
	if (!mock->reuse || order || mock->zero_address || list_empty(&mock->freed))
		return false;
	mp = list_last_entry(&mock->freed, struct mock_page, node);
	list_del(&mp->node);
	mock->nr_freed--;
	*pfn = mp->pfn;
	mock_page_give(mock, mp, mp->pfn, 0, flags);
	return true;
}

static gfp_t mock_gfp(u32 flags)
{
	return flags & AXAS_FRAME_NOWAIT ? GFP_NOWAIT : GFP_KERNEL;
}

static int mock_add_page(struct mock_hal *mock, struct page *page, u64 pfn, u64 head,
			 unsigned int order, u32 flags)
{
	struct mock_page *mp = kzalloc(sizeof(*mp), mock_gfp(flags));

	if (!mp)
		return -ENOMEM;
	mp->page = page;
	mp->pfn = pfn;
	set_page_private(page, pfn);
	mock_page_give(mock, mp, head, order, flags);
	if (xa_err(xa_store(&mock->pages, pfn, mp, mock_gfp(flags)))) {
		kfree(mp);
		return -ENOMEM;
	}
	return 0;
}

/* Allocate room for the monitor's copy of each page of a table. */
static int mock_add_shadows(struct mock_hal *mock, u64 pfn, unsigned int order, u32 flags)
{
	struct mock_page *mp;
	u64 i;

	for (i = 0; flags & AXAS_FRAME_TABLE && i < 1ull << order; i++) {
		mp = xa_load(&mock->pages, pfn + i);
		if (!mp->shadow)
			mp->shadow = kmalloc(PAGE_SIZE, mock_gfp(flags));
		if (!mp->shadow)
			return -ENOMEM;
	}
	return 0;
}

/* If memory for a frame runs out halfway, its first pages stay until the end. */
static int mock_add_frame(struct mock_hal *mock, unsigned int order, u32 flags, u64 *pfn)
{
	struct page *page = alloc_pages(mock_gfp(flags) | __GFP_NOWARN, order);
	u64 i;

	if (!page)
		return -ENOMEM;
	split_page(page, order);
	raw_spin_lock(&mock->lock);
	*pfn = mock_new_pfn(mock, order);
	raw_spin_unlock(&mock->lock);
	for (i = 0; i < 1ull << order; i++)
		if (mock_add_page(mock, page + i, *pfn + i, *pfn, order, flags))
			break;
	if (i == 1ull << order)
		return 0;
	for (; i < 1ull << order; i++)
		put_page(page + i);
	return -ENOMEM;
}

static void mock_count(struct mock_hal *mock, u32 flags, long pages)
{
	lockdep_assert_held(&mock->lock);
	if (flags & AXAS_FRAME_TABLE)
		mock->tables += pages;
	else
		mock->frames += pages;
}

/* Detect sleeping in a section, which not all kernels report, and User Mode Linux never. */
static bool mock_check_may_sleep(struct mock_hal *mock)
{
	if (mock_may_sleep()) {
		might_sleep();
		return true;
	}
	raw_spin_lock(&mock->lock);
	mock_error(mock, "a frame is waited for in a read-side section");
	raw_spin_unlock(&mock->lock);
	return false;
}

static int mock_alloc_frame(const struct axas_hal *hal, unsigned int order, u32 flags,
			    struct axas_hpa *hpa)
{
	struct mock_hal *mock = to_mock(hal);
	bool reused;
	u64 pfn;

	if (!(flags & AXAS_FRAME_NOWAIT)) {
		if (!mock_check_may_sleep(mock))
			return -ENOMEM;
		mock_wait_for_others(mock, flags);
	}
	if (mock_attempt_fails(mock))
		return -ENOMEM;
	raw_spin_lock(&mock->lock);
	reused = mock_reuse(mock, order, flags, &pfn);
	raw_spin_unlock(&mock->lock);
	if ((!reused && mock_add_frame(mock, order, flags, &pfn)) ||
	    mock_add_shadows(mock, pfn, order, flags)) {
		WRITE_ONCE(mock->starved, true);
		return -ENOMEM;
	}
	raw_spin_lock(&mock->lock);
	if (flags & ~(AXAS_FRAME_ZERO | AXAS_FRAME_TABLE | AXAS_FRAME_NOWAIT))
		mock_error(mock, "alloc_frame() with unknown flags %#x", flags);
	mock_count(mock, flags, 1l << order);
	mock->last_alloc = (struct mock_event){ MOCK_EVENT_ALLOC, PFN_PHYS(pfn), 0,
						order, flags };
	mock_log_locked(mock, &mock->last_alloc);
	raw_spin_unlock(&mock->lock);
	*hpa = axas_hpa(PFN_PHYS(pfn));
	return 0;
}

static void mock_check_poison(struct mock_hal *mock, struct mock_page *mp)
{
	lockdep_assert_held(&mock->lock);
	if (memchr_inv(page_address(mp->page), MOCK_POISON_FREE, PAGE_SIZE))
		mock_error(mock, "frame %#llx was written after its free",
			   (u64)PFN_PHYS(mp->pfn));
}

static void mock_page_drop(struct mock_hal *mock, struct mock_page *mp)
{
	xa_erase(&mock->pages, mp->pfn);
	set_page_private(mp->page, 0);
	put_page(mp->page);
	kfree(mp->shadow);
	kfree(mp);
}

/* Take the oldest page from the quarantine if that is full. */
static struct mock_page *mock_expire(struct mock_hal *mock)
{
	struct mock_page *mp;

	lockdep_assert_held(&mock->lock);
	if (mock->nr_freed <= MOCK_QUARANTINE)
		return NULL;
	mp = list_first_entry(&mock->freed, struct mock_page, node);
	list_del(&mp->node);
	mock->nr_freed--;
	mock_check_poison(mock, mp);
	return mp;
}

static void mock_page_take_back(struct mock_hal *mock, struct mock_page *mp)
{
	lockdep_assert_held(&mock->lock);
	if (page_count(mp->page) > 1) {
		mp->state = MOCK_SHARED;
		return;
	}
	mp->state = MOCK_FREED;
	memset(page_address(mp->page), MOCK_POISON_FREE, PAGE_SIZE);
	list_add_tail(&mp->node, &mock->freed);
	mock->nr_freed++;
}

/* Whether a page may be freed as part of this frame. Guest frames may be freed in pieces. */
static bool mock_may_free(struct mock_hal *mock, struct mock_page *mp, u64 head,
			  unsigned int order, u32 flags)
{
	const char *what = NULL;

	lockdep_assert_held(&mock->lock);
	if (!mp)
		what = "was never given";
	else if (mp->state != MOCK_OUT)
		what = "is freed twice";
	else if ((mp->flags ^ flags) & AXAS_FRAME_TABLE)
		what = "is freed with other flags";
	else if ((flags & AXAS_FRAME_TABLE) && (mp->order != order || mp->head != head))
		what = "is freed with another order";
	if (what)
		mock_error(mock, "frame %#llx %s (order %u flags %#x)",
			   (u64)PFN_PHYS(head), what, order, flags);
	return !what;
}

static void mock_free_frame(const struct axas_hal *hal, struct axas_hpa hpa,
			    unsigned int order, u32 flags)
{
	struct mock_event event = { MOCK_EVENT_FREE, hpa.val, 0, order, flags };
	struct mock_hal *mock = to_mock(hal);
	u64 pfn = PHYS_PFN(hpa.val), i;
	struct mock_page *mp, *old;

	might_sleep();
	raw_spin_lock(&mock->lock);
	mock_log_locked(mock, &event);
	if (!IS_ALIGNED(hpa.val, AXAS_FRAME_SIZE << order))
		mock_error(mock, "frame %#llx is not aligned", hpa.val);
	raw_spin_unlock(&mock->lock);
	for (i = 0; i < 1ull << order; i++) {
		raw_spin_lock(&mock->lock);
		mp = xa_load(&mock->pages, pfn + i);
		if (mock_may_free(mock, mp, pfn, order, flags)) {
			monitor_freed(mock, mp);
			mock_page_take_back(mock, mp);
			mock_count(mock, flags, -1);
		}
		old = mock_expire(mock);
		raw_spin_unlock(&mock->lock);
		if (old)
			mock_page_drop(mock, old);
	}
}

void *mock_hal_peek(struct mock_hal *mock, u64 hpa)
{
	struct mock_page *mp = xa_load(&mock->pages, PHYS_PFN(hpa));

	if (!mp || mp->state != MOCK_OUT)
		return NULL;
	return page_address(mp->page) + offset_in_page(hpa);
}

/* Accessing a frame that is not allocated is an error, and finds poison. */
static void *mock_phys_to_virt(const struct axas_hal *hal, struct axas_hpa hpa)
{
	struct mock_hal *mock = to_mock(hal);
	struct mock_page *mp = xa_load(&mock->pages, PHYS_PFN(hpa.val));

	raw_spin_lock(&mock->lock);
	if (!mp || mp->state != MOCK_OUT)
		mock_error(mock, "%#llx is reached, but no frame is there", hpa.val);
	else
		monitor_reached(mock, mp);
	raw_spin_unlock(&mock->lock);
	return mp ? page_address(mp->page) + offset_in_page(hpa.val) : NULL;
}

static struct axas_hpa mock_virt_to_phys(const struct axas_hal *hal, const void *va)
{
	struct mock_hal *mock = to_mock(hal);
	struct mock_page *mp = NULL;
	struct page *page;

	if (virt_addr_valid(va)) {
		page = virt_to_page(va);
		mp = xa_load(&mock->pages, page_private(page));
		if (mp && mp->page == page)
			return axas_hpa(PFN_PHYS(mp->pfn) + offset_in_page(va));
	}
	raw_spin_lock(&mock->lock);
	mock_error(mock, "virt_to_phys() of an address that is in no frame");
	raw_spin_unlock(&mock->lock);
	return axas_hpa(0);
}

static struct page *mock_frame_page(const struct axas_hal *hal, struct axas_hpa hpa)
{
	struct mock_hal *mock = to_mock(hal);
	struct mock_page *mp = xa_load(&mock->pages, PHYS_PFN(hpa.val));

	if (mp && mp->state == MOCK_OUT && !(mp->flags & AXAS_FRAME_TABLE))
		return mp->page;
	raw_spin_lock(&mock->lock);
	mock_error(mock, "frame_page() of %#llx, where no guest frame is", hpa.val);
	raw_spin_unlock(&mock->lock);
	return NULL;
}

u8 *mock_hal_add_device(struct mock_hal *mock, u64 hpa, size_t size)
{
	struct mock_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev)
		return NULL;
	dev->mem = vzalloc(size);
	if (!dev->mem) {
		kfree(dev);
		return NULL;
	}
	dev->hpa = hpa;
	dev->size = size;
	list_add(&dev->node, &mock->devices);
	return dev->mem;
}

static void *mock_device_at(struct mock_hal *mock, u64 hpa, size_t bytes)
{
	struct mock_device *dev;

	list_for_each_entry(dev, &mock->devices, node)
		if (hpa >= dev->hpa && hpa - dev->hpa < dev->size &&
		    bytes <= dev->size - (hpa - dev->hpa))
			return dev->mem + (hpa - dev->hpa);
	return NULL;
}

static int mock_window(const struct axas_hal *hal, struct axas_hpa hpa, size_t bytes,
		       u32 type, struct axas_window *window)
{
	struct mock_hal *mock = to_mock(hal);
	void *mem = mock_device_at(mock, hpa.val, bytes);
	bool fails;

	might_sleep();
	raw_spin_lock(&mock->lock);
	fails = ++mock->windows_opened == mock->fail_window;
	raw_spin_unlock(&mock->lock);
	if (fails || !mem)
		return fails ? -ENOMEM : -EOPNOTSUPP;
	raw_spin_lock(&mock->lock);
	if (!bytes || (offset_in_page(hpa.val) + bytes > PAGE_SIZE &&
		       (type != AXAS_TYPE_NORMAL || bytes > hal->window_bytes)))
		mock_error(mock, "a window of %zu bytes at %#llx", bytes, hpa.val);
	mock->windows++;
	mock->last_window.hpa = hpa.val;
	mock->last_window.bytes = bytes;
	mock->last_window.type = type;
	raw_spin_unlock(&mock->lock);
	*window = (struct axas_window){ .va = mem, .handle = mem };
	if (mock->window_io && type == AXAS_TYPE_DEVICE) {
		window->va = NULL;
		window->io = (void __iomem __force *)mem;
	}
	return 0;
}

static void mock_close_window(const struct axas_hal *hal, struct axas_window *window)
{
	struct mock_hal *mock = to_mock(hal);

	might_sleep();
	raw_spin_lock(&mock->lock);
	if (!window->handle || !mock->windows)
		mock_error(mock, "close_window() of a window that is not open");
	else
		mock->windows--;
	raw_spin_unlock(&mock->lock);
	window->handle = NULL;
}

static void mock_clean(const struct axas_hal *hal, void *va, size_t bytes)
{
	struct mock_hal *mock = to_mock(hal);

	raw_spin_lock(&mock->lock);
	mock->cleaned += bytes;
	mock->last_cleaned = va;
	raw_spin_unlock(&mock->lock);
}

static void mock_fence(const struct axas_hal *hal)
{
	struct mock_hal *mock = to_mock(hal);

	raw_spin_lock(&mock->lock);
	mock->fences++;
	raw_spin_unlock(&mock->lock);
}

static bool mock_is_ram(const struct axas_hal *hal, struct axas_hpa hpa, u64 bytes)
{
	struct mock_hal *mock = to_mock(hal);

	return mock->ram && hpa.val + (bytes - 1) >= mock->ram;
}

static const struct axas_hal mock_ops = {
	.name		= "mock",
	.phys_bits	= MOCK_PHYS_BITS,
	.alloc_frame	= mock_alloc_frame,
	.free_frame	= mock_free_frame,
	.phys_to_virt	= mock_phys_to_virt,
	.virt_to_phys	= mock_virt_to_phys,
	.frame_page	= mock_frame_page,
	.clean		= mock_clean,
	.fence		= mock_fence,
	.is_ram		= mock_is_ram,
	.window		= mock_window,
	.close_window	= mock_close_window,
};

struct mock_hal *mock_hal_create(struct kunit *test)
{
	struct mock_hal *mock = kvzalloc(sizeof(*mock), GFP_KERNEL);

	if (!mock)
		return NULL;
	mock->hal = mock_ops;
	mock->test = test;
	mock->next_pfn = PHYS_PFN(MOCK_BASE);
	raw_spin_lock_init(&mock->lock);
	xa_init(&mock->pages);
	INIT_LIST_HEAD(&mock->freed);
	INIT_LIST_HEAD(&mock->devices);
	INIT_LIST_HEAD(&mock->monitors);
	init_waitqueue_head(&mock->waitq);
	return mock;
}

static void mock_free_all(struct mock_hal *mock)
{
	struct mock_device *dev, *next;
	struct mock_page *mp;
	unsigned long pfn;

	xa_for_each(&mock->pages, pfn, mp)
		mock_page_drop(mock, mp);
	xa_destroy(&mock->pages);
	list_for_each_entry_safe(dev, next, &mock->devices, node) {
		vfree(dev->mem);
		kfree(dev);
	}
	kvfree(mock);
}

bool mock_hal_saw(struct mock_hal *mock, const char *what)
{
	bool saw;

	raw_spin_lock(&mock->lock);
	saw = mock->errors && strstr(mock->error, what);
	mock->errors = 0;
	raw_spin_unlock(&mock->lock);
	return saw;
}

void mock_hal_finish(struct mock_hal *mock)
{
	struct kunit *test = mock->test;
	struct mock_page *mp;

	raw_spin_lock(&mock->lock);
	list_for_each_entry(mp, &mock->freed, node)
		mock_check_poison(mock, mp);
	raw_spin_unlock(&mock->lock);
	KUNIT_EXPECT_EQ_MSG(test, mock->errors, 0u, "%s", mock->error);
	KUNIT_EXPECT_EQ_MSG(test, mock->frames, 0l, "frames leaked");
	KUNIT_EXPECT_EQ_MSG(test, mock->tables, 0l, "tables leaked");
	KUNIT_EXPECT_EQ_MSG(test, mock->windows, 0l, "windows left open");
	mock_free_all(mock);
}
