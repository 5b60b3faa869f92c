// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HAL of Linux: the page allocator, the direct map, and ioremap() or
 * memremap() for the windows of linear areas. Calls axas_stock.c.
 *
 * Guest frames come in blocks, which are allocated, charged and freed as one: 2 MiB for a
 * large leaf, up to 256 KiB for populate, 64 KiB for the stock that serves faults. A block
 * stays whole until somebody needs a piece of it: one that is freed alone, or that is to
 * have a reference count of its own. The block says so itself: its first page's private
 * field is its order, and the others have no references while it is whole.
 *
 * Locks: split_locks, for whoever looks at a block of which others have pieces.
 */
#ifdef CONFIG_ARM64
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#endif
#include <linux/cacheflush.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>
#include <linux/spinlock.h>
#include <axas/frame.h>
#include <uapi/axas/axas.h>

#include "axas_compat.h"
#include "axas_stock.h"

/* A frame is a page. */
static_assert(PAGE_SIZE == AXAS_FRAME_SIZE);

/* MAXPHYADDR, PARange; where no such number is known, as much as entries can say. */
static unsigned int host_phys_bits(void)
{
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
	return boot_cpu_data.x86_phys_bits;
#elif defined(CONFIG_ARM64)
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);

	return id_aa64mmfr0_parange_to_phys_shift(mmfr0 & 0xf);
#else
	return 56;
#endif
}

unsigned int axas_hal_phys_bits(const struct axas_hal *hal)
{
	return hal->phys_bits ?: host_phys_bits();
}
EXPORT_SYMBOL_AXAS(axas_hal_phys_bits);

static void account_table(struct page *page, unsigned int order, int sign)
{
	mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, sign * (1 << order));
}

#ifdef CONFIG_ARM64
#define CTR_DMINLINE_SHIFT	16	/* log2 of words. Arm DDI 0487, D23.2.34 */
#define CTR_L1IP_SHIFT		14	/* 3: PIPT; else another address may name a line, too */
#define CTR_L1IP_PIPT		3

/*
 * Data caches to the point where instructions are fetched from; and no instruction cache
 * keeps what was there before, under whatever guest address. Arm DDI 0487, D7.5.
 */
static void sync_code(unsigned long start, unsigned long end)
{
	u64 ctr = read_sanitised_ftr_reg(SYS_CTR_EL0);

	caches_clean_inval_pou(start, end);
	if ((ctr >> CTR_L1IP_SHIFT & 3) != CTR_L1IP_PIPT)
		icache_inval_all_pou();
}

/*
 * A guest may turn its caches off, and then sees what is behind them: the zeroes must be
 * there, not what was in the frame before, unless stage 2 keeps it from that (FEAT_S2FWB).
 * Nor may an instruction cache hold what once was code.
 */
static void clean_for_guest(struct page *page, unsigned int order)
{
	unsigned long start = (unsigned long)page_address(page), va;
	unsigned long end = start + (PAGE_SIZE << order), line;

	if (!cpus_have_final_cap(ARM64_HAS_STAGE2_FWB)) {
		line = 4ul << (read_sanitised_ftr_reg(SYS_CTR_EL0) >> CTR_DMINLINE_SHIFT & 0xf);
		for (va = start; va < end; va += line)
			asm volatile("dc civac, %0" : : "r" (va) : "memory");
		dsb(sy);
	}
	sync_code(start, end);
}

static void linux_clean(const struct axas_hal *hal, void *va, size_t bytes)
{
	sync_code((unsigned long)va, (unsigned long)va + bytes);
}
#else
static void clean_for_guest(struct page *page, unsigned int order)
{
}

#define linux_clean	NULL
#endif

#ifdef CONFIG_RISCV
/* FENCE.I is for one hart, and for all addresses. RISC-V Unprivileged, Zifencei. */
static void linux_fence(const struct axas_hal *hal)
{
	flush_icache_all();
}
#else
#define linux_fence	NULL
#endif

/*
 * Whoever asks can be told that there is none, and no OOM killer would know whom to kill:
 * guest memory is in no task's count. So it is not woken, neither for the machine nor for
 * a memory cgroup (__GFP_RETRY_MAYFAIL); a larger frame is not even tried hard for.
 */
static gfp_t frame_gfp(unsigned int order, u32 flags)
{
	gfp_t gfp = __GFP_ACCOUNT | __GFP_NOWARN;

	if (flags & AXAS_FRAME_ZERO)
		gfp |= __GFP_ZERO;
	if (flags & AXAS_FRAME_NOWAIT)
		return gfp | GFP_NOWAIT;
	if (order && !(flags & AXAS_FRAME_TABLE))
		return gfp | GFP_KERNEL | __GFP_NORETRY;
	return gfp | GFP_KERNEL | __GFP_RETRY_MAYFAIL;
}

