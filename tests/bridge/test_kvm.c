// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a KVM guest on a mapping of a space sees of it, and the space of the guest, one step at a
 * time.
 */
#include "bridge.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES	(8 * MIB)

static struct memory m;
static struct vm vm;

static void begin(void)
{
	m = new_memory(BYTES);
	vm_make(&vm, &m);
}

static void guest_and_host_see_each_other(void)
{
	begin();
	expect_eq(guest_word(&vm, 5 * PAGE), 0);
	*word(&m, 5 * PAGE) = 55;
	expect_eq(guest_word(&vm, 5 * PAGE), 55);
	write_word(&m, 6 * PAGE, 66);
	expect_eq(guest_word(&vm, 6 * PAGE), 66);
	guest_set(&vm, 7 * PAGE, 77);
	expect_eq(*word(&m, 7 * PAGE), 77);
	expect_eq(read_word(&m, 7 * PAGE), 77);
	/* A read first: the guest's page is upgraded. */
	expect_eq(guest_word(&vm, 4 * MIB), 0);
	guest_set(&vm, 4 * MIB, 88);
	expect_eq(read_word(&m, 4 * MIB), 88);
}

static void every_page_is_the_guests_own(void)
{
	begin();
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA, TEST_GPA + BYTES, 1, NULL));
	for (u64 i = 0; i < BYTES / sizeof(u64); i++)
		expect_eq(m.at[i], i + 1);
	expect_eq(frames_of(&m), BYTES / PAGE);
}

/* KVM takes its leaf size from the host's. */
static void faults_follow_the_frames(void)
{
	u64 before, faults;

	begin();
	before = faults_of(&m);
	expect_ok(vm_call(&vm, guest_touch, TEST_GPA, TEST_GPA + BYTES, PAGE, NULL));
	faults = faults_of(&m) - before;
	note("%llu faults for %llu frames", faults, BYTES / kind->unit);
	/* At most one to read, as prefetch does, and one to write. */
	expect(faults >= BYTES / kind->unit / 512 && faults <= 2 * BYTES / kind->unit);
}

static void read_only_is_read_only(void)
{
	begin();
	guest_set(&vm, 0, 1);
	expect_ok(axas_protect(m.fd, 0, kind->unit, RO));
	if (reads_what_is_read_only())
		expect_eq(guest_word(&vm, 0), 1);
	else
		expect_eq(vm_call(&vm, guest_load, TEST_GPA, 0, 0, NULL), -EFAULT);
	expect_eq(vm_call(&vm, guest_store, TEST_GPA, 2, 0, NULL), -EFAULT);
	expect_eq(read_word(&m, 0), 1);
	guest_set(&vm, kind->unit, 3);
	expect_ok(axas_protect(m.fd, 0, kind->unit, RWX));
	guest_set(&vm, 0, 4);
	expect_eq(read_word(&m, 0), 4);
}

static void a_hole_is_a_hole(void)
{
	begin();
	guest_set(&vm, 0, 1);
	expect_ok(axas_unmap(m.fd, 0, kind->unit));
	expect_eq(vm_call(&vm, guest_load, TEST_GPA, 0, 0, NULL), -EFAULT);
	expect_eq(vm_call(&vm, guest_store, TEST_GPA, 2, 0, NULL), -EFAULT);
	expect_ok(axas_map_alloc(m.fd, 0, kind->unit, RWX, kind->map_flags));
	expect_eq(guest_word(&vm, 0), 0);
	guest_set(&vm, 0, 3);
	expect_eq(read_word(&m, 0), 3);
}

static void discarded_memory_is_zero(void)
{
	u64 frames;

	begin();
	expect_ok(vm_call(&vm, guest_touch, TEST_GPA, TEST_GPA + BYTES, PAGE, NULL));
	frames = frames_of(&m);
	expect_ok(discard(&m, 2 * MIB, 2 * MIB));
	expect_eq(frames_of(&m), frames - 512);
	expect_eq(guest_word(&vm, 3 * MIB), 0);
	expect_eq(guest_word(&vm, 4 * MIB), TEST_GPA + 4 * MIB);
	if (madvise((void *)word(&m, 4 * MIB), 2 * MIB, MADV_REMOVE))
		fail("MADV_REMOVE: %s", strerror(errno));
	expect_eq(guest_word(&vm, 4 * MIB), 0);
	/* A page of a frame of 2 MiB, too. */
	expect_ok(discard(&m, 6 * MIB + PAGE, PAGE));
	expect_eq(guest_word(&vm, 6 * MIB + PAGE), 0);
	expect_eq(guest_word(&vm, 6 * MIB + 2 * PAGE), TEST_GPA + 6 * MIB + 2 * PAGE);
}

