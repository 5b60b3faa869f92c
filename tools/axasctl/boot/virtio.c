// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio devices in memory: their registers, in the layout of version 2. Calls the devices and
 * virtqueue.c. The machine's lock is held.
 *
 * "Virtual I/O Device (VIRTIO) Version 1.2", 4.2.
 */
#include "boot.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#define MAGIC		0x74726976
#define VERSION		2
#define VENDOR		0x53415841	/* "AXAS": no number has been assigned */

static const struct virtio_device *const devices[NR_VIRTIO] = {
	[VIRTIO_DISK] = &blk_device, [VIRTIO_BALLOON] = &balloon_device,
};

static const struct virtio_device *device(const struct machine *m, u32 slot)
{
	return slot == VIRTIO_DISK && m->vhost.there ? &vhost_device : devices[slot];
}

static void status_changed(struct machine *m, u32 slot)
{
	if (device(m, slot)->status)
		device(m, slot)->status(m, &m->virtio[slot]);
}

static void reset(struct machine *m, u32 slot)
{
	memset(&m->virtio[slot], 0, sizeof(m->virtio[slot]));
	virtio_update(m, &m->virtio[slot]);
	status_changed(m, slot);
}

void virtio_reset(struct machine *m)
{
	for (u32 i = 0; i < NR_VIRTIO; i++)
		reset(m, i);
}

static u64 features(const struct machine *m, u32 slot)
{
	u64 all = device(m, slot)->features | 1ull << VIRTIO_F_VERSION_1;

	return device(m, slot) == &vhost_device ? all & m->vhost.features : all;
}

static u32 read_config(const struct machine *m, u32 slot, u32 offset, u32 width)
{
	u8 config[VIRTIO_CONFIG_MAX] = { 0 };
	u32 val = 0;

	device(m, slot)->config(m, config);
	if (width <= 4 && offset <= sizeof(config) - width)
		memcpy(&val, config + offset, width);
	return val;
}

/* A queue beyond those that there are has no length. */
static struct virtq *selected(struct machine *m, struct virtio *v, u32 slot)
{
	return v->queue_sel < device(m, slot)->nr_queues ? &v->queue[v->queue_sel] : NULL;
}

static u32 read_queue(const struct virtq *q, u32 reg)
{
	if (!q)
		return 0;
	return reg == VIRTIO_MMIO_QUEUE_READY ? q->ready : VIRTQ_MAX;
}

u32 virtio_read(struct machine *m, u32 slot, u32 reg, u32 width)
{
	struct virtio *v = &m->virtio[slot];

	if (reg >= VIRTIO_MMIO_CONFIG)
		return read_config(m, slot, reg - VIRTIO_MMIO_CONFIG, width);
	switch (reg) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return virtio_is_there(m, slot) ? device(m, slot)->id : 0;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return v->features_sel < 2 ? features(m, slot) >> 32 * v->features_sel : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
	case VIRTIO_MMIO_QUEUE_READY:
		return read_queue(selected(m, v, slot), reg);
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return v->isr;
	case VIRTIO_MMIO_STATUS:
		return v->status;
	default:
		return 0;
	}
}

static void set_half(u64 *val, bool high, u32 half)
{
	*val = high ? (u32)*val | (u64)half << 32 : (*val & ~0xffffffffull) | half;
}

static void write_queue(struct virtq *q, u32 reg, u32 val)
{
	switch (reg) {
	case VIRTIO_MMIO_QUEUE_NUM:
		/* A power of two. */
		q->num = val && val <= VIRTQ_MAX && !(val & (val - 1)) ? val : 1;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		q->ready = val & 1 && q->num;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&q->desc, reg == VIRTIO_MMIO_QUEUE_DESC_HIGH, val);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&q->avail, reg == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, val);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&q->used, reg == VIRTIO_MMIO_QUEUE_USED_HIGH, val);
		break;
	}
}

/* Those that the device has accepted stay until the driver resets it. */
static void write_features(struct virtio *v, u32 val)
{
	if (v->driver_sel < 2 && !(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
		set_half(&v->driver_features, v->driver_sel, val);
}

/* Without version 1 the driver is not ours: the device does not accept its features. */
static void write_status(struct machine *m, struct virtio *v, u32 slot, u32 val)
{
	u64 wanted = v->driver_features;

	if (!val) {
		reset(m, slot);
		return;
	}
	if (wanted & ~features(m, slot) || !(wanted >> VIRTIO_F_VERSION_1 & 1))
		val &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	v->status = val | (v->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	status_changed(m, slot);
}

void virtio_write(struct machine *m, u32 slot, u32 reg, u32 val)
{
	struct virtio *v = &m->virtio[slot];
	struct virtq *q = selected(m, v, slot);

	switch (reg) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		v->features_sel = val;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		v->driver_sel = val;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_features(v, val);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		v->queue_sel = val;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (val < device(m, slot)->nr_queues)
			device(m, slot)->notify(m, v, val);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		v->isr &= ~val;
		virtio_update(m, v);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(m, v, slot, val);
		break;
	default:
		if (q)
			write_queue(q, reg, val);
	}
}