/*
 * For a block of which smaller ones do as well: what is free now, without the reserves. The
 * caller reclaims nothing for it, neither for the machine nor for a memory cgroup, and does
 * not sleep; kswapd and kcompactd may be woken.
 */
static gfp_t block_gfp(u32 flags)
{
	return frame_gfp(0, flags | AXAS_FRAME_NOWAIT) | __GFP_NOMEMALLOC;
}

/* The largest block that there may be, and that of populate. */
#define MAX_BLOCK_ORDER		((unsigned int)ilog2(MAX_ORDER_NR_PAGES))
#define POPULATE_ORDER		6u

/*
 * Where there was none of an order, none is tried again for a while: the kernel clears a block
 * before it finds that a cgroup may not have it.
 */
#define RETRY_JIFFIES		(HZ / 10 + 1)

/**
 * struct block_hint - what one CPU knows of blocks
 * @order: there was none that is larger
 * @until: when that is forgotten, in jiffies
 */
struct block_hint {
	unsigned int order;
	unsigned long until;
};

static DEFINE_PER_CPU(struct block_hint, block_hints) = { .order = ~0u };

#define SPLIT_LOCKS		64
static raw_spinlock_t split_locks[SPLIT_LOCKS] = {
	[0 ... SPLIT_LOCKS - 1] = __RAW_SPIN_LOCK_UNLOCKED(split_locks),
};

static raw_spinlock_t *split_lock(const struct page *page)
{
	return &split_locks[(page_to_pfn(page) >> MAX_BLOCK_ORDER) % SPLIT_LOCKS];
}

/* A block of guest frames. Address 0 is how a leaf that is not there looks. */
static struct page *alloc_block(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	if (unlikely(!page))
		return NULL;
	if (unlikely(!page_to_pfn(page))) {
		__free_pages(page, order);
		return NULL;
	}
	set_page_private(page, order);
	clean_for_guest(page, order);
	return page;
}

/* The largest block that is worth a try; only a hint, which another CPU's may replace. */
static unsigned int order_to_try(unsigned int order)
{
	struct block_hint *hint = raw_cpu_ptr(&block_hints);

	if (likely(READ_ONCE(hint->order) >= order))
		return order;
	if (time_before(jiffies, READ_ONCE(hint->until)))
		return READ_ONCE(hint->order);
	WRITE_ONCE(hint->order, ~0u);
	return order;
}

static void no_block_of(unsigned int order)
{
	struct block_hint *hint = raw_cpu_ptr(&block_hints);

	WRITE_ONCE(hint->order, order - 1);
	WRITE_ONCE(hint->until, jiffies + RETRY_JIFFIES);
}

/* A block of @order that is to be had at once. */
static struct page *try_block(u32 flags, unsigned int order)
{
	struct page *page = alloc_block(block_gfp(flags), order);

	if (unlikely(!page))
		no_block_of(order);
	return page;
}

/* The first page of the block that a page is in, and its order. */
static struct page *block_of(struct page *page, unsigned int *order)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned int bits;

	/* It lies at a multiple of its size, and all that follow it have no references. */
	for (bits = 1; !page_ref_count(page) && bits <= MAX_BLOCK_ORDER; bits++)
		page = pfn_to_page(pfn & ~((1ul << bits) - 1));
	*order = page_private(page);
	return page;
}

/* Each page is a block of its own from here on. */
static void split_block(struct page *page, unsigned int order)
{
	unsigned long i;

	split_page(page, order);
	/* The field of the others is what somebody has left there. */
	for (i = 0; i < 1ul << order; i++)
		set_page_private(page + i, 0);
}

/* Split the block that a page is in, unless all of it lies from @first to before @end. */
static void split_across(struct page *page, unsigned long first, unsigned long end)
{
	raw_spinlock_t *lock = split_lock(page);
	unsigned int order;
	unsigned long pfn;

	raw_spin_lock(lock);
	page = block_of(page, &order);
	pfn = page_to_pfn(page);
	if (order && (pfn < first || pfn + (1ul << order) > end))
		split_block(page, order);
	raw_spin_unlock(lock);
}

/*
 * Whether a block shall not go as a whole. The page allocator keeps pages that hardware has lost
 * (memory_failure()) from others only if they come alone; and who passes by
 * (get_page_unless_zero()) would give back the charge of a page alone. Who comes after this
 * look is not seen: nobody does to pages of the kernel.
 */
