// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of memory that a guest, pwrite(), a mapping and O_DIRECT write at once, beside all
 * that changes it. A copy is kept by the log alone, as a migration keeps one: at the end it is the
 * memory, and what nobody wrote was not reported again.
 */
#include "vm.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGIONS		4u			/* of 2 MiB */
#define REGION		512u			/* its pages */
#define PAGES		(REGIONS * REGION)
#define SIZE		(PAGES * PAGE)
#define WORDS		(PAGES / 64)

/*
 * Only writers touch the content of the first regions, and there the log is exact. The last ones
 * are discarded and unmapped, too.
 */
#define EXACT		(2 * REGION)

/* Pages that nobody writes, and those that a disk writes: it may hold a page longer than a call. */
#define QUIET(page)	((page) % 16 == 9)
#define BY_DISK(page)	((page) % 16 == 3)

/* Operations between two rounds of the copy, at most. */
#define QUOTA		1000

/**
 * struct race - one space, and all that happens to it
 * @vm: the space, and the vCPU of the writer that is a guest
 * @p: its memory, mapped
 * @copy: what the log's user knows
 * @flags: AXAS_MAP_* of the memory
 * @pinnable: a page may be written from its first touch by a mapping on
 * @stop: all threads end
 * @ops: pages written, and changes made
 * @allowed: how many of them, until the copy has followed
 * @fresh: regions whose log began anew: all of them is to be copied
 * @begun: by page: writes that were begun
 * @ended: by page: writes that have ended
 * @before: by page: @ended before the last clear that was told of it; ~0: that was refused
 */
struct race {
	struct vm vm;
	u8 *p;
	u8 *copy;
	u32 flags;
	bool pinnable;
	atomic_bool stop;
	atomic_ullong ops;
	atomic_ullong allowed;
	atomic_uint fresh[REGIONS];
	atomic_uint begun[PAGES];
	atomic_uint ended[PAGES];
	u32 before[PAGES];
};

