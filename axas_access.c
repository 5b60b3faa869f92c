// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation, guest reads and writes, and bio_vecs. Calls axas_space.c and
 * axas_npt.c. What lies in one leaf and is there goes without a lock, everything else
 * with space->lock held for reading; both touch kernel memory only. See the lock rules
 * in axas_space.c.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <axas/access.h>

#include "axas_compat.h"
#include "axas_single.h"
#include "axas_space.h"

static bool translate_locked(struct axas_space *space, u64 gpa, struct axas_translation *to)
{
	struct axas_leaf leaf;

	lockdep_assert_held(&space->lock);
	if (!axas_gpa_range_contains(space->range, axas_gpa(gpa)) ||
	    !axas_npt_lookup(&space->npt, gpa, &leaf))
		return false;
	to->left = axas_npt_left(&leaf, gpa);
	to->hpa = axas_hpa_offset(leaf.hpa, axas_npt_leaf_size(leaf.level) - to->left);
	to->prot = leaf.prot;
	to->type = leaf.type;
	to->level = leaf.level;
	return true;
}

/* From the root on. Who removes or maps just now is waited for before the answer is none. */
static noinline int translate_far(struct axas_space *space, u64 gpa,
				  struct axas_translation *to)
{
	struct axas_space_cpu *cpu = axas_space_enter(space);
	bool found = false;

	if (!axas_space_removing(cpu)) {
		axas_space_area_on(space, cpu, gpa);
		found = axas_npt_translate(&space->npt, &cpu->cursor, gpa, to);
	}
	axas_space_leave();
	if (found)
		return 0;
	down_read(&space->lock);
	found = translate_locked(space, gpa, to);
	up_read(&space->lock);
	return found ? 0 : -ENOENT;
}

int axas_space_translate(struct axas_space *space, struct axas_gpa gpa,
			 struct axas_translation *to)
{
	struct axas_space_cpu *cpu = axas_space_enter(space);
	u64 in_page = gpa.val & (AXAS_FRAME_SIZE - 1);
	const struct axas_area *area;
	u64 *slot, leaf = 0;

	slot = axas_space_last_slot(cpu, gpa.val);
	if (likely(slot))
		leaf = READ_ONCE(*slot);
	if (unlikely(!leaf)) {
		axas_space_leave();
		return translate_far(space, gpa.val, to);
	}
	/* A leaf says what its area does. */
	area = cpu->area;
	to->hpa = axas_hpa_offset(axas_npt_leaf_hpa(&space->npt, leaf), in_page);
	to->left = AXAS_FRAME_SIZE - in_page;
	to->prot = READ_ONCE(area->prot);
	to->type = area->type;
	to->level = 0;
	axas_space_leave();
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_space_translate);

/* Whether @next goes on where @limit bytes from @to on end. */
static bool goes_on(const struct axas_translation *to, u64 limit,
		    const struct axas_translation *next)
{
	return next->hpa.val == to->hpa.val + limit && next->prot == to->prot &&
	       next->type == to->type;
}

/* Leaves that are looked at without the lock: what goes on beyond them needs it. */
#define FAST_LEAVES	512

/* Whether the leaf at @gpa goes on where *@to and @limit end; @next: how far. */
static bool next_goes_on(struct axas_space *space, struct axas_space_cpu *cpu,
			 const struct axas_area *area, u64 gpa,
			 const struct axas_translation *to, u64 limit, u64 *next)
{
	u64 *slot = axas_space_last_slot(cpu, gpa);
	struct axas_translation there;
	u64 leaf;

	/* Leaves of one area in one table are alike. */
	if (slot && cpu->area == area) {
		leaf = READ_ONCE(*slot);
		*next = AXAS_FRAME_SIZE;
		return leaf && axas_npt_leaf_hpa(&space->npt, leaf).val == to->hpa.val + limit;
	}
	axas_space_area_on(space, cpu, gpa);
	if (!axas_npt_translate(&space->npt, &cpu->cursor, gpa, &there))
		return false;
	*next = there.left;
	return goes_on(to, limit, &there);
}

