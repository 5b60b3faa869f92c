// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio's devices without a guest: prints TAP. The driver is this test, and its memory an array.
 * Has the functions of memory.c, of the architecture and of libaxas that they call.
 */
#include "boot.h"
#include "test.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

/* Where things are in the memory. */
#define DESC	0x1000u
#define AVAIL	0x2000u
#define USED	0x3000u
#define HEAD	0x4000u
#define STATUS	0x4100u
#define DATA	0x8000u
#define LONG_DESC	0x10000u
#define BYTES	0x40000u

#define LENGTH	8u
#define SECTORS	64u
#define UNSET	0xaa

static struct machine m;
static u8 memory[BYTES];
static bool line[NR_VIRTIO];
static struct axas_extent discarded[8];
static u32 nr_discarded;

static bool outside(u64 gpa, size_t len)
{
	return gpa > BYTES || len > BYTES - gpa;
}

int memory_read(struct machine *machine, u64 gpa, void *buf, size_t len)
{
	(void)machine;
	if (outside(gpa, len))
		return -EFAULT;
	memcpy(buf, memory + gpa, len);
	return 0;
}

int memory_write(struct machine *machine, u64 gpa, const void *buf, size_t len)
{
	(void)machine;
	if (outside(gpa, len))
		return -EFAULT;
	memcpy(memory + gpa, buf, len);
	return 0;
}

void arch_virtio_line(struct machine *machine, u32 slot, bool level)
{
	(void)machine;
	line[slot] = level;
}

void machine_fail(struct machine *machine, int err, const char *what, const char *fmt, ...)
{
	(void)machine;
	(void)err;
	(void)what;
	(void)fmt;
}

u64 now_ns(void)
{
	return 0;
}

/* Instead of the library's. */
int axas_discard(int space, const struct axas_extent *extents, __u32 count, __u64 *done)
{
	(void)space;
	for (u32 i = 0; i < count && nr_discarded < ARRAY_SIZE(discarded); i++) {
		discarded[nr_discarded++] = extents[i];
		*done += extents[i].length;
	}
	return 0;
}

static u32 get(u32 slot, u32 reg)
{
	return virtio_read(&m, slot, reg, 4);
}

static void put(u32 slot, u32 reg, u32 val)
{
	virtio_write(&m, slot, reg, val);
}

static void add(u32 i, u64 gpa, u32 len, u16 flags)
{
	struct vring_desc desc = { gpa, len, flags, i + 1 };

	memcpy(memory + DESC + i * sizeof(desc), &desc, sizeof(desc));
}