static u32 next_random(u32 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A page that is written, in [from, PAGES). */
static u64 any_page(u32 *seed, u32 from)
{
	u64 page = from + next_random(seed) % (PAGES - from);

	return QUIET(page) ? page - 1 : page;
}

static u64 gpa_of(u64 page)
{
	return VM_TEST + page * PAGE;
}

/* Whether a thread goes on. It does not run far ahead of the copy. */
static bool goes_on(struct race *r)
{
	while (!atomic_load(&r->stop)) {
		if (atomic_load(&r->ops) < atomic_load(&r->allowed))
			return true;
		usleep(100);
	}
	return false;
}

static void begin_write(struct race *r, u64 page)
{
	atomic_fetch_add(&r->begun[page], 1);
}

static void end_write(struct race *r, u64 page)
{
	atomic_fetch_add(&r->ended[page], 1);
	atomic_fetch_add(&r->ops, 1);
}

/* Run a guest until it is done, however often it meets a hole or memory that forbids writing. */
static void run_to_end(struct race *r)
{
	struct axvcpu_exit exit;
	u64 result;

	do {
		expect_ok(vcpu_run(r->vm.vcpu, &exit));
		if (arch_ended(r->vm.vcpu, &exit, &result))
			return;
		sched_yield();
	} while (!atomic_load(&r->stop));
}

/* The guest writes each 16th page, again and again. */
static void *write_by_guest(void *arg)
{
	struct race *r = arg;
	u32 seed = 11;

	while (goes_on(r)) {
		u64 first = any_page(&seed, 0) % 16;
		u64 from = gpa_of(first) + next_random(&seed) % 500 * 8;

		for (u64 page = first; page < PAGES; page += 16)
			begin_write(r, page);
		vm_enter(&r->vm, guest(fill), from, VM_TEST + SIZE, 16 * PAGE, next_random(&seed));
		run_to_end(r);
		for (u64 page = first; page < PAGES; page += 16)
			end_write(r, page);
	}
	return NULL;
}

static void *write_by_call(void *arg)
{
	struct race *r = arg;
	u32 seed = 22;

	while (goes_on(r)) {
		u64 page = any_page(&seed, 0), val = next_random(&seed);
		ssize_t n;

		begin_write(r, page);
		n = axas_write(r->vm.space, gpa_of(page) + val % 500 * 8, &val, 8);
		end_write(r, page);
		if (n != 8 && n != -EFAULT && n != -EACCES)
			return "pwrite";
	}
	return NULL;
}

static void *write_by_mapping(void *arg)
{
	struct race *r = arg;
	u32 seed = 33;

	while (goes_on(r)) {
		u64 page = any_page(&seed, 0);

		begin_write(r, page);
		try_store((u64 *)(r->p + page * PAGE) + next_random(&seed) % 500,
			  next_random(&seed));
		end_write(r, page);
	}
	return NULL;
}

/* Reads of a disk into the memory, if there is a RAM disk. Its content comes from the memory. */
static void *write_by_disk(void *arg)
{
	int disk = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	struct race *r = arg;
	u32 seed = 44;

	while (disk >= 0 && goes_on(r)) {
		u64 page = any_page(&seed, 0) / 16 * 16 + 3, block = next_random(&seed) % 16 * PAGE;
		bool out = next_random(&seed) % 2;

		begin_write(r, page);
		if ((out ? pwrite(disk, r->p + page * PAGE, PAGE, block) :
			   pread(disk, r->p + page * PAGE, PAGE, block)) != PAGE &&
		    errno != EFAULT)
			return "O_DIRECT";
		end_write(r, page);
	}
	if (disk < 0)
		note("no O_DIRECT: there is no /dev/ram0");
	else
		close(disk);
	return NULL;
}

/* Nothing is known of the content of these pages before a copy of all of it. */
static void start_anew(struct race *r, u64 first, u64 n)
{
	int err = axas_start_log(r->vm.space, gpa_of(first), n * PAGE);

	/* Another thread may be about to map all of the range anew, and to start then. */
	expect(!err || err == -ENOENT);
	for (u64 region = first / REGION; region <= (first + n - 1) / REGION; region++)
		atomic_store(&r->fresh[region], 1);
}

static void stop_and_start(struct race *r, u64 first, u64 n)
{
	int err = axas_stop_log(r->vm.space, gpa_of(first), n * PAGE);

	expect(!err || err == -ENOENT);
	start_anew(r, first, n);
}

static void fault(struct race *r, u64 page, u32 access)
{
	begin_write(r, page);
	axas_fault(r->vm.space, gpa_of(page), access, NULL);
	end_write(r, page);
}

/* Changes that leave the content alone. */
static void *change_all(void *arg)
{
	struct race *r = arg;
	u32 seed = 55;

	while (goes_on(r)) {
		u64 page = any_page(&seed, 0), most = PAGES - page;
		u64 n = 1 + next_random(&seed) % (next_random(&seed) % 8 ? 8 : PAGES);

		n = n < most ? n : most;
		switch (next_random(&seed) % 64) {
		case 0 ... 19:
			axas_protect(r->vm.space, gpa_of(page), n * PAGE, AXAS_PROT_READ);
			axas_protect(r->vm.space, gpa_of(page), n * PAGE, RW);
			break;
		case 20 ... 29:
			axas_collapse(r->vm.space, VM_TEST, SIZE, NULL);
			break;
		case 30 ... 39:
			axas_populate(r->vm.space, gpa_of(page), n * PAGE);
			break;
		case 40:
			start_anew(r, page, n);
			break;
		case 41:
			stop_and_start(r, page, n);
			break;
		default:
			fault(r, page, RW);
		}
		atomic_fetch_add(&r->ops, 1);
	}
	return NULL;
}

static void map_anew(struct race *r, u64 first, u64 n)
{
	unmap(r->vm.space, gpa_of(first), n * PAGE);
	map(r->vm.space, gpa_of(first), n * PAGE, RW, r->flags);
	start_anew(r, first, n);
}

/* Those that take it, of the last regions. */
static void *change_last(void *arg)
{
	struct race *r = arg;
	u32 seed = 66;

	while (goes_on(r)) {
		u64 first = any_page(&seed, EXACT), n = 1 + next_random(&seed) % 8;

		if (next_random(&seed) % 8 == 0) {
			first -= first % REGION;
			n = REGION;
		}
		n = n < PAGES - first ? n : PAGES - first;
		if (next_random(&seed) % 16 == 0)
			map_anew(r, first, n);
		else
			fallocate(r->vm.space, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  gpa_of(first), n * PAGE);
		atomic_fetch_add(&r->ops, 1);
		sleep_ms(1);
	}
	return NULL;
}

static bool is_set(const __u64 *bits, u64 page)
{
	return bits[page / 64] >> page % 64 & 1;
}

/* A page that is in the log was written since the last clear that was told of it. */
static void check_reported(struct race *r, u64 page)
{
	if (page >= EXACT || BY_DISK(page) || r->before[page] == ~0u)
		return;
	/* All pages of a whole frame are held with one of them. */
	if (r->flags & AXAS_MAP_HUGE_WHOLE || (r->pinnable && !QUIET(page)))
		return;
	if (atomic_load(&r->begun[page]) == r->before[page])
		fail("page %llu is reported, and nobody wrote it", page);
}

static void copy_page(struct race *r, u64 page)
{
	u8 *to = r->copy + page * PAGE;

	if (axas_read(r->vm.space, gpa_of(page), to, PAGE) != PAGE)
		memset(to, 0, PAGE);
}

/* Copy what was written since the last round. Return the pages. */
static u64 copy_round(struct race *r)
{
	__u64 bits[WORDS], epoch;
	bool fresh[REGIONS];
	u64 pages = 0;
	int err;

	atomic_fetch_add(&r->allowed, QUOTA);
	for (u32 i = 0; i < REGIONS; i++)
		fresh[i] = atomic_exchange(&r->fresh[i], 0);
	expect_ok(axas_get_log(r->vm.space, VM_TEST, SIZE, bits, &epoch));
	for (u64 page = 0; page < PAGES; page++)
		if (is_set(bits, page))
			check_reported(r, page);
	for (u64 page = 0; page < PAGES; page++)
		if (is_set(bits, page))
			r->before[page] = atomic_load(&r->ended[page]);
	err = axas_clear_log(r->vm.space, VM_TEST, SIZE, bits, epoch);
	expect(!err || err == -ESTALE);
	for (u64 page = 0; page < PAGES; page++) {
		/* A start in between forgot these pages, and may have them again. */
		if (err && is_set(bits, page))
			r->before[page] = ~0u;
		if (is_set(bits, page) || fresh[page / REGION]) {
			copy_page(r, page);
			pages++;
		}
	}
	return pages;
}

static struct vm vm_of_kind(bool pinnable)
{
	struct axas_create create = { .flags = pinnable ? AXAS_CREATE_PINNABLE : 0 };
	int space = axas_open_space(NULL, &create);

	expect(space >= 0);
	low_memory(space);
	return vm_on(space, 0);
}

static struct race *new_race(bool pinnable, u32 flags)
{
	struct race *r = calloc(1, sizeof(*r));

	expect(r);
	r->vm = vm_of_kind(pinnable);
	r->pinnable = pinnable;
	r->flags = flags;
	r->copy = calloc(1, SIZE);
	map(r->vm.space, VM_TEST, SIZE, RW, flags);
	r->p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r->vm.space, VM_TEST);
	expect(r->copy && r->p != MAP_FAILED);
	expect_ok(axas_start_log(r->vm.space, VM_TEST, SIZE));
	return r;
}