static bool limit_without_lock(struct axas_space *space, u64 gpa, struct axas_translation *to,
			       u64 *limit)
{
	struct axas_space_cpu *cpu = axas_space_enter(space);
	const struct axas_area *area;
	bool end = false;
	unsigned int i;
	u64 next;

	if (axas_space_removing(cpu))
		goto leave;
	area = axas_space_area_on(space, cpu, gpa);
	if (!area || !axas_npt_translate(&space->npt, &cpu->cursor, gpa, to))
		goto leave;
	*limit = to->left;
	for (i = 0; i < FAST_LEAVES && !end; i++) {
		end = gpa + *limit < gpa ||
		      !next_goes_on(space, cpu, area, gpa + *limit, to, *limit, &next);
		if (!end)
			*limit += next;
	}
leave:
	axas_space_leave();
	return end;
}

int axas_space_translate_and_get_limit(struct axas_space *space, struct axas_gpa gpa,
				       struct axas_translation *to, u64 *limit)
{
	struct axas_translation next;
	unsigned int n;
	u64 end;

	if (limit_without_lock(space, gpa.val, to, limit))
		return 0;
	down_read(&space->lock);
	if (!translate_locked(space, gpa.val, to)) {
		up_read(&space->lock);
		return -ENOENT;
	}
	*limit = to->left;
	/* What was found so far is true: nobody need wait for the rest. */
	for (n = 1; n < AXAS_LIMIT_LEAVES && !fatal_signal_pending(current); n++) {
		if (check_add_overflow(gpa.val, *limit, &end) ||
		    !translate_locked(space, end, &next) || !goes_on(to, *limit, &next))
			break;
		*limit += next.left;
		cond_resched();
	}
	up_read(&space->lock);
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_space_translate_and_get_limit);

/**
 * struct access - what is done to guest memory, piece by piece
 * @memory: to a piece of memory, inside one leaf
 * @device: to a piece of a device's registers
 * @prot: what the guest must be allowed to
 * @buf: the other end, for buffers
 * @val: the other end, for integers
 * @windows: NULL, or the windows that were opened beforehand, in order
 * @area: the area of the piece before, or NULL
 * @cursor: where its leaf was
 * @fence: something was written that may be executed
 */
struct access {
	void (*memory)(struct access *access, void *va, size_t len);
	void (*device)(struct access *access, void __iomem *io, size_t len);
	u32 prot;
	void *buf;
	u64 val;
	struct list_head *windows;
	struct axas_area *area;
	struct axas_npt_cursor cursor;
	bool fence;
};

/* A window that stays open until the access comes to it. */
struct kept_window {
	struct list_head node;
	struct axas_window window;
};

static int fault_to_errno(int result)
{
	switch (result) {
	case AXAS_FAULT_FIXED:
	case AXAS_FAULT_SPURIOUS:
		return 0;
	case AXAS_FAULT_DENIED:
		return -EACCES;
	case AXAS_FAULT_NOMEM:
		return -ENOMEM;
	default:
		return -EFAULT;
	}
}

/* Bytes of one access without the lock, during which nobody else runs on this CPU. */
#define FAST_BYTES	SZ_16K

/*
 * Where memory is that belongs to the space, is there, and lies in one leaf. Until
 * axas_space_leave(); NULL, and nothing to leave, when it needs the lock.
 */
static noinline void *enter_memory_far(struct axas_space *space, u64 gpa, u32 prot, size_t len)
{
	struct axas_space_cpu *cpu = axas_space_enter(space);
	const struct axas_area *area;
	struct axas_translation to;

	if (!axas_space_removing(cpu) && len <= FAST_BYTES) {
		area = axas_space_area_on(space, cpu, gpa);
		if (area && (READ_ONCE(area->direct) & prot) &&
		    axas_npt_translate(&space->npt, &cpu->cursor, gpa, &to) && len <= to.left)
			return axas_hal_va(space->npt.hal, to.hpa);
	}
	axas_space_leave();
	return NULL;
}

/* The same where area and table are those that this CPU found last. */
static __always_inline void *enter_memory(struct axas_space *space, u64 gpa, u32 prot,
					  size_t len)
{
	struct axas_space_cpu *cpu = axas_space_enter(space);
	u64 in_page = gpa & (AXAS_FRAME_SIZE - 1);
	u64 *slot, leaf;

	slot = axas_space_last_slot(cpu, gpa);
	if (likely(slot && (READ_ONCE(cpu->area->direct) & prot) &&
		   len <= AXAS_FRAME_SIZE - in_page)) {
		leaf = READ_ONCE(*slot);
		if (likely(leaf))
			return axas_hal_va(space->npt.hal, axas_npt_leaf_hpa(&space->npt, leaf)) +
			       in_page;
	}
	axas_space_leave();
	return enter_memory_far(space, gpa, prot, len);
}