/* As a driver starts, with one queue. */
static void start(u32 slot, u32 queue, u32 features)
{
	memset(memory, 0, sizeof(memory));
	nr_discarded = 0;
	put(slot, VIRTIO_MMIO_STATUS, 0);
	put(slot, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	put(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(slot, VIRTIO_MMIO_DRIVER_FEATURES, features);
	put(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(slot, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	put(slot, VIRTIO_MMIO_STATUS, 0xb);
	put(slot, VIRTIO_MMIO_QUEUE_SEL, queue);
	put(slot, VIRTIO_MMIO_QUEUE_NUM, LENGTH);
	put(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, DESC);
	put(slot, VIRTIO_MMIO_QUEUE_AVAIL_LOW, AVAIL);
	put(slot, VIRTIO_MMIO_QUEUE_USED_LOW, USED);
	put(slot, VIRTIO_MMIO_QUEUE_READY, 1);
	put(slot, VIRTIO_MMIO_STATUS, 0xf);
}

static u16 used_idx(void)
{
	return *(u16 *)(memory + USED + 2);
}

/* Make the chain that begins with @head available; false: it was not used. */
static bool give(u32 slot, u32 queue, u16 head)
{
	u16 *idx = (u16 *)(memory + AVAIL + 2), before = used_idx();

	*(u16 *)(memory + AVAIL + 4 + *idx % LENGTH * 2) = head;
	++*idx;
	put(slot, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	return used_idx() == (u16)(before + 1);
}

static void disk_head(u32 type, u64 sector)
{
	struct virtio_blk_outhdr head = { .type = type, .sector = sector };

	memcpy(memory + HEAD, &head, sizeof(head));
	add(0, HEAD, sizeof(head), VRING_DESC_F_NEXT);
	memory[STATUS] = UNSET;
}

/* A request of @bytes of data in one part; its status. */
static u8 disk(u32 type, u64 sector, u32 bytes)
{
	bool in = type != VIRTIO_BLK_T_OUT;

	disk_head(type, sector);
	if (bytes)
		add(1, DATA, bytes, VRING_DESC_F_NEXT | (in ? VRING_DESC_F_WRITE : 0));
	add(1 + !!bytes, STATUS, 1, VRING_DESC_F_WRITE);
	return give(VIRTIO_DISK, 0, 0) ? memory[STATUS] : UNSET;
}

static void test_registers(void)
{
	ok(get(0, VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976 && get(0, VIRTIO_MMIO_VERSION) == 2,
	   "registers say what they are");
	ok(get(VIRTIO_DISK, VIRTIO_MMIO_DEVICE_ID) == VIRTIO_ID_BLOCK &&
	   get(VIRTIO_BALLOON, VIRTIO_MMIO_DEVICE_ID) == VIRTIO_ID_BALLOON, "both are there");
	m.balloon = false;
	ok(!get(VIRTIO_BALLOON, VIRTIO_MMIO_DEVICE_ID), "one that is not there has no number");
	m.balloon = true;
	put(0, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	ok(get(0, VIRTIO_MMIO_DEVICE_FEATURES) == 1, "version 1 is offered");
	ok(get(0, VIRTIO_MMIO_CONFIG) == SECTORS && !get(0, VIRTIO_MMIO_CONFIG + 4),
	   "the disk tells its size");
	ok(!virtio_read(&m, 0, 0x1fc, 4) && !virtio_read(&m, 0, VIRTIO_MMIO_CONFIG, 8),
	   "there is no configuration behind its end, nor in 8 bytes");
	put(0, VIRTIO_MMIO_QUEUE_SEL, 1);
	ok(!get(0, VIRTIO_MMIO_QUEUE_NUM_MAX), "the disk has one queue");
	put(0, VIRTIO_MMIO_QUEUE_SEL, 0);
	ok(get(0, VIRTIO_MMIO_QUEUE_NUM_MAX) == VIRTQ_MAX, "of the length that it says");
	put(0, VIRTIO_MMIO_STATUS, 0xb);
	ok(get(0, VIRTIO_MMIO_STATUS) == 3, "a driver without version 1 is refused");
	start(0, 0, 1);
	ok(!(get(0, VIRTIO_MMIO_STATUS) & 8), "and one that wants what is not offered");
	ok(disk(VIRTIO_BLK_T_IN, 0, 512) == UNSET, "which has no device");
	start(0, 0, 0);
	ok(get(0, VIRTIO_MMIO_STATUS) == 0xf && get(0, VIRTIO_MMIO_QUEUE_READY) == 1,
	   "a driver starts");
	put(0, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	put(0, VIRTIO_MMIO_STATUS, 0xf);
	ok(get(0, VIRTIO_MMIO_STATUS) == 0xf && m.virtio[0].driver_features == 1ull << 32,
	   "features that were accepted stay");
	put(0, VIRTIO_MMIO_STATUS, 0);
	ok(!get(0, VIRTIO_MMIO_STATUS) && !get(0, VIRTIO_MMIO_QUEUE_READY), "and resets");
}

static void test_disk(void)
{
	char text[512] = "", name[] = "axasctl";

	start(VIRTIO_DISK, 0, 0);
	memset(memory + DATA, 'x', 1024);
	ok(!disk(VIRTIO_BLK_T_OUT, 3, 1024), "sectors are written");
	ok(pread(m.disk, text, 512, 4 * 512) == 512 && text[0] == 'x' && text[511] == 'x' &&
	   pread(m.disk, text, 1, 5 * 512) == 1 && !text[0], "to their place");
	ok(line[VIRTIO_DISK] && get(0, VIRTIO_MMIO_INTERRUPT_STATUS) == 1, "with an interrupt");
	put(0, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	ok(!line[VIRTIO_DISK], "which is acknowledged");
	memset(memory + DATA, 0, 1024);
	*(u16 *)(memory + AVAIL) = VRING_AVAIL_F_NO_INTERRUPT;
	ok(!disk(VIRTIO_BLK_T_IN, 4, 512) && memory[DATA] == 'x' && memory[DATA + 511] == 'x' &&
	   !memory[DATA + 512], "sectors are read");
	ok(!line[VIRTIO_DISK], "without an interrupt if none is wanted");
	ok(*(u32 *)(memory + USED + 4 + 8 + 4) == 513, "and what was written is told");
	ok(!disk(VIRTIO_BLK_T_FLUSH, 0, 0), "it is flushed");
	ok(!disk(VIRTIO_BLK_T_GET_ID, 0, 20) && !memcmp(memory + DATA, name, sizeof(name)),
	   "it has a name");
	ok(disk(VIRTIO_BLK_T_DISCARD, 0, 0) == VIRTIO_BLK_S_UNSUPP, "others are not supported");
	for (u32 i = 0; i < 3 * LENGTH; i++)
		if (disk(VIRTIO_BLK_T_IN, i, 512))
			memory[0] = 1;
	ok(!memory[0], "rings go round");
}

static void test_bad_requests(void)
{
	start(VIRTIO_DISK, 0, 0);
	ok(disk(VIRTIO_BLK_T_IN, SECTORS, 512) == 1, "behind the end is an error");
	ok(disk(VIRTIO_BLK_T_IN, SECTORS - 1, 1024) == 1, "and across it");
	ok(disk(VIRTIO_BLK_T_OUT, ~0ull, 512) == 1 && disk(VIRTIO_BLK_T_IN, 1ull << 55, 512) == 1,
	   "and far away");
	ok(disk(VIRTIO_BLK_T_IN, 0, 100) == 1, "and a part of a sector");
	disk_head(VIRTIO_BLK_T_IN, 0);
	add(1, BYTES, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	add(2, STATUS, 1, VRING_DESC_F_WRITE);
	ok(give(VIRTIO_DISK, 0, 0) && memory[STATUS] == 1, "and memory that is none");
	disk_head(VIRTIO_BLK_T_OUT, 0);
	add(1, DATA, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	add(2, STATUS, 1, VRING_DESC_F_WRITE);
	ok(give(VIRTIO_DISK, 0, 0) && memory[STATUS] == 1, "and data of the wrong direction");
	add(0, HEAD, 16, 0);
	ok(give(VIRTIO_DISK, 0, 0), "a request without a status has none");
	ok(!(get(0, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET), "none of it is its end");
}

/* Each ring is none in another way. */
static bool breaks(void (*spoil)(void))
{
	start(VIRTIO_DISK, 0, 0);
	disk_head(VIRTIO_BLK_T_IN, 0);
	add(1, STATUS, 1, VRING_DESC_F_WRITE);
	spoil();
	give(VIRTIO_DISK, 0, 0);
	return get(0, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET &&
	       get(0, VIRTIO_MMIO_INTERRUPT_STATUS) & 2 && line[VIRTIO_DISK];
}

static void far_next(void)
{
	add(LENGTH - 1, HEAD, 16, VRING_DESC_F_NEXT);
	*(u16 *)(memory + DESC + 14) = LENGTH - 1;
}

static void endless(void)
{
	*(u16 *)(memory + DESC + 16 + 12) = VRING_DESC_F_NEXT;
	*(u16 *)(memory + DESC + 16 + 14) = 0;
}

static void indirect(void)
{
	*(u16 *)(memory + DESC + 12) = VRING_DESC_F_INDIRECT;
}

static void too_many(void)
{
	*(u16 *)(memory + AVAIL + 2) = LENGTH + 1;
}

static void test_broken_rings(void)
{
	ok(breaks(far_next), "a descriptor behind the ring breaks it");
	ok(breaks(endless), "and a chain without end");
	ok(breaks(indirect), "and an indirect one, which was not offered");
	ok(breaks(too_many), "and more buffers than it has");
	ok(!give(VIRTIO_DISK, 0, 0), "then it does nothing");
	start(VIRTIO_DISK, 0, 0);
	ok(!disk(VIRTIO_BLK_T_IN, 0, 512), "until it is reset");
}

/* A queue that no driver can have set up: longer than a chain may be, or without a length. */
static void test_odd_queues(void)
{
	struct virtq *q = &m.virtio[VIRTIO_BALLOON].queue[0];

	start(VIRTIO_BALLOON, 0, 0);
	q->num = 4 * VIRTQ_MAX;
	q->desc = LONG_DESC;
	for (u32 i = 0; i < q->num; i++) {
		struct vring_desc desc = { DATA, 4, VRING_DESC_F_NEXT, i + 1 };

		memcpy(memory + LONG_DESC + i * sizeof(desc), &desc, sizeof(desc));
	}
	give(VIRTIO_BALLOON, 0, 0);
	ok(get(VIRTIO_BALLOON, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET,
	   "a chain that is too long breaks the device");
	start(VIRTIO_BALLOON, 0, 0);
	q->num = 0;
	ok(!give(VIRTIO_BALLOON, 0, 0), "a queue without a length is none");
}

static void test_balloon(void)
{
	const u32 pfns[] = { 5, 7 };

	start(VIRTIO_BALLOON, 2, 1u << 5);
	add(0, 0x10000, 0x2000, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	add(1, 0x20000, 0x1000, VRING_DESC_F_WRITE);
	ok(give(VIRTIO_BALLOON, 2, 0) && nr_discarded == 2 && discarded[0].gpa == 0x10000 &&
	   discarded[0].length == 0x2000 && discarded[1].gpa == 0x20000, "free pages go");
	ok(m.reported == 3, "and counted");
	add(0, 0x10800, 0x1000, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	add(1, 0x10000, 0x1000, 0);
	ok(give(VIRTIO_BALLOON, 2, 0) && nr_discarded == 2, "others are not");
	start(VIRTIO_BALLOON, 0, 1u << 5);
	memcpy(memory + DATA, pfns, sizeof(pfns));
	add(0, DATA, sizeof(pfns), 0);
	ok(give(VIRTIO_BALLOON, 0, 0) && nr_discarded == 2 && discarded[1].gpa == 0x7000 &&
	   discarded[1].length == 0x1000, "inflating discards");
	add(0, DATA, 1u << 20, 0);
	ok(give(VIRTIO_BALLOON, 0, 0) && nr_discarded == 2, "but not too much at once");
	start(VIRTIO_BALLOON, 1, 1u << 5);
	add(0, DATA, sizeof(pfns), 0);
	ok(give(VIRTIO_BALLOON, 1, 0) && !nr_discarded, "deflating does not");
}

int main(void)
{
	char path[] = "/tmp/virtio_test.XXXXXX";
	int fd = mkstemp(path);

	m.disk = -1;
	m.balloon = true;
	if (fd < 0 || ftruncate(fd, SECTORS * 512) || blk_open(&m, path))
		return 1;
	unlink(path);
	puts("TAP version 13");
	virtio_reset(&m);
	ok(blk_open(&(struct machine){ 0 }, "/dev/null") == -ENOTBLK, "a disk is a file");
	test_registers();
	test_disk();
	test_bad_requests();
	test_broken_rings();
	test_odd_queues();
	test_balloon();
	printf("1..%d\n", nr);
	return failures != 0;
}
