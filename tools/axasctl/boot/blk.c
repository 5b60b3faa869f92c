// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk: virtio's block device over a file. Each request is done at once, on the thread of the
 * vCPU that asks for it. Calls vhost.c, virtqueue.c and memory.c. The machine's lock is held.
 *
 * "Virtual I/O Device (VIRTIO) Version 1.2", 5.2.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#define SECTOR		512ull
#define CHUNK		0x10000u
#define NAME		"axasctl"
#define VHOST		"vhost:"

/* Bytes from or to the file at @offset, through a buffer: the guest's memory may be protected. */
static int transfer(struct machine *m, const struct part *p, u64 offset)
{
	static u8 buf[CHUNK];

	for (u32 at = 0, len; at < p->len; at += len) {
		len = p->len - at < CHUNK ? p->len - at : CHUNK;
		if (!p->in && memory_read(m, p->gpa + at, buf, len))
			return -EFAULT;
		if (p->in ? pread(m->disk, buf, len, offset + at) != len :
			    pwrite(m->disk, buf, len, offset + at) != len)
			return -EIO;
		if (p->in && memory_write(m, p->gpa + at, buf, len))
			return -EFAULT;
	}
	return 0;
}

/* All parts but the first, the header, and the last, the status. @written: to the guest. */
static int move_data(struct machine *m, const struct chain *c, bool in, u64 sector, u32 *written)
{
	u64 offset = sector * SECTOR;
	int err = 0;

	for (u32 i = 1; i + 1 < c->nr && !err; i++) {
		const struct part *p = &c->part[i];

		if (p->in != in || p->len % SECTOR || sector > m->disk_sectors ||
		    offset + p->len > m->disk_sectors * SECTOR)
			return -EINVAL;
		err = transfer(m, p, offset);
		offset += p->len;
		*written += in ? p->len : 0;
	}
	return err;
}

static int give_name(struct machine *m, const struct chain *c, u32 *written)
{
	char name[VIRTIO_BLK_ID_BYTES] = NAME;

	if (c->nr < 3 || !c->part[1].in || c->part[1].len < sizeof(name))
		return -EINVAL;
	*written = sizeof(name);
	return memory_write(m, c->part[1].gpa, name, sizeof(name));
}

static u8 serve(struct machine *m, const struct chain *c, u32 *written)
{
	struct virtio_blk_outhdr head;
	int err = -EINVAL;

	if (c->part[0].len < sizeof(head) || memory_read(m, c->part[0].gpa, &head, sizeof(head)))
		return VIRTIO_BLK_S_IOERR;
	switch (head.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		err = move_data(m, c, head.type == VIRTIO_BLK_T_IN, head.sector, written);
		break;
	case VIRTIO_BLK_T_FLUSH:
		err = fdatasync(m->disk);
		break;
	case VIRTIO_BLK_T_GET_ID:
		err = give_name(m, c, written);
		break;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
	return err ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

static void notify(struct machine *m, struct virtio *v, u32 queue)
{
	struct chain c;
	u32 written;
	u8 status;

	while (virtq_next(m, v, queue, &c)) {
		const struct part *last = &c.part[c.nr - 1];

		written = 0;
		status = serve(m, &c, &written);
		if (c.nr > 1 && last->in && last->len)
			memory_write(m, last->gpa + last->len - 1, &status, 1);
		virtq_done(m, v, queue, &c, written + 1);
		m->disk_requests++;
	}
}

static void config(const struct machine *m, u8 *buf)
{
	struct virtio_blk_config c = { .capacity = m->disk_sectors, .seg_max = VIRTQ_MAX - 2 };

	memcpy(buf, &c, offsetof(struct virtio_blk_config, geometry));
}

const struct virtio_device blk_device = {
	.id = VIRTIO_ID_BLOCK, .nr_queues = 1, .notify = notify, .config = config,
	.features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_FLUSH,
};

int blk_open(struct machine *m, const char *path)
{
	u64 bytes = 0;
	struct stat st;

	if (!strncmp(path, VHOST, strlen(VHOST)))
		return vhost_open(m, path + strlen(VHOST));
	m->disk = open(path, O_RDWR | O_CLOEXEC);
	if (m->disk < 0 || fstat(m->disk, &st))
		return -errno;
	if (S_ISREG(st.st_mode))
		bytes = st.st_size;
	else if (!S_ISBLK(st.st_mode) || ioctl(m->disk, BLKGETSIZE64, &bytes))
		return -ENOTBLK;
	m->disk_sectors = bytes / SECTOR;
	return 0;
}