/* A sealed memfd whose pages begin with their number, from 1 on. */
static int content(u64 pages)
{
	int fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	expect(fd >= 0);
	expect_ok(ftruncate(fd, pages * PAGE));
	for (u64 i = 0; i < pages; i++) {
		u64 word = i + 1;

		expect_eq(pwrite(fd, &word, sizeof(word), i * PAGE), (ssize_t)sizeof(word));
	}
	expect_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	return fd;
}

static u64 borrowed(void)
{
	struct axas_info info;

	expect_ok(axas_get_info(m.fd, &info));
	return info.borrowed;
}

/* The second 2 MiB are a file's: shared with it until the guest, or somebody else, writes. */
static void a_files_pages_are_shared_until_written(void)
{
	int file = content(512);
	u64 at = 2 * MIB, frames;

	begin();
	expect_ok(axas_unmap(m.fd, at, 2 * MIB));
	expect_ok(axas_map_file(m.fd, at, 2 * MIB, file, 0, RWX, 0));
	frames = frames_of(&m);
	for (u64 i = 0; i < 512; i += 3)
		expect_eq(guest_word(&vm, at + i * PAGE), i + 1);
	if (!(kind->create_flags & AXAS_CREATE_PINNABLE)) {
		expect(borrowed() > 0);
		expect_eq(frames_of(&m), frames);
	}
	guest_set(&vm, at + 5 * PAGE + 8, 55);
	expect_eq(read_word(&m, at + 5 * PAGE + 8), 55);
	expect_eq(read_word(&m, at + 5 * PAGE), 6);
	/* The guest has the borrowed page when the host's write replaces it. */
	expect_eq(guest_word(&vm, at + 6 * PAGE), 7);
	write_word(&m, at + 6 * PAGE, 77);
	expect_eq(guest_word(&vm, at + 6 * PAGE), 77);
	*word(&m, at + 9 * PAGE) = 99;
	expect_eq(guest_word(&vm, at + 9 * PAGE), 99);
	expect_ok(discard(&m, at + 12 * PAGE, PAGE));
	expect_eq(guest_word(&vm, at + 12 * PAGE), 0);
	/* Each page is written, and none of it reaches the file. */
	expect_ok(vm_call(&vm, guest_touch, TEST_GPA + at, TEST_GPA + 2 * at, PAGE, NULL));
	expect_eq(borrowed(), 0);
	for (u64 i = 0; i < 512; i++) {
		u64 val = 0;

		expect_eq(read_word(&m, at + i * PAGE), TEST_GPA + at + i * PAGE);
		expect_eq(pread(file, &val, sizeof(val), i * PAGE), (ssize_t)sizeof(val));
		expect_eq(val, i + 1);
	}
	close(file);
}

static void a_slot_outlives_the_descriptor(void)
{
	begin();
	guest_set(&vm, 0, 1);
	close(m.fd);
	expect_eq(guest_word(&vm, 0), 1);
	guest_set(&vm, 4 * MIB, 2);
	expect_eq(*word(&m, 4 * MIB), 2);
	if (munmap((void *)m.at, BYTES))
		fail("munmap: %s", strerror(errno));
	expect_eq(vm_call(&vm, guest_load, TEST_GPA, 0, 0, NULL), -EFAULT);
}

/* As a VMM restarts: another mapping, of the same memory. */
static void a_slot_can_be_mapped_again(void)
{
	volatile u64 *again;

	begin();
	guest_set(&vm, PAGE, 1);
	again = map_again(&m, PROT_READ | PROT_WRITE);
	vm_slot(&vm, again, BYTES);
	munmap((void *)m.at, BYTES);
	expect_eq(guest_word(&vm, PAGE), 1);
	guest_set(&vm, PAGE, 2);
	expect_eq(again[WORDS], 2);
	expect_eq(read_word(&m, PAGE), 2);
}

