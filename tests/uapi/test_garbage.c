// SPDX-License-Identifier: GPL-2.0-only
/*
 * Garbage: random ioctl numbers, sizes, structs and pointers, on both devices, a space, an image
 * and a vCPU. Nothing is predicted, but that an error is one that programs know, that the calls
 * end, and that a space can be emptied after all. Seeded; -n N makes N calls per format.
 */
#include "uapi.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define CALLS		5000
#define BATCH		2000	/* calls of one process */
#define AREA		(16 * MIB)
#define FRAMES		2048	/* at most, in a space of ours */
#define FIRST_FD	100	/* what calls return is closed from here on */

enum { DEVICE, VCPU_DEVICE, SPACE, OTHER, IMAGE, VCPU, NR_OBJECTS };

static int objects[NR_OBJECTS];
static u8 *arena;		/* two pages with nothing around them */
static u32 seed;
static u64 *succeeded;		/* by object, shared with children */

static u32 below(u32 n)
{
	return random_u32(&seed) % n;
}

static u64 random_u64(void)
{
	return (u64)random_u32(&seed) << 32 | random_u32(&seed);
}

/* A word that means something to some call. */
static u64 likely(void)
{
	static const u64 values[] = {
		0, 1, 2, 3, 4, 7, 8, 16, 64, PAGE, 2 * PAGE, 16 * PAGE, 2 * MIB, AREA, AREA + PAGE,
		AREA + 2 * MIB, AREA + 5 * PAGE + 8, GIB, 1ull << 47, 1ull << 52, 1ull << 63,
		0 - PAGE, ~0ull, 0x7fffffff, 0x80000000, 0xffffffff
	};

	switch (below(8)) {
	case 0:
		return objects[below(NR_OBJECTS)];
	case 1:
		return (uintptr_t)arena + below(2 * PAGE);
	case 2:
		return random_u64() >> below(64);
	case 3:
		/* two fields of 32 bits */
		return (u64)below(8) << 32 | below(8);
	default:
		return values[below(ARRAY_SIZE(values))];
	}
}

/* Mostly one that such an object has. */
static unsigned long random_number(u32 object)
{
	static const u8 ranges[NR_OBJECTS][2] = {
		[DEVICE] = { 0x00, 3 }, [VCPU_DEVICE] = { 0x40, 2 }, [SPACE] = { 0x10, 0x26 },
		[OTHER] = { 0x10, 0x26 }, [IMAGE] = { 0x30, 5 }, [VCPU] = { 0x48, 0x0e },
	};

	if (!below(64))
		return random_u32(&seed);
	if (!below(8))
		return _IO(AXAS_IOC_TYPE, below(256));
	return _IO(AXAS_IOC_TYPE, ranges[object][0] + below(ranges[object][1]));
}

/* A struct somewhere in the arena, or a bad pointer. */
static void *random_struct(void)
{
	u64 words[40] = { 0 };
	u32 nr = below(9), len = sizeof(words), at;

	if (!below(32))
		return (void *)(uintptr_t)likely();
	for (u32 i = 1; i <= nr; i++)
		words[i] = likely();
	/* most structs begin with a range */
	if (below(2)) {
		words[1] = AREA + below(16) * MIB / 2 + below(4) * PAGE;
		words[2] = (1 + below(below(2) ? 8 : 1024)) * PAGE;
	}
	/* size and flags; a struct that is too long ends in zeros */
	words[0] = below(8) ? 8 * (1 + below(26)) : likely() & 0xffffffff;
	if (!below(8))
		words[0] |= (u64)(below(2) ? 1u << below(10) : random_u32(&seed)) << 32;
	at = below(4) ? 2 * PAGE - len : below(2 * PAGE);
	if (at + len > 2 * PAGE)
		len = 2 * PAGE - at;
	memcpy(arena + at, words, len);
	return arena + at;
}

static void garbage_call(void)
{
	u32 n = below(NR_OBJECTS);
	unsigned long nr = random_number(n);
	int ret;

	if (objects[n] < 0)
		return;
	ret = axas_ioctl(objects[n], nr, random_struct());
	if (ret < -EHWPOISON)
		fail("ioctl %#lx answers %d", nr, ret);
	if (ret >= 0)
		__atomic_fetch_add(&succeeded[n], 1, __ATOMIC_RELAXED);
	/* spaces, images, and the clones of which nobody was told */
	if (ret >= FIRST_FD || nr == AXAS_CLONE)
		close_range(FIRST_FD, ~0u, 0);
}

static void nothing(int sig)
{
	(void)sig;
}

/* A timer ends what waits, such as a vCPU that runs. */
static void garbage_batch(void *arg)
{
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = nothing };

	seed = *(u32 *)arg | 1;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < BATCH; i++)
		garbage_call();
}

static int move_high(int fd, int to)
{
	if (fd < 0)
		return -1;
	expect(dup3(fd, to, O_CLOEXEC) == to);
	close(fd);
	return to;
}

static void make_objects(void)
{
	struct axas_create c = { .format = test_format, .max_frames = FRAMES };
	int nr = 50;

	objects[DEVICE] = move_high(dev_open(), nr++);
	objects[VCPU_DEVICE] = move_high(axvcpu_open(NULL), nr++);
	objects[SPACE] = move_high(axas_open_space(NULL, &c), nr++);
	objects[OTHER] = move_high(axas_open_space(NULL, &c), nr++);
	expect(objects[SPACE] >= 0 && objects[OTHER] >= 0);
	expect_ok(axas_map_alloc(objects[OTHER], AREA, 4 * MIB, RW, 0));
	expect_eq(axas_write(objects[OTHER], AREA, "image", 5), 5);
	objects[IMAGE] = move_high(image_of(objects[OTHER]), nr++);
	objects[VCPU] = move_high(axvcpu_open_vcpu(NULL, objects[SPACE], 0, 0), nr++);
	if (objects[VCPU] < 0)
		note("no vCPU: axvcpu is not loaded, or does not take this format");
}

static void prepare_space(int fd)
{
	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + 4 * MIB, 4 * MIB, RW, AXAS_MAP_HUGE_ALWAYS));
	expect_ok(axas_map_alloc(fd, AREA + 8 * MIB, MIB, RW, AXAS_MAP_MISSING));
	expect_eq(axas_write(fd, AREA + PAGE, "space", 5), 5);
}

static void empty_space(int fd)
{
	struct axas_info i;

	expect_ok(axas_clear(fd));
	i = info(fd);
	expect_eq(i.areas, 0);
	expect_eq(i.frames, 0);
	expect_eq(i.tables, i.root_tables);
}

static void test_garbage(void)
{
	u32 calls = test_ops ? test_ops : CALLS, batch_seed = test_seed;

	succeeded = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(succeeded != MAP_FAILED);
	arena = guarded_pages(2);
	make_objects();
	for (u32 done = 0; done < calls; done += BATCH) {
		batch_seed = batch_seed * 1664525 + 1013904223;
		snprintf(test_context, sizeof(test_context), "batch %u: ", done / BATCH);
		prepare_space(objects[SPACE]);
		in_child(garbage_batch, &batch_seed);
		empty_space(objects[SPACE]);
	}
	note("%u calls; succeeded on devices %llu, %llu, spaces %llu, %llu, image %llu, vCPU %llu",
	     calls, succeeded[0], succeeded[1], succeeded[2], succeeded[3], succeeded[4],
	     succeeded[5]);
}

static const struct test tests[] = {
	{ "garbage on every kind of descriptor", test_garbage },
};

const struct suite suite_garbage = { "garbage", tests, ARRAY_SIZE(tests), true };