/*
 * After a write to memory that belongs to an area. Whether every CPU is to forget what it
 * fetched, once the caller is done.
 */
static inline bool clean_written(struct axas_space *space, const struct axas_area *area,
				 void *va, size_t len)
{
	const struct axas_hal *hal = space->npt.hal;

	if (unlikely(hal->clean))
		hal->clean(hal, va, len);
	return unlikely(hal->fence) && (READ_ONCE(area->prot) & AXAS_PROT_EXEC);
}

/* Leave what enter_memory() entered, after a write. */
static __always_inline void leave_written(struct axas_space *space, void *va, size_t len)
{
	/* Where it was found; and in a section nobody else finds something. */
	bool fence = clean_written(space, this_cpu_ptr(space->cpus)->area, va, len);

	axas_space_leave();
	if (unlikely(fence))
		space->npt.hal->fence(space->npt.hal);
}

static __always_inline bool copy_fast(struct axas_space *space, u64 gpa, void *buf, size_t len,
				      u32 prot)
{
	void *va = enter_memory(space, gpa, prot, len);

	if (unlikely(!va))
		return false;
	if (prot == AXAS_PROT_WRITE) {
		axas_copy_out(va, buf, len);
		leave_written(space, va, len);
	} else {
		axas_copy_in(buf, va, len);
		axas_space_leave();
	}
	return true;
}

/*
 * The leaf at an address, faulted in if need be, and how far area and leaf reach. *@area
 * is that of the bytes before, or NULL.
 */
static int find_leaf(struct axas_space *space, u64 gpa, u32 prot, struct axas_area **area,
		     struct axas_leaf *leaf, u64 *left)
{
	int err;

	if (!*area || gpa > (*area)->last)
		*area = axas_space_area(space, gpa);
	err = fault_to_errno(axas_space_fault_locked(space, *area, gpa, prot, leaf));
	if (!err)
		*left = min(axas_npt_left(leaf, gpa), (*area)->last - gpa + 1);
	return err;
}

/* The same for accesses: where the byte is. The next leaf of a table is found at once. */
static int find_byte(struct axas_space *space, u64 gpa, struct access *access,
		     struct axas_hpa *hpa, u64 *left)
{
	const struct axas_area *area = access->area;
	struct axas_leaf leaf;
	u64 entry;
	int err;

	if (area && gpa <= area->last && axas_npt_cursor_at(&access->cursor, gpa)) {
		entry = READ_ONCE(*axas_npt_slot(access->cursor.table, gpa));
		if (entry) {
			*left = AXAS_FRAME_SIZE - (gpa & (AXAS_FRAME_SIZE - 1));
			*hpa = axas_hpa_offset(axas_npt_leaf_hpa(&space->npt, entry),
					       gpa & (AXAS_FRAME_SIZE - 1));
			return 0;
		}
	}
	err = find_leaf(space, gpa, access->prot, &access->area, &leaf, left);
	if (err)
		return err;
	if (leaf.level) {
		access->cursor.region = AXAS_NPT_NO_REGION;
	} else if (!axas_npt_cursor_at(&access->cursor, gpa)) {
		access->cursor.region = gpa >> axas_npt_shift(1);
		access->cursor.table = axas_npt_table(&space->npt, gpa);
	}
	*hpa = axas_hpa_offset(leaf.hpa, gpa & (axas_npt_leaf_size(leaf.level) - 1));
	return 0;
}

static int open_window(struct axas_space *space, struct axas_hpa hpa, u32 type, size_t len,
		       struct axas_window *window)
{
	const struct axas_hal *hal = space->npt.hal;

	return hal->window ? hal->window(hal, hpa, len, type, window) : -EOPNOTSUPP;
}

/* One piece of memory. */
static void use_memory(struct axas_space *space, struct access *access, void *va, size_t len)
{
	access->memory(access, va, len);
	if (access->prot == AXAS_PROT_WRITE)
		access->fence |= clean_written(space, access->area, va, len);
}

static void use_window(struct axas_space *space, struct access *access,
		       struct axas_window *window, size_t len)
{
	const struct axas_hal *hal = space->npt.hal;

	if (window->io)
		access->device(access, window->io, len);
	else
		use_memory(space, access, window->va, len);
	if (hal->close_window)
		hal->close_window(hal, window);
}