/* 1,000,000 in long runs, for each kind of memory. */
static u64 operations(void)
{
	const char *text = getenv("AXAS_ROUNDS");
	u64 rounds = text ? strtoull(text, NULL, 10) : 10000;

	return rounds >= 10000 ? rounds * 100 : 20000;
}

static void end_race(struct race *r, pthread_t *threads, u32 n)
{
	void *failed;

	atomic_store(&r->stop, true);
	while (n--) {
		pthread_join(threads[n], &failed);
		if (failed)
			fail("a writer failed: %s", (char *)failed);
	}
	expect_ok(axas_protect(r->vm.space, VM_TEST, SIZE, RW));
	copy_round(r);
	copy_round(r);
}

static void run_race(bool pinnable, u32 flags)
{
	void *(*const run[])(void *) = {
		write_by_guest, write_by_call, write_by_mapping, write_by_disk, change_all,
		change_last,
	};
	struct race *r = new_race(pinnable, flags);
	pthread_t threads[ARRAY_SIZE(run)];
	u64 copied = 0, rounds, want = operations();

	catch_bus();
	for (u32 i = 0; i < ARRAY_SIZE(run); i++)
		expect_eq(pthread_create(&threads[i], NULL, run[i], r), 0);
	for (rounds = 0; atomic_load(&r->ops) < want; rounds++) {
		copied += copy_round(r);
		while (atomic_load(&r->ops) < atomic_load(&r->allowed) - QUOTA / 2)
			usleep(100);
	}
	end_race(r, threads, ARRAY_SIZE(run));
	for (u64 page = 0; page < PAGES; page++)
		if (memcmp(r->p + page * PAGE, r->copy + page * PAGE, PAGE))
			fail("a write to page %llu was missed, after %llu rounds", page, rounds);
	note("%llu operations, %llu rounds, %llu pages copied, %llu entries",
	     (u64)atomic_load(&r->ops), rounds, copied, vcpu_state(r->vm.vcpu).entries);
}

static void no_write_is_missed_4k(void)
{
	run_race(false, AXAS_MAP_HUGE_NEVER);
}

static void no_write_is_missed_2m(void)
{
	run_race(false, AXAS_MAP_HUGE_ALWAYS);
}

static void no_write_is_missed_whole(void)
{
	run_race(false, AXAS_MAP_HUGE_WHOLE);
}

static void no_write_is_missed_pinnable(void)
{
	run_race(true, AXAS_MAP_HUGE_NEVER);
}

static const struct test tests[] = {
	{ "no_write_is_missed_at_4k", no_write_is_missed_4k },
	{ "no_write_is_missed_at_2m", no_write_is_missed_2m },
	{ "no_write_is_missed_of_whole_2m", no_write_is_missed_whole },
	{ "no_write_is_missed_by_pinnable_mappings", no_write_is_missed_pinnable },
};

const struct suite suite_log = { .name = "log", .tests = tests, .nr = ARRAY_SIZE(tests) };
