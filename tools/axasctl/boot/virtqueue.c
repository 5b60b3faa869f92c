// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of virtio devices, split ones: buffers in, buffers out, the interrupt. A ring that is
 * none ends the device until the driver resets it. Calls memory.c and arch_virtio_line(). The
 * machine's lock is held.
 *
 * "Virtual I/O Device (VIRTIO) Version 1.2", 2.7.
 */
#include "boot.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stddef.h>

void virtio_update(struct machine *m, struct virtio *v)
{
	arch_virtio_line(m, v - m->virtio, v->isr);
}

static bool broken(struct machine *m, struct virtio *v)
{
	v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	v->isr |= VIRTIO_MMIO_INT_CONFIG;
	virtio_update(m, v);
	return false;
}

/* A driver whose features were not accepted has no device, whatever it says. */
bool virtio_runs(const struct virtio *v)
{
	const u32 good = VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

	return (v->status & (good | VIRTIO_CONFIG_S_NEEDS_RESET)) == good;
}

static bool usable(const struct virtio *v, const struct virtq *q)
{
	return q->ready && q->num && virtio_runs(v);
}

/* The parts of the chain that begins with c->head. */
static bool read_chain(struct machine *m, const struct virtq *q, struct chain *c)
{
	struct vring_desc desc = { .next = c->head };

	c->nr = 0;
	do {
		if (desc.next >= q->num || c->nr == q->num || c->nr == ARRAY_SIZE(c->part) ||
		    memory_read(m, q->desc + desc.next * sizeof(desc), &desc, sizeof(desc)) ||
		    desc.flags & VRING_DESC_F_INDIRECT)
			return false;
		c->part[c->nr++] = (struct part){
			.gpa = desc.addr, .len = desc.len,
			.in = desc.flags & VRING_DESC_F_WRITE,
		};
	} while (desc.flags & VRING_DESC_F_NEXT);
	return true;
}

/* The driver writes an entry before the index; and so do we, the other way. */
bool virtq_next(struct machine *m, struct virtio *v, u32 nr, struct chain *c)
{
	struct virtq *q = &v->queue[nr];
	u64 entry = q->avail + offsetof(struct vring_avail, ring);
	u16 idx;

	if (!usable(v, q))
		return false;
	entry += q->next % q->num * sizeof(c->head);
	if (memory_read(m, q->avail + offsetof(struct vring_avail, idx), &idx, sizeof(idx)))
		return broken(m, v);
	if (idx == q->next)
		return false;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if ((u16)(idx - q->next) > q->num || memory_read(m, entry, &c->head, sizeof(c->head)) ||
	    !read_chain(m, q, c))
		return broken(m, v);
	q->next++;
	return true;
}

void virtq_done(struct machine *m, struct virtio *v, u32 nr, const struct chain *c, u32 written)
{
	struct virtq *q = &v->queue[nr];
	struct vring_used_elem elem = { .id = c->head, .len = written };
	u64 ring = q->used + offsetof(struct vring_used, ring);
	u64 entry = ring + q->used_idx % q->num * sizeof(elem);
	u16 flags, idx = ++q->used_idx;

	if (memory_write(m, entry, &elem, sizeof(elem))) {
		broken(m, v);
		return;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (memory_write(m, q->used + offsetof(struct vring_used, idx), &idx, sizeof(idx)) ||
	    memory_read(m, q->avail, &flags, sizeof(flags))) {
		broken(m, v);
		return;
	}
	if (flags & VRING_AVAIL_F_NO_INTERRUPT)
		return;
	v->isr |= VIRTIO_MMIO_INT_VRING;
	virtio_update(m, v);
}
