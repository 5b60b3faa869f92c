/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio's devices and their queues: declarations of virtio.c, virtqueue.c, blk.c, balloon.c and
 * vhost.c. Included by boot.h.
 */
#ifndef AXASCTL_BOOT_VIRTIO_H
#define AXASCTL_BOOT_VIRTIO_H

#include <pthread.h>

#include "../axasctl.h"

struct machine;

/* Virtio's devices, by slot. */
enum { VIRTIO_DISK, VIRTIO_BALLOON, NR_VIRTIO };

#define VIRTIO_SIZE		0x200ull	/* registers of a device */
#define VIRTIO_CONFIG_MAX	64
#define VIRTIO_QUEUES		5
#define VIRTQ_MAX		128u

/**
 * struct virtq - a queue, as the driver has set it up
 * @num: its length, a power of two, or 0
 * @ready: it is in use
 * @next: of the next buffer in the available ring
 * @used_idx: of the next one in the used ring
 * @desc: address of the descriptors
 * @avail: of the available ring
 * @used: of the used ring
 */
struct virtq {
	u32 num;
	bool ready;
	u16 next;
	u16 used_idx;
	u64 desc;
	u64 avail;
	u64 used;
};

/**
 * struct virtio - registers of a virtio device; all 0 after a reset
 * @status: of the driver's start
 * @isr: pending causes of its interrupt
 * @features_sel: the half of the features that the driver reads
 * @driver_sel: and that it writes
 * @driver_features: what it wants
 * @queue_sel: the queue that its accesses are about
 * @queue: the queues
 */
struct virtio {
	u32 status;
	u32 isr;
	u32 features_sel;
	u32 driver_sel;
	u64 driver_features;
	u32 queue_sel;
	struct virtq queue[VIRTIO_QUEUES];
};

#define VHOST_CONFIG	60	/* bytes of a disk's configuration */

/**
 * struct vhost - a disk in another process
 * @there: there is one; else nothing here is valid
 * @sock: the connection
 * @kick: an eventfd: buffers wait in the queue
 * @call: an eventfd: the device interrupts
 * @stop: an eventfd: the thread shall end
 * @features: that the back end offers
 * @config: the disk's configuration
 * @thread: waits for interrupts, valid if @runs
 * @runs: the thread has been created
 * @started: the back end works on the queue
 */
struct vhost {
	bool there;
	int sock;
	int kick;
	int call;
	int stop;
	u64 features;
	u8 config[VHOST_CONFIG];
	pthread_t thread;
	bool runs;
	bool started;
};

/* virtio.c. The lock is held. */
void virtio_reset(struct machine *m);
u32 virtio_read(struct machine *m, u32 slot, u32 reg, u32 width);
void virtio_write(struct machine *m, u32 slot, u32 reg, u32 val);

/**
 * struct virtio_device - what a kind of device has
 * @id: VIRTIO_ID_*
 * @features: that it offers, besides version 1
 * @nr_queues: how many
 * @notify: a queue may have buffers
 * @config: write its configuration, of at most VIRTIO_CONFIG_MAX bytes
 * @status: the driver has changed its status, or NULL
 */
struct virtio_device {
	u32 id;
	u64 features;
	u32 nr_queues;
	void (*notify)(struct machine *m, struct virtio *v, u32 queue);
	void (*config)(const struct machine *m, u8 *buf);
	void (*status)(struct machine *m, struct virtio *v);
};

/* blk.c, balloon.c, vhost.c */
extern const struct virtio_device blk_device, balloon_device, vhost_device;
/* Before the machine is created: 0 or -errno. */
int blk_open(struct machine *m, const char *path);
int vhost_open(struct machine *m, const char *path);
void vhost_close(struct machine *m);

/**
 * struct part - a part of a buffer
 * @gpa: its address
 * @len: bytes
 * @in: the device writes it; else it reads it
 */
struct part {
	u64 gpa;
	u32 len;
	bool in;
};

/**
 * struct chain - a buffer
 * @head: its number
 * @nr: parts, at least 1
 * @part: the parts
 */
struct chain {
	u16 head;
	u32 nr;
	struct part part[VIRTQ_MAX];
};

/* virtqueue.c: the driver has started the device, which works. */
bool virtio_runs(const struct virtio *v);
/* The next buffer of a queue, false: none; it is done. The lock is held. */
bool virtq_next(struct machine *m, struct virtio *v, u32 nr, struct chain *c);
void virtq_done(struct machine *m, struct virtio *v, u32 nr, const struct chain *c, u32 written);
/* Its interrupt may have changed. */
void virtio_update(struct machine *m, struct virtio *v);

#endif /* AXASCTL_BOOT_VIRTIO_H */