static int keep_window(struct axas_space *space, struct axas_hpa hpa, u32 type, size_t len,
		       struct list_head *windows)
{
	struct kept_window *kept = kmalloc(sizeof(*kept), GFP_KERNEL);
	int err;

	if (!kept)
		return -ENOMEM;
	err = open_window(space, hpa, type, len, &kept->window);
	if (err)
		kfree(kept);
	else
		list_add_tail(&kept->node, windows);
	return err;
}

static void use_kept_window(struct axas_space *space, struct access *access, size_t len)
{
	struct kept_window *kept = list_first_entry(access->windows, struct kept_window, node);

	list_del(&kept->node);
	use_window(space, access, &kept->window, len);
	kfree(kept);
}

/*
 * Linear memory belongs to somebody else: it is reached through a window. An access
 * that touches first, and so has no function, leaves it open for the one that follows.
 */
static int access_window(struct axas_space *space, struct axas_hpa hpa, u32 type,
			 struct access *access, size_t len)
{
	struct axas_window window;
	int err;

	if (!access->memory)
		return keep_window(space, hpa, type, len, access->windows);
	if (access->windows) {
		use_kept_window(space, access, len);
		return 0;
	}
	err = open_window(space, hpa, type, len, &window);
	if (!err)
		use_window(space, access, &window, len);
	return err;
}

/* Access as much as lies in one leaf, in one page for a window. Bytes, or an error. */
static ssize_t access_piece(struct axas_space *space, u64 gpa, struct access *access,
			    size_t len)
{
	struct axas_hpa hpa;
	u64 left;
	int err;

	err = find_byte(space, gpa, access, &hpa, &left);
	if (err)
		return err;
	len = min_t(u64, len, left);
	if (access->area->backend.ops->owned) {
		if (access->memory)
			use_memory(space, access, axas_hal_va(space->npt.hal, hpa), len);
	} else {
		len = min_t(u64, len, AXAS_FRAME_SIZE - offset_in_page(gpa));
		err = access_window(space, hpa, access->area->type, access, len);
	}
	return err ?: len;
}

static void read_memory(struct access *access, void *va, size_t len)
{
	axas_copy_in(access->buf, va, len);
	access->buf += len;
}

static void write_memory(struct access *access, void *va, size_t len)
{
	axas_copy_out(va, access->buf, len);
	access->buf += len;
}

static void read_device(struct access *access, void __iomem *io, size_t len)
{
	axas_copy_in_io(access->buf, io, len);
	access->buf += len;
}

static void write_device(struct access *access, void __iomem *io, size_t len)
{
	axas_copy_out_io(io, access->buf, len);
	access->buf += len;
}

/* Access bytes until one cannot be reached: 0, or its error. @done: how many. Lock held. */
static int access_range(struct axas_space *space, u64 gpa, struct access *access,
			size_t len, size_t *done)
{
	ssize_t n;

	for (*done = 0; *done < len; *done += n) {
		if (gpa + *done < gpa)
			return -EFAULT;
		n = access_piece(space, gpa + *done, access, len - *done);
		if (n < 0)
			return n;
		cond_resched();
	}
	return 0;
}

/* Windows that were opened for an access that is not to be. */
static void drop_windows(struct axas_space *space, struct list_head *windows)
{
	const struct axas_hal *hal = space->npt.hal;
	struct kept_window *kept, *next;

	list_for_each_entry_safe(kept, next, windows, node) {
		if (hal->close_window)
			hal->close_window(hal, &kept->window);
		kfree(kept);
	}
}

static void fence_code(struct axas_space *space, const struct access *access)
{
	if (access->fence)
		space->npt.hal->fence(space->npt.hal);
}

static ssize_t access_partial(struct axas_space *space, struct axas_gpa gpa,
			      struct access *access, size_t len)
{
	size_t done;
	int err;

	down_read(&space->lock);
	err = access_range(space, gpa.val, access, min_t(size_t, len, SSIZE_MAX), &done);
	up_read(&space->lock);
	fence_code(space, access);
	return done ?: err;
}

/*
 * All or nothing: every leaf is found, and faulted in, and every window is open before
 * the first byte is copied. With the lock held none can go away in between.
 */