static void two_guests_share_a_space(void)
{
	struct vm other;

	begin();
	vm_make(&other, &m);
	guest_set(&vm, 0, 1);
	expect_eq(guest_word(&other, 0), 1);
	expect_ok(discard(&m, 0, kind->unit));
	expect_eq(guest_word(&other, 0), 0);
	expect_eq(guest_word(&vm, 0), 0);
}

/* From now on the memory's first 2 MiB are missing. */
static void begin_missing(void)
{
	m = new_memory(BYTES);
	expect_ok(axas_unmap(m.fd, 0, 2 * MIB));
	expect_ok(axas_map_alloc(m.fd, 0, 2 * MIB, RWX, kind->map_flags | AXAS_MAP_MISSING));
}

static u64 next_missing(void)
{
	struct pollfd pfd = { .fd = m.fd, .events = POLLPRI };
	u64 gpa = ~0ull;

	expect_eq(poll(&pfd, 1, 10000), 1);
	expect_eq(axas_get_missing(m.fd, 0, &gpa, 1, NULL), 1);
	return gpa;
}

#define MISSING_PAGES	64

static void *serve_pages(void *arg)
{
	u64 page[WORDS];

	for (int i = 0; i < MISSING_PAGES; i++) {
		u64 gpa = next_missing();

		fill_pattern(page, PAGE, gpa);
		expect_ok(axas_supply(m.fd, gpa, page, PAGE, 0, NULL));
	}
	return arg;
}

/* Its vCPU waits in KVM's fault; the first access to a page is a read or a write. */
static void a_missing_page_is_waited_for(void)
{
	pthread_t server;
	u64 page[WORDS];

	begin_missing();
	vm_make(&vm, &m);
	expect_eq(pthread_create(&server, NULL, serve_pages, NULL), 0);
	for (u64 gpa = 0; gpa < MISSING_PAGES * PAGE; gpa += PAGE) {
		if (gpa & PAGE)
			guest_set(&vm, gpa, 5);
		fill_pattern(page, PAGE, gpa);
		expect_eq(guest_word(&vm, gpa), gpa & PAGE ? 5 : page[0]);
		expect_eq(guest_word(&vm, gpa + 8), page[1]);
	}
	expect_eq(pthread_join(server, NULL), 0);
	expect_ok(discard(&m, 0, 2 * MIB));
	expect_eq(guest_word(&vm, 0), 0);
}

static void a_guest_that_waits_can_be_killed(void)
{
	int status;
	pid_t pid;

	begin_missing();
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		vm_make(&vm, &m);
		guest_word(&vm, 5 * PAGE);
		_exit(0);
	}
	expect_eq(next_missing(), 5 * PAGE);
	expect_eq(kill(pid, SIGKILL), 0);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status));
	expect_eq(frames_of(&m), 0);
}

static const struct test tests[] = {
	{ "a KVM guest and its host see each other's writes", guest_and_host_see_each_other },
	{ "each page of a KVM guest is its own", every_page_is_the_guests_own },
	{ "a KVM guest faults once for each frame", faults_follow_the_frames },
	{ "protect: a KVM guest may read only", read_only_is_read_only },
	{ "unmap: a KVM guest finds a hole", a_hole_is_a_hole },
	{ "discard: a KVM guest finds zeroes", discarded_memory_is_zero },
	{ "a file's pages are shared until they are written",
	  a_files_pages_are_shared_until_written },
	{ "a memory slot outlives the descriptor", a_slot_outlives_the_descriptor },
	{ "a memory slot can be mapped again", a_slot_can_be_mapped_again },
	{ "two KVM guests share a space", two_guests_share_a_space },
	{ "a KVM guest waits for a missing page", a_missing_page_is_waited_for },
	{ "a KVM guest that waits can be killed", a_guest_that_waits_can_be_killed },
};

const struct suite suite_kvm = { "kvm", tests, ARRAY_SIZE(tests), false };
