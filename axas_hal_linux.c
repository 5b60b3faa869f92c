// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HAL of Linux: the page allocator, the direct map, and ioremap() or
 * memremap() for the windows of linear areas. No locks.
 */
#ifdef CONFIG_ARM64
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#endif
#include <linux/cacheflush.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmstat.h>
#include <axas/hal.h>
#include <uapi/axas/axas.h>

#include "axas_compat.h"

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
 * Guest frames of more than 4 KiB are split at birth, so that each 4 KiB of them
 * has its own reference count and can be freed or shared by itself.
 */
static int linux_alloc_frame(const struct axas_hal *hal, unsigned int order, u32 flags,
			     struct axas_hpa *hpa)
{
	gfp_t gfp = frame_gfp(order, flags);
	struct page *page;

	page = alloc_pages(gfp, order);
	if (!page)
		return -ENOMEM;
	if (flags & AXAS_FRAME_TABLE)
		account_table(page, order, 1);
	else if (order)
		split_page(page, order);
	if (!(flags & AXAS_FRAME_TABLE))
		clean_for_guest(page, order);
	*hpa = axas_hpa(page_to_phys(page));
	return 0;
}

static void linux_free_frame(const struct axas_hal *hal, struct axas_hpa hpa,
			     unsigned int order, u32 flags)
{
	struct page *page = pfn_to_page(hpa.val >> PAGE_SHIFT);
	unsigned long i;

	if (flags & AXAS_FRAME_TABLE) {
		account_table(page, order, -1);
		__free_pages(page, order);
		return;
	}
	for (i = 0; i < 1ul << order; i++)
		__free_page(page + i);
}

static unsigned int linux_alloc_frames(const struct axas_hal *hal, unsigned int order,
				       u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (linux_alloc_frame(hal, order, flags, &hpas[i]))
			break;
		if (unlikely(!hpas[i].val)) {
			linux_free_frame(hal, hpas[i], order, flags);
			break;
		}
	}
	return i;
}

static void linux_free_frames(const struct axas_hal *hal, unsigned int order,
			      const struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		linux_free_frame(hal, hpas[i], order, 0);
		if (order)
			cond_resched();
	}
}

static bool linux_is_ram(const struct axas_hal *hal, struct axas_hpa hpa, u64 bytes)
{
	return region_intersects(hpa.val, bytes, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) != REGION_DISJOINT;
}

static struct page *linux_frame_page(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return pfn_to_page(hpa.val >> PAGE_SHIFT);
}

/*
 * Memory of the kernel's direct map is reached there, and only as the memory that
 * it is. All else is mapped for the while, with the caching of the area: the
 * guest's view and ours must not differ.
 */
#ifdef CONFIG_HAS_IOMEM
static int linux_window(const struct axas_hal *hal, struct axas_hpa hpa, size_t bytes,
			u32 type, struct axas_window *window)
{
	if (linux_is_ram(hal, hpa, bytes)) {
		if (type != AXAS_TYPE_NORMAL)
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
};
EXPORT_SYMBOL_AXAS(axas_hal_linux);
