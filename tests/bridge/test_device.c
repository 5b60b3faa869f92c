// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways in which the kernel transfers to and from a process's memory, on a mapping of a space:
 * what arrives is seen by pread(), by the mapping and by a KVM guest.
 */
#include "bridge.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BYTES	(8 * MIB)
#define PIECE	(64 * 1024ull)

static struct memory m;
static struct vm vm;

static void begin(void)
{
	m = new_memory(BYTES);
	vm_make(&vm, &m);
}

/* Everybody finds the pattern of @seed at @gpa. */
static void expect_everywhere(u64 gpa, u64 bytes, u64 seed)
{
	u64 *copy = buffer(bytes);

	expect_ok(axas_read_all(m.fd, gpa, copy, bytes, NULL));
	expect(has_pattern(copy, bytes, seed));
	expect(has_pattern(word(&m, gpa), bytes, seed));
	expect_eq(guest_sum_of(&vm, gpa, bytes), sum_of(copy, bytes));
	munmap(copy, bytes);
}

/* The disk holds the pattern of @seed in its first @bytes. */
static int pattern_on_disk(u64 bytes, u64 seed)
{
	u64 *from = buffer(bytes);
	int disk = open_disk();

	fill_pattern(from, bytes, seed);
	expect_eq(pwrite(disk, from, bytes, 0), (ssize_t)bytes);
	munmap(from, bytes);
	return disk;
}

/* Into untouched memory, into memory that the guest has, and across two frames of 2 MiB. */
static void direct_read(void)
{
	static const u64 to[] = { 0, MIB, 2 * MIB - PIECE / 2, 4 * MIB + PAGE };
	int disk;

	begin();
	expect_ok(vm_call(&vm, guest_touch, TEST_GPA + MIB, TEST_GPA + 2 * MIB, PAGE, NULL));
	for (u64 i = 0; i < ARRAY_SIZE(to); i++) {
		disk = pattern_on_disk(PIECE, i + 1);
		expect_eq(pread(disk, (void *)word(&m, to[i]), PIECE, 0), (ssize_t)PIECE);
		expect_everywhere(to[i], PIECE, i + 1);
		close(disk);
	}
}

/* A part of a page only: the rest stays. */
static void direct_read_of_a_sector(void)
{
	int disk;

	begin();
	disk = pattern_on_disk(PAGE, 9);
	guest_set(&vm, PAGE, 11);
	guest_set(&vm, PAGE + 1024, 12);
	expect_eq(pread(disk, (void *)word(&m, PAGE + 512), 512, 0), 512);
	expect(has_pattern(word(&m, PAGE + 512), 512, 9));
	expect_eq(guest_word(&vm, PAGE), 11);
	expect_eq(guest_word(&vm, PAGE + 1024), 12);
	expect_eq(guest_sum_of(&vm, PAGE + 512, 512), sum_of(word(&m, PAGE + 512), 512));
}

static void direct_write(void)
{
	u64 *back = buffer(PIECE);
	int disk;

	begin();
	disk = open_disk();
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA + 2 * MIB - PIECE / 2,
			  TEST_GPA + 2 * MIB + PIECE / 2, 1000, NULL));
	expect_eq(pwrite(disk, (void *)word(&m, 2 * MIB - PIECE / 2), PIECE, 0), (ssize_t)PIECE);
	expect_eq(pread(disk, back, PIECE, 0), (ssize_t)PIECE);
	for (u64 i = 0; i < PIECE / sizeof(u64); i++)
		expect_eq(back[i], 1000 + i);
	/* Memory that nobody touched is zeroes. */
	expect_eq(pwrite(disk, (void *)word(&m, 6 * MIB), PIECE, 0), (ssize_t)PIECE);
	expect_eq(pread(disk, back, PIECE, 0), (ssize_t)PIECE);
	expect_eq(sum_of(back, PIECE), 0);
}