static bool must_be_split(struct page *page, unsigned int order)
{
	unsigned long i __maybe_unused;

	if (page_ref_count(page) != 1)
		return true;
#ifdef CONFIG_MEMORY_FAILURE
#pragma GCC unroll 8
	for (i = 0; i < 1ul << order; i++)
		if (PageHWPoison(page + i))
			return true;
#endif
	return false;
}

/*
 * Pages that follow each other go back, all of which are the caller's. Blocks that lie
 * between them are whole ones or pages; of those at the ends others may have pieces.
 */
void axas_linux_free(struct page *page, unsigned long nr)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + nr;
	unsigned int order;

	split_across(page, pfn, end);
	if (nr > 1)
		split_across(pfn_to_page(end - 1), pfn, end);
	for (; pfn < end; pfn += 1ul << order) {
		page = pfn_to_page(pfn);
		order = page_private(page);
		if (order && unlikely(must_be_split(page, order))) {
			split_block(page, order);
			order = 0;
		}
		set_page_private(page, 0);
		__free_pages(page, order);
	}
}

/* A zeroed frame out of a new block, the rest of which the stock gets. */
static struct page *alloc_from_block(u32 flags)
{
	const void *payer = axas_stock_payer();
	struct page *page;

	if (payer == AXAS_STOCK_NOBODY || order_to_try(AXAS_STOCK_ORDER) != AXAS_STOCK_ORDER)
		return NULL;
	page = try_block(flags, AXAS_STOCK_ORDER);
	if (page)
		axas_stock_put(page + 1, (1u << AXAS_STOCK_ORDER) - 1, payer);
	return page;
}

static struct page *alloc_one(u32 flags)
{
	struct page *page = NULL;

	if (flags & AXAS_FRAME_ZERO)
		page = alloc_from_block(flags);
	page = page ?: alloc_block(frame_gfp(0, flags), 0);
	/* What lies in stock may be all that is missing. */
	if (unlikely(!page) && !(flags & AXAS_FRAME_NOWAIT) && axas_stock_drain())
		page = alloc_block(frame_gfp(0, flags), 0);
	return page;
}

bool axas_linux_alloc(u32 flags, struct axas_hpa *hpa)
{
	struct page *page = alloc_one(flags);

	if (unlikely(!page))
		return false;
	*hpa = axas_hpa(page_to_phys(page));
	return true;
}

/* The stock is of zeroes: what is to be overwritten needs none. */
static bool alloc_small(u32 flags, struct axas_hpa *hpa)
{
	if (flags & AXAS_FRAME_ZERO && axas_stock_get(hpa))
		return true;
	return axas_linux_alloc(flags, hpa);
}

static int alloc_table(unsigned int order, u32 flags, struct axas_hpa *hpa)
{
	struct page *page = alloc_pages(frame_gfp(order, flags), order);

	if (unlikely(!page) && axas_stock_drain())
		page = alloc_pages(frame_gfp(order, flags), order);
	if (!page)
		return -ENOMEM;
	account_table(page, order, 1);
	*hpa = axas_hpa(page_to_phys(page));
	return 0;
}

static int linux_alloc_frame(const struct axas_hal *hal, unsigned int order, u32 flags,
			     struct axas_hpa *hpa)
{
	struct page *page;

	if (flags & AXAS_FRAME_TABLE)
		return alloc_table(order, flags, hpa);
	if (!order)
		return alloc_small(flags, hpa) ? 0 : -ENOMEM;
	page = alloc_block(frame_gfp(order, flags), order);
	if (!page)
		return -ENOMEM;
	*hpa = axas_hpa(page_to_phys(page));
	return 0;
}

static void linux_free_frame(const struct axas_hal *hal, struct axas_hpa hpa,
			     unsigned int order, u32 flags)
{
	struct page *page = pfn_to_page(hpa.val >> PAGE_SHIFT);

	if (flags & AXAS_FRAME_TABLE) {
		account_table(page, order, -1);
		__free_pages(page, order);
	} else {
		axas_linux_free(page, 1ul << order);
	}
}

/* All pages of a new block. */
static bool alloc_pages_of(unsigned int order, u32 flags, struct axas_hpa *hpas)
{
	struct page *page = try_block(flags, order);
	u64 hpa, end;

	if (!page)
		return false;
	hpa = page_to_phys(page);
	for (end = hpa + (PAGE_SIZE << order); hpa != end; hpa += PAGE_SIZE)
		*hpas++ = axas_hpa(hpa);
	return true;
}

