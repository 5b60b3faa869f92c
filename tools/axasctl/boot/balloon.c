// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio's memory balloon: pages that the guest reports as free, or that it has inflated the
 * balloon by, give their frames back. Its target is always nothing. Calls virtqueue.c, memory.c and
 * libaxas. The machine's lock is held.
 *
 * "Virtual I/O Device (VIRTIO) Version 1.2", 5.5.
 */
#include "boot.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <string.h>

/*
 * Without statistics and hints, the third queue is that of reports. Drivers that count those that
 * they do not have, too, use the fifth.
 */
enum { INFLATE, DEFLATE, NR_QUEUES = 5 };

#define PFNS	256	/* Linux' at once */

static void discard(struct machine *m, const struct axas_extent *extents, u32 nr)
{
	__u64 done = 0;

	axas_discard(m->space, extents, nr, &done);
	m->reported += done / PAGE;
}

/* Free ranges: the buffers themselves, which the guest does not look into before we have them. */
static void take_report(struct machine *m, const struct chain *c)
{
	struct axas_extent extents[VIRTQ_MAX];
	u32 nr = 0;

	for (u32 i = 0; i < c->nr; i++)
		if (c->part[i].in && !(c->part[i].gpa % PAGE) && !(c->part[i].len % PAGE))
			extents[nr++] = (struct axas_extent){ c->part[i].gpa, c->part[i].len };
	discard(m, extents, nr);
}

/* Numbers of pages. */
static void inflate(struct machine *m, const struct chain *c)
{
	struct axas_extent extents[PFNS];
	u32 pfns[PFNS], nr = c->part[0].len / sizeof(pfns[0]);

	if (nr > PFNS || memory_read(m, c->part[0].gpa, pfns, nr * sizeof(pfns[0])))
		return;
	for (u32 i = 0; i < nr; i++)
		extents[i] = (struct axas_extent){ pfns[i] * PAGE, PAGE };
	discard(m, extents, nr);
}

static void notify(struct machine *m, struct virtio *v, u32 queue)
{
	struct chain c;

	while (virtq_next(m, v, queue, &c)) {
		if (queue == INFLATE)
			inflate(m, &c);
		else if (queue != DEFLATE)
			take_report(m, &c);
		virtq_done(m, v, queue, &c, 0);
	}
}

static void config(const struct machine *m, u8 *buf)
{
	struct virtio_balloon_config c = { 0 };

	(void)m;
	memcpy(buf, &c, sizeof(c));
}

const struct virtio_device balloon_device = {
	.id = VIRTIO_ID_BALLOON, .nr_queues = NR_QUEUES, .notify = notify, .config = config,
	.features = 1ull << VIRTIO_BALLOON_F_REPORTING,
};
