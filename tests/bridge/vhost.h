/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vhost.c: a front end of vhost-user-blk (QEMU's docs/interop/vhost-user.rst, virtio 1.2, 2.7 and
 * 5.2), with one queue of split rings in guest memory.
 */
#ifndef AXAS_BRIDGE_TEST_VHOST_H
#define AXAS_BRIDGE_TEST_VHOST_H

#include "bridge.h"

/**
 * struct vhost - a connection to a back end
 * @sock: the socket
 * @kick: eventfd that says "there is a request"
 * @call: eventfd that says "one is done"
 * @m: the memory that it was given
 * @rings: where the queue is in it
 * @sent: number of requests so far
 */
struct vhost {
	int sock;
	int kick;
	int call;
	const struct memory *m;
	u64 rings;
	u16 sent;
};

#define VHOST_RINGS_BYTES	(4 * PAGE)

/* Connect to the socket @path, hand over all of @m, and start the queue at @rings in it. */
void vhost_start(struct vhost *v, const char *path, const struct memory *m, u64 rings);
/* Transfer @bytes between @sector of the disk and @gpa: virtio's status, 0 is good. */
int vhost_read(struct vhost *v, u64 sector, u64 gpa, u32 bytes);
int vhost_write(struct vhost *v, u64 sector, u64 gpa, u32 bytes);

#endif /* AXAS_BRIDGE_TEST_VHOST_H */
