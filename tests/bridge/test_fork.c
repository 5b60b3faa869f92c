// SPDX-License-Identifier: GPL-2.0-only
/*
 * A KVM guest is forked: an image of its memory, and guests on clones of that, each with a mapping
 * of its own; beside the same by MAP_PRIVATE mappings of a memfd.
 */
#include "bridge.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BYTES		(4 * MIB)
#define SOME		(MIB / 2)	/* of it */
#define CHILDREN	3
#define COUNTED		(5 * PAGE)

static struct memory m;
static struct vm vm;

static void begin(void)
{
	m = new_memory(BYTES);
	vm_make(&vm, &m);
}

static int freeze(void)
{
	int image = axas_freeze(m.fd);

	if (image < 0)
		fail("AXAS_FREEZE: %s", strerror(-image));
	return image;
}

static u64 image_word(int image, u64 gpa)
{
	u64 val;

	expect_eq(pread(image, &val, sizeof(val), gpa), (ssize_t)sizeof(val));
	return val;
}

static void wait_for_count(const struct vm *who, u64 count)
{
	while (who->control->count < count)
		usleep(1000);
}

/* Each goes on in the middle of its loop, and finds what it counted. */
static void a_running_guest_is_forked(void)
{
	struct memory clones[CHILDREN];
	struct vm children[CHILDREN];
	u64 count, at_freeze;
	int image;

	begin();
	vm_start(&vm, guest_count, COUNTED);
	wait_for_count(&vm, 1000);
	vm_pause(&vm);
	image = freeze();
	at_freeze = image_word(image, COUNTED);
	count = vm.control->count;
	expect(at_freeze >= count && at_freeze <= count + 1);
	for (int i = 0; i < CHILDREN; i++) {
		clones[i] = clone_of(image, BYTES);
		vm_copy(&children[i], &vm, &clones[i]);
	}
	for (int i = 0; i < CHILDREN; i++)
		vm_go_on(&children[i]);
	vm_go_on(&vm);
	for (int i = 0; i < CHILDREN; i++) {
		wait_for_count(&children[i], count + 1000 * (i + 1));
		vm_stop(&children[i]);
		expect_eq(children[i].control->bad, 0);
		expect_eq(read_word(&clones[i], COUNTED), children[i].control->seen);
	}
	wait_for_count(&vm, count + 1000);
	vm_stop(&vm);
	expect_eq(vm.control->bad, 0);
	expect_eq(read_word(&m, COUNTED), vm.control->seen);
	expect_eq(image_word(image, COUNTED), at_freeze);
}

/* The parent keeps its memory slot and its mapping over the freeze. */
static void what_one_writes_the_others_do_not_see(void)
{
	struct memory clones[CHILDREN];
	struct vm children[CHILDREN];
	u64 sum, part = BYTES / 4;
	int image;

	begin();
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA, TEST_GPA + BYTES, 7, NULL));
	sum = sum_of(m.at, BYTES);
	image = freeze();
	expect_eq(frames_of(&m), 0);
	expect_ok(vm_call(&vm, guest_touch, TEST_GPA, TEST_GPA + part, PAGE, NULL));
	for (int i = 0; i < CHILDREN; i++) {
		clones[i] = clone_of(image, BYTES);
		vm_make(&children[i], &clones[i]);
		expect_eq(guest_sum_of(&children[i], 0, BYTES), sum);
		expect_ok(vm_call(&children[i], guest_touch, TEST_GPA + part * (i + 1),
				  TEST_GPA + part * (i + 2), PAGE, NULL));
		guest_set(&children[i], 0, i);
	}
	for (int i = 0; i < CHILDREN; i++) {
		expect_eq(guest_word(&children[i], 0), i);
		/* Elsewhere what was read, too. */
		if (reads_what_is_read_only())
			expect_eq(frames_of(&clones[i]), part / PAGE + 1);
		for (u64 gpa = PAGE; gpa < BYTES; gpa += PAGE) {
			u64 own = gpa / part == (u64)i + 1 ? TEST_GPA + gpa : gpa / 8 + 7;

			expect_eq(*word(&clones[i], gpa), own);
		}
	}
	for (u64 gpa = 0; gpa < BYTES; gpa += PAGE) {
		expect_eq(guest_word(&vm, gpa), gpa < part ? TEST_GPA + gpa : gpa / 8 + 7);
		expect_eq(image_word(image, gpa), gpa / 8 + 7);
	}
}