static int libc_error(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

static void direct_respects_areas(void)
{
	u64 unit = kind->unit;
	int disk;

	begin();
	disk = pattern_on_disk(PAGE, 1);
	guest_set(&vm, 0, 7);
	expect_ok(axas_protect(m.fd, 0, unit, RO));
	expect_eq(libc_error(pread(disk, (void *)m.at, PAGE, 0)), -EFAULT);
	expect_eq(read_word(&m, 0), 7);
	expect_eq(libc_error(pwrite(disk, (void *)m.at, PAGE, 0)),
		  reads_what_is_read_only() ? (int)PAGE : -EFAULT);
	expect_ok(axas_unmap(m.fd, 0, unit));
	expect_eq(libc_error(pread(disk, (void *)m.at, PAGE, 0)), -EFAULT);
	expect_eq(libc_error(pwrite(disk, (void *)m.at, PAGE, 0)), -EFAULT);
}

/* A discard between: the next transfer goes to the new frame. */
static void direct_after_discard(void)
{
	int disk;

	begin();
	disk = pattern_on_disk(PIECE, 3);
	for (int i = 0; i < 100; i++) {
		expect_eq(pread(disk, (void *)m.at, PIECE, 0), (ssize_t)PIECE);
		expect(has_pattern(m.at, PIECE, 3));
		expect_ok(discard(&m, 0, 2 * MIB));
		expect_eq(guest_word(&vm, 8), 0);
	}
	expect_eq(pread(disk, (void *)m.at, PIECE, 0), (ssize_t)PIECE);
	expect_everywhere(0, PIECE, 3);
}

static void vmsplice_sends_pages(void)
{
	struct iovec vec;
	u64 *back = buffer(PIECE);
	int ends[2];

	begin();
	expect_libc(pipe(ends));
	vec = (struct iovec){ (void *)m.at, PIECE };
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA, TEST_GPA + PIECE, 500, NULL));
	expect_eq(vmsplice(ends[1], &vec, 1, 0), (ssize_t)PIECE);
	/* The pipe holds the pages: what it has stays whole, and the guest gets new ones. */
	expect_ok(discard(&m, 0, 2 * MIB));
	expect_eq(guest_word(&vm, 0), 0);
	guest_set(&vm, 0, 1);
	expect_eq(read(ends[0], back, PIECE), (ssize_t)PIECE);
	for (u64 i = 0; i < PIECE / sizeof(u64); i++)
		expect_eq(back[i], 500 + i);
	expect_eq(guest_word(&vm, 0), 1);
	/* And back, from a pipe. */
	fill_pattern(back, PIECE, 5);
	expect_eq(write(ends[1], back, PIECE), (ssize_t)PIECE);
	expect_eq(vmsplice(ends[0], &vec, 1, 0), (ssize_t)PIECE);
	expect_everywhere(0, PIECE, 5);
}

static void write_from_a_child(void *arg)
{
	u64 *from = buffer(PIECE);
	struct iovec local = { from, PIECE }, remote = { (void *)word(&m, 3 * MIB), PIECE };
	pid_t parent = getppid();

	(void)arg;
	expect_eq(process_vm_readv(parent, &local, 1, &remote, 1, 0), (ssize_t)PIECE);
	expect_eq(from[1], 301);
	fill_pattern(from, PIECE, 6);
	expect_eq(process_vm_writev(parent, &local, 1, &remote, 1, 0), (ssize_t)PIECE);
}

static void another_process_reaches_it(void)
{
	begin();
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA + 3 * MIB, TEST_GPA + 3 * MIB + PIECE, 300,
			  NULL));
	in_child(write_from_a_child, NULL);
	expect_everywhere(3 * MIB, PIECE, 6);
}

/*
 * io_uring, as far as it is needed: one request at a time. The rings are one mapping; its offsets
 * are in @p.
 */
struct ring {
	int fd;
	struct io_uring_params p;
	u8 *at;
	struct io_uring_sqe *sqe;
};

static void ring_make(struct ring *r)
{
	u64 bytes;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(__NR_io_uring_setup, 1, &r->p);
	expect_libc(r->fd);
	expect(r->p.features & IORING_FEAT_SINGLE_MMAP);
	bytes = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);
	r->at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->sqe = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQES);
	if (r->at == MAP_FAILED || r->sqe == MAP_FAILED)
		fail("mmap of a ring: %s", strerror(errno));
}

static u32 *in_ring(struct ring *r, u32 offset)
{
	return (u32 *)(r->at + offset);
}