static int access_exact(struct axas_space *space, struct axas_gpa gpa,
			struct access *access, size_t len)
{
	LIST_HEAD(windows);
	struct access touch = {
		.prot = access->prot, .windows = &windows,
		.cursor.region = AXAS_NPT_NO_REGION,
	};
	size_t done;
	int err;

	access->windows = &windows;
	down_read(&space->lock);
	err = access_range(space, gpa.val, &touch, len, &done);
	if (!err)
		err = access_range(space, gpa.val, access, len, &done);
	drop_windows(space, &windows);
	up_read(&space->lock);
	fence_code(space, access);
	return err;
}

/* A copy between guest memory and a buffer, which is only read if @prot is WRITE. */
static struct access copy_access(void *buf, u32 prot)
{
	bool write = prot == AXAS_PROT_WRITE;

	return (struct access){
		.memory = write ? write_memory : read_memory,
		.device = write ? write_device : read_device,
		.prot = prot,
		.buf = buf,
		.cursor.region = AXAS_NPT_NO_REGION,
	};
}

static noinline int copy_exact(struct axas_space *space, struct axas_gpa gpa, void *buf,
			       size_t len, u32 prot)
{
	struct access access = copy_access(buf, prot);

	return access_exact(space, gpa, &access, len);
}

static noinline ssize_t copy_partial(struct axas_space *space, struct axas_gpa gpa, void *buf,
				     size_t len, u32 prot)
{
	struct access access = copy_access(buf, prot);

	return access_partial(space, gpa, &access, len);
}

int axas_read(struct axas_space *space, struct axas_gpa gpa, void *buf, size_t len)
{
	if (likely(copy_fast(space, gpa.val, buf, len, AXAS_PROT_READ)))
		return 0;
	return copy_exact(space, gpa, buf, len, AXAS_PROT_READ);
}
EXPORT_SYMBOL_AXAS(axas_read);

int axas_write(struct axas_space *space, struct axas_gpa gpa, const void *buf, size_t len)
{
	if (likely(copy_fast(space, gpa.val, (void *)buf, len, AXAS_PROT_WRITE)))
		return 0;
	return copy_exact(space, gpa, (void *)buf, len, AXAS_PROT_WRITE);
}
EXPORT_SYMBOL_AXAS(axas_write);

ssize_t axas_read_partial(struct axas_space *space, struct axas_gpa gpa, void *buf,
			  size_t len)
{
	if (likely(copy_fast(space, gpa.val, buf, len, AXAS_PROT_READ)))
		return len;
	return copy_partial(space, gpa, buf, len, AXAS_PROT_READ);
}
EXPORT_SYMBOL_AXAS(axas_read_partial);

ssize_t axas_write_partial(struct axas_space *space, struct axas_gpa gpa,
			   const void *buf, size_t len)
{
	if (likely(copy_fast(space, gpa.val, (void *)buf, len, AXAS_PROT_WRITE)))
		return len;
	return copy_partial(space, gpa, (void *)buf, len, AXAS_PROT_WRITE);
}
EXPORT_SYMBOL_AXAS(axas_write_partial);

static void load_memory(struct access *access, void *va, size_t len)
{
	access->val = axas_load(va, len);
}

static void store_memory(struct access *access, void *va, size_t len)
{
	axas_store(va, len, access->val);
}

static void load_device(struct access *access, void __iomem *io, size_t len)
{
	access->val = axas_load_io(io, len);
}

static void store_device(struct access *access, void __iomem *io, size_t len)
{
	axas_store_io(io, len, access->val);
}

static noinline int load_with_lock(struct axas_space *space, struct axas_gpa gpa, size_t len,
				   u64 *val)
{
	struct access access = {
		.memory = load_memory, .device = load_device, .prot = AXAS_PROT_READ,
		.cursor.region = AXAS_NPT_NO_REGION,
	};
	ssize_t n = access_partial(space, gpa, &access, len);

	if (n < 0)
		return n;
	*val = access.val;
	return 0;
}

static int load_one(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		    u64 *val)
{
	size_t len = axas_width_bytes(width);
	void *va = enter_memory(space, gpa.val, AXAS_PROT_READ, len);

	if (!va)
		return load_with_lock(space, gpa, len, val);
	*val = axas_load(va, len);
	axas_space_leave();
	return 0;
}