/* By the guest, the mapping and pwrite(): each twice. */
static void a_reset_is_seen_by_a_guest(void)
{
	struct memory clone;
	struct vm child;
	int image;
	u64 sum;

	begin();
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA, TEST_GPA + BYTES, 7, NULL));
	image = freeze();
	clone = clone_of(image, BYTES);
	vm_make(&child, &clone);
	sum = guest_sum_of(&child, 0, BYTES);
	for (u64 round = 0; round < 8; round++) {
		guest_set(&child, round * PAGE, 1);
		*word(&clone, 2 * MIB + round * PAGE) = 2;
		write_word(&clone, 3 * MIB + PAGE, 3);
		if (round & 1)
			expect_ok(vm_call(&child, guest_touch, TEST_GPA, TEST_GPA + SOME, PAGE,
					  NULL));
		expect_ok(axas_reset(clone.fd, image, round & 2 ? AXAS_RESET_DROP : 0));
		expect_eq(guest_word(&child, round * PAGE), round * WORDS + 7);
		expect_eq(*word(&clone, 2 * MIB + round * PAGE), (512 + round) * WORDS + 7);
		expect_eq(guest_word(&child, 3 * MIB + PAGE), 769 * WORDS + 7);
	}
	expect_eq(guest_sum_of(&child, 0, BYTES), sum);
	expect_eq(sum_of(clone.at, BYTES), sum);
	expect_eq(guest_sum_of(&vm, 0, BYTES), sum);
}

/* The parent runs on while it is frozen again and again; each image has one moment. */
static void a_guest_is_frozen_while_it_runs(void)
{
	u64 last = 0;

	begin();
	vm_start(&vm, guest_count, COUNTED);
	for (int i = 0; i < 20; i++) {
		int image = freeze();
		u64 now = image_word(image, COUNTED);

		expect(now >= last);
		wait_for_count(&vm, now + 1);
		expect_eq(image_word(image, COUNTED), now);
		last = now;
		close(image);
	}
	vm_stop(&vm);
	expect_eq(vm.control->bad, 0);
	expect_eq(read_word(&m, COUNTED), vm.control->seen);
}

static u64 now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

/* Microseconds of each step. */
struct figures {
	u64 fork;	/* until the child's machine is there */
	u64 read;	/* a word of each page */
	u64 write;	/* a word of each page that was read */
};

static void run_child(struct figures *f, const struct memory *clone, u64 begun, u64 sum)
{
	struct vm child;
	u64 at;

	vm_make(&child, clone);
	at = now_us();
	f->fork = at - begun;
	expect_eq(guest_sum_of(&child, 0, SOME), sum);
	f->read = now_us() - at;
	at = now_us();
	expect_ok(vm_call(&child, guest_touch, TEST_GPA, TEST_GPA + SOME, PAGE, NULL));
	f->write = now_us() - at;
}

static struct figures fork_by_image(u64 sum)
{
	u64 begun = now_us();
	struct figures f;
	struct memory clone = clone_of(freeze(), BYTES);

	run_child(&f, &clone, begun, sum);
	return f;
}

static void *map_file(int file, int flags)
{
	void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, file, 0);

	if (at == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return at;
}

/* The parent goes on, too, so it needs a private mapping from now on. */
static struct figures fork_by_memfd(u64 sum)
{
	int file = memfd_create("memory", MFD_CLOEXEC);
	struct memory parent = { .bytes = BYTES }, child = { .bytes = BYTES };
	struct vm of_file;
	struct figures f;
	u64 begun;

	expect(file >= 0);
	expect_ok(ftruncate(file, BYTES));
	parent.at = map_file(file, MAP_SHARED);
	vm_make(&of_file, &parent);
	expect_ok(vm_call(&of_file, guest_fill, TEST_GPA, TEST_GPA + SOME, 7, NULL));
	begun = now_us();
	munmap((void *)parent.at, BYTES);
	parent.at = map_file(file, MAP_PRIVATE);
	vm_slot(&of_file, parent.at, BYTES);
	child.at = map_file(file, MAP_PRIVATE);
	run_child(&f, &child, begun, sum);
	return f;
}

static void show(const char *name, const struct figures *f)
{
	note("%-12s child's machine %llu us; first read of a page %llu ns, write then %llu ns",
	     name, f->fork, f->read * PAGE * 1000 / SOME, f->write * PAGE * 1000 / SOME);
}

static void a_fork_costs_what_is_mapped(void)
{
	struct figures image, file;
	u64 sum;

	begin();
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA, TEST_GPA + BYTES, 7, NULL));
	sum = sum_of(m.at, SOME);
	image = fork_by_image(sum);
	file = fork_by_memfd(sum);
	show("image", &image);
	show("MAP_PRIVATE", &file);
}

static const struct test tests[] = {
	{ "a running KVM guest is forked", a_running_guest_is_forked },
	{ "what one KVM guest of an image writes the others do not see",
	  what_one_writes_the_others_do_not_see },
	{ "a KVM guest sees the reset of its memory", a_reset_is_seen_by_a_guest },
	{ "a KVM guest is frozen while it runs", a_guest_is_frozen_while_it_runs },
	{ "a fork of a KVM guest costs what is mapped", a_fork_costs_what_is_mapped },
};

const struct suite suite_fork = { "fork", tests, ARRAY_SIZE(tests), false };