/* Transfer between the disk's begin and @addr: its result. */
static int ring_do(struct ring *r, u8 op, int disk, volatile void *addr, u32 bytes)
{
	u32 tail = *in_ring(r, r->p.sq_off.tail), head = *in_ring(r, r->p.cq_off.head);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(r->at + r->p.cq_off.cqes);

	*r->sqe = (struct io_uring_sqe){
		.opcode = op, .fd = disk, .addr = (uintptr_t)addr, .len = bytes
	};
	in_ring(r, r->p.sq_off.array)[0] = 0;
	__atomic_store_n(in_ring(r, r->p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	expect_eq(syscall(__NR_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	expect_eq(__atomic_load_n(in_ring(r, r->p.cq_off.tail), __ATOMIC_ACQUIRE), head + 1);
	__atomic_store_n(in_ring(r, r->p.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqes[head & *in_ring(r, r->p.cq_off.ring_mask)].res;
}

static int ring_register(struct ring *r, volatile void *at, u64 bytes)
{
	struct iovec vec = { (void *)at, bytes };

	return syscall(__NR_io_uring_register, r->fd, IORING_REGISTER_BUFFERS, &vec, 1) ?
	       -errno : 0;
}

static void uring_without_registration(void)
{
	struct ring ring;
	int disk;

	begin();
	disk = pattern_on_disk(PIECE, 21);
	ring_make(&ring);
	expect_eq(ring_do(&ring, IORING_OP_READ, disk, m.at, PIECE), (int)PIECE);
	expect_everywhere(0, PIECE, 21);
}

/*
 * Registered buffers are pinned for long. 6.1 does that only for shmem and hugetlbfs; from 6.5 on
 * no mapping that is notified of writes can be pinned so.
 */
static int expected_of_register(void)
{
	if (kernel_version() < 6005)
		return -EOPNOTSUPP;
	return kind->create_flags & AXAS_CREATE_PINNABLE ? 0 : -EFAULT;
}

static void uring_registered(void)
{
	struct ring ring;
	int disk;

	begin();
	ring_make(&ring);
	expect_eq(ring_register(&ring, m.at, 4 * MIB), expected_of_register());
	if (expected_of_register()) {
		note("registered buffers: %s, as expected of this kernel and kind",
		     strerror(-expected_of_register()));
		return;
	}
	disk = pattern_on_disk(PIECE, 22);
	expect_eq(ring_do(&ring, IORING_OP_READ_FIXED, disk, word(&m, 2 * MIB - PIECE / 2), PIECE),
		  (int)PIECE);
	expect_everywhere(2 * MIB - PIECE / 2, PIECE, 22);
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA, TEST_GPA + PIECE, 900, NULL));
	expect_eq(ring_do(&ring, IORING_OP_WRITE_FIXED, disk, m.at, PIECE), (int)PIECE);
	expect_eq(ring_do(&ring, IORING_OP_READ_FIXED, disk, word(&m, 3 * MIB), PIECE), (int)PIECE);
	expect_eq(guest_word(&vm, 3 * MIB), 900);
	expect_eq(guest_word(&vm, 3 * MIB + PIECE - 8), 900 + PIECE / 8 - 1);
}

/* A pinned page that is discarded belongs to its holder alone, and is not freed under it. */
static void uring_after_discard(void)
{
	struct ring ring;
	int disk;

	begin();
	ring_make(&ring);
	if (ring_register(&ring, m.at, 4 * MIB))
		skip("no registered buffers here");
	disk = pattern_on_disk(PIECE, 23);
	expect_ok(discard(&m, 0, 2 * MIB));
	guest_set(&vm, 0, 5);
	expect_eq(ring_do(&ring, IORING_OP_READ_FIXED, disk, m.at, PIECE), (int)PIECE);
	expect_eq(guest_word(&vm, 0), 5);
	expect_eq(guest_word(&vm, 8), 0);
	close(ring.fd);
}

static const struct test tests[] = {
	{ "O_DIRECT reads into guest memory", direct_read },
	{ "O_DIRECT reads into a part of a page", direct_read_of_a_sector },
	{ "O_DIRECT writes from guest memory", direct_write },
	{ "O_DIRECT respects areas", direct_respects_areas },
	{ "O_DIRECT after a discard", direct_after_discard },
	{ "vmsplice to and from a pipe", vmsplice_sends_pages },
	{ "process_vm_readv and process_vm_writev", another_process_reaches_it },
	{ "io_uring without registration", uring_without_registration },
	{ "io_uring with registered buffers", uring_registered },
	{ "io_uring's registered buffers after a discard", uring_after_discard },
};

const struct suite suite_device = { "device", tests, ARRAY_SIZE(tests), false };