/* Frames of 4 KiB: by the largest blocks that are to be had at once, then one by one. */
static unsigned int alloc_many(u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int got = 0, order;

	while (got < n) {
		order = min_t(unsigned int, ilog2(n - got), order_to_try(POPULATE_ORDER));
		if (!order && !alloc_small(flags, &hpas[got]))
			break;
		if (!order || alloc_pages_of(order, flags, &hpas[got]))
			got += 1u << order;
	}
	return got;
}

static unsigned int linux_alloc_frames(const struct axas_hal *hal, unsigned int order,
				       u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	if (!order && !(flags & AXAS_FRAME_TABLE))
		return alloc_many(flags, hpas, n);
	for (i = 0; i < n; i++)
		if (!axas_frame_alloc_hpa(hal, order, flags, &hpas[i]))
			break;
	return i;
}

/* What follows each other goes together: a block of which all pieces go goes whole. */
static void linux_free_frames(const struct axas_hal *hal, unsigned int order,
			      const struct axas_hpa *hpas, unsigned int n)
{
	/* Who gives large ones can wait for others that want the CPU. */
	unsigned int most = order ? max(1u, 512u >> order) : n;
	const struct axas_hpa *end = hpas + n, *stop, *next;
	u64 size = AXAS_FRAME_SIZE << order;

	for (; hpas < end; hpas = next) {
		stop = hpas + min_t(size_t, most, end - hpas);
		for (next = hpas + 1; next < stop && next->val == next[-1].val + size; next++)
			;
		axas_linux_free(pfn_to_page(hpas->val >> PAGE_SHIFT), (next - hpas) << order);
		if (order)
			cond_resched();
	}
}

static bool linux_is_ram(const struct axas_hal *hal, struct axas_hpa hpa, u64 bytes)
{
	return region_intersects(hpa.val, bytes, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) != REGION_DISJOINT;
}

/* Whoever takes a reference on it keeps it longer than its block is whole. */
static struct page *linux_frame_page(const struct axas_hal *hal, struct axas_hpa hpa)
{
	struct page *page = pfn_to_page(hpa.val >> PAGE_SHIFT);

	split_across(page, 0, 0);
	return page;
}

/*
 * What a window costs, the kernel's list of resources, page tables and their removal, is shared
 * by so many bytes; while they are copied others wait for the space's lock.
 */
#define WINDOW_BYTES	SZ_256K

/*
 * Memory of the kernel's direct map is reached there, and only as the memory that
 * it is. All else is mapped for the while, with the caching of the area: the
 * guest's view and ours must not differ. A window over some of both is refused if it
 * need not be.
 */
#ifdef CONFIG_HAS_IOMEM
static int linux_window(const struct axas_hal *hal, struct axas_hpa hpa, size_t bytes,
			u32 type, struct axas_window *window)
{
	int ram = region_intersects(hpa.val, bytes, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE);

	if (ram != REGION_DISJOINT) {
		if (type != AXAS_TYPE_NORMAL)
			return -EOPNOTSUPP;
		if (ram == REGION_MIXED && offset_in_page(hpa.val) + bytes > PAGE_SIZE)
			return -EOPNOTSUPP;
		*window = (struct axas_window){ .va = __va(hpa.val) };
		return 0;
	}
	*window = (struct axas_window){};
	if (type == AXAS_TYPE_NORMAL)
		window->va = memremap(hpa.val, bytes, MEMREMAP_WB);
	else if (type == AXAS_TYPE_UNCACHED)
		window->va = memremap(hpa.val, bytes, MEMREMAP_WC);
	else
		window->io = ioremap(hpa.val, bytes);
	window->handle = window->va;
	return window->va || window->io ? 0 : -ENOMEM;
}

static void linux_close_window(const struct axas_hal *hal, struct axas_window *window)
{
	if (window->io)
		iounmap(window->io);
	else if (window->handle)
		memunmap(window->handle);
}
#else
#define linux_window		NULL
#define linux_close_window	NULL
#endif

const struct axas_hal axas_hal_linux = {
	.name		= "linux",
	.alloc_frame	= linux_alloc_frame,
	.free_frame	= linux_free_frame,
	.alloc_frames	= linux_alloc_frames,
	.free_frames	= linux_free_frames,
	.frame_page	= linux_frame_page,
	.clean		= linux_clean,
	.fence		= linux_fence,
	.is_ram		= linux_is_ram,
	.window		= linux_window,
	.close_window	= linux_close_window,
	.window_bytes	= WINDOW_BYTES,
};
EXPORT_SYMBOL_AXAS(axas_hal_linux);