static noinline int store_with_lock(struct axas_space *space, struct axas_gpa gpa, size_t len,
				    u64 val)
{
	struct access access = {
		.memory = store_memory, .device = store_device,
		.prot = AXAS_PROT_WRITE, .val = val,
		.cursor.region = AXAS_NPT_NO_REGION,
	};
	ssize_t n = access_partial(space, gpa, &access, len);

	return n < 0 ? n : 0;
}

static int store_one(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		     u64 val)
{
	size_t len = axas_width_bytes(width);
	void *va = enter_memory(space, gpa.val, AXAS_PROT_WRITE, len);

	if (!va)
		return store_with_lock(space, gpa, len, val);
	axas_store(va, len, val);
	leave_written(space, va, len);
	return 0;
}

/* An integer as it lies in memory, whatever the host's byte order. */
union scalar {
	u8 w8;
	u16 w16;
	u32 w32;
	u64 w64;
};

int axas_read_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		  u64 *val)
{
	unsigned int bytes = axas_width_bytes(width);
	union scalar scalar;
	int err;

	if (axas_gpa_is_aligned(gpa, bytes))
		return load_one(space, gpa, width, val);
	err = axas_read(space, gpa, &scalar, bytes);
	if (err)
		return err;
	*val = axas_load(&scalar, bytes);
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_read_obj);

int axas_write_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		   u64 val)
{
	unsigned int bytes = axas_width_bytes(width);
	union scalar scalar;

	if (axas_gpa_is_aligned(gpa, bytes))
		return store_one(space, gpa, width, val);
	axas_store(&scalar, bytes, val);
	return axas_write(space, gpa, &scalar, bytes);
}
EXPORT_SYMBOL_AXAS(axas_write_obj);

int axas_read_volatile(struct axas_space *space, struct axas_gpa gpa,
		       enum axas_width width, u64 *val)
{
	if (!axas_gpa_is_aligned(gpa, axas_width_bytes(width)))
		return -EINVAL;
	return load_one(space, gpa, width, val);
}
EXPORT_SYMBOL_AXAS(axas_read_volatile);

int axas_write_volatile(struct axas_space *space, struct axas_gpa gpa,
			enum axas_width width, u64 val)
{
	if (!axas_gpa_is_aligned(gpa, axas_width_bytes(width)))
		return -EINVAL;
	return store_one(space, gpa, width, val);
}
EXPORT_SYMBOL_AXAS(axas_write_volatile);

/* The piece of one page at the beginning of a range. Lock held. */
static int bvec_piece(struct axas_space *space, u64 gpa, u64 len, u32 access,
		      struct bio_vec *bvec)
{
	const struct axas_hal *hal = space->npt.hal;
	struct axas_area *area = NULL;
	struct page *page = NULL;
	struct axas_leaf leaf;
	struct axas_hpa hpa;
	u64 left;
	int err;

	err = find_leaf(space, gpa, access, &area, &leaf, &left);
	if (err)
		return err;
	hpa = axas_hpa_offset(leaf.hpa, gpa & (axas_npt_leaf_size(leaf.level) - 1));
	if (area->backend.ops->owned && hal->frame_page)
		page = hal->frame_page(hal, hpa);
	if (!page)
		return -EOPNOTSUPP;
	get_page(page);
	bvec->bv_page = page;
	bvec->bv_offset = offset_in_page(gpa);
	bvec->bv_len = min_t(u64, len, PAGE_SIZE - bvec->bv_offset);
	return 0;
}

int axas_space_bvec(struct axas_space *space, struct axas_gpa_range range, u32 access,
		    struct bio_vec *bvecs, unsigned int max)
{
	unsigned int n = 0;
	u64 done = 0;
	int err = 0;

	if (!axas_gpa_range_valid(range) || !access ||
	    access & ~(AXAS_PROT_READ | AXAS_PROT_WRITE))
		return -EINVAL;
	down_read(&space->lock);
	while (done < range.size) {
		err = n == max || n == INT_MAX ? -E2BIG :
		      bvec_piece(space, range.start.val + done, range.size - done, access,
				 &bvecs[n]);
		if (err)
			break;
		done += bvecs[n++].bv_len;
		cond_resched();
	}
	up_read(&space->lock);
	if (!err)
		return n;
	axas_space_bvec_put(bvecs, n);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_bvec);

void axas_space_bvec_put(struct bio_vec *bvecs, unsigned int n)
{
	while (n)
		put_page(bvecs[--n].bv_page);
}
EXPORT_SYMBOL_AXAS(axas_space_bvec_put);
