// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fail each allocation of each call in turn: the call returns ENOMEM and leaves the space
 * unchanged. Needs a kernel with fault injection (../lib/failnth.c).
 */
#include "uapi.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define AREA	(16 * MIB)

/**
 * struct victim - one call whose allocations fail in turn
 * @prepare: create the space
 * @call: make the call: 0 or -errno
 * @again: undo a successful call
 * @answers: the call writes to its struct: if that copy fails, the call has taken effect
 */
struct victim {
	int (*prepare)(void);
	int (*call)(int fd);
	void (*again)(int fd);
	bool answers;
};

/*
 * @check: what else holds after a call that failed, or NULL. @may: what else may differ then, see
 * same_at().
 */
static void fail_each_may(const struct victim *v, void (*check)(int fd), int may)
{
	int nth = fail_nth_open(), fd = v->prepare(), n, err, failures = 0;
	struct state before;
	bool hit;

	for (n = 1; n < FAIL_NTH_LIMIT; n++) {
		take_state(fd, &before);
		fail_nth_arm(nth, n);
		err = v->call(fd);
		hit = fail_nth_disarm(nth);
		if (!hit)
			break;
		if (err && !is_injected_error(err))
			fail("failure %d answers %s", n, strerrorname_np(-err));
		/* some allocations have a fallback: the call may still succeed */
		if (!err || (err == -EFAULT && v->answers)) {
			v->again(fd);
			continue;
		}
		expect_same(fd, &before,
			    TABLES_MAY_STAY | FAULTS_MAY_COUNT | LEAVES_MAY_SPLIT | may);
		if (check)
			check(fd);
		failures++;
	}
	expect(n < FAIL_NTH_LIMIT);
	expect_ok(err);
	note("%d allocations, %d of them fail the call", n - 1, failures);
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void fail_each_and(const struct victim *v, void (*check)(int fd))
{
	fail_each_may(v, check, 0);
}

static void fail_each(const struct victim *v)
{
	fail_each_and(v, NULL);
}

static int empty_space(void)
{
	return new_space();
}

static void clear_it(int fd)
{
	expect_ok(axas_clear(fd));
}

static int call_map_alloc(int fd)
{
	return axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0);
}

static void test_map_alloc(void)
{
	fail_each(&(struct victim){ empty_space, call_map_alloc, clear_it, false });
}

static int file = -1;

static void make_file(void)
{
	file = memfd_create("failnth", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	expect_ok(ftruncate(file, 32 * PAGE));
	expect_ok(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
}

/* A page of a sealed memfd, borrowed by the call itself. */
static int call_map_file(int fd)
{
	return axas_map_file(fd, AREA, 32 * PAGE, file, 0, RW, AXAS_MAP_POPULATE);
}

static void test_map_file(void)
{
	make_file();
	fail_each(&(struct victim){ empty_space, call_map_file, clear_it, false });
}

/* The first writes make private copies. */
static int file_space(void)
{
	int fd = new_space();

	make_file();
	expect_ok(call_map_file(fd));
	return fd;
}

static int call_write_file(int fd)
{
	int result = axas_fault(fd, AREA + 5 * PAGE, RW, NULL);

	return result == AXAS_FAULT_NOMEM ? -ENOMEM : result < 0 ? result : 0;
}

static void map_file_again(int fd)
{
	clear_it(fd);
	expect_ok(call_map_file(fd));
}

static void test_write_file(void)
{
	fail_each(&(struct victim){ file_space, call_write_file, map_file_again, true });
}

static int call_discard_file(int fd)
{
	struct axas_extent extent = { AREA + 3 * PAGE, 20 * PAGE };
	u64 done;

	return axas_discard(fd, &extent, 1, &done);
}

static void test_discard_file(void)
{
	fail_each(&(struct victim){ file_space, call_discard_file, map_file_again, true });
}

static int call_map_populate(int fd)
{
	return axas_map_alloc(fd, AREA, 16 * PAGE, RW, AXAS_MAP_POPULATE);
}

static void test_map_populate(void)
{
	fail_each(&(struct victim){ empty_space, call_map_populate, clear_it, false });
}

static u64 hpa;

/* A range that needs small and large leaves and several tables. */
static int call_map_linear(int fd)
{
	return axas_map_linear(fd, GIB - PAGE, hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL);
}

static int call_map_linear_large(int fd)
{
	return axas_map_linear(fd, GIB, hpa, 4 * MIB + 3 * PAGE, RW, AXAS_TYPE_NORMAL);
}

static void test_map_linear(void)
{
	hpa = window().hpa;
	fail_each(&(struct victim){ empty_space, call_map_linear, clear_it, false });
	fail_each(&(struct victim){ empty_space, call_map_linear_large, clear_it, false });
}

static int space_with_area(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0));
	expect_ok(populate(fd, AREA + 2 * PAGE, 8 * PAGE));
	return fd;
}

static void restore_area(int fd)
{
	expect_ok(axas_clear(fd));
	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0));
	expect_ok(populate(fd, AREA + 2 * PAGE, 8 * PAGE));
}

static int call_unmap_middle(int fd)
{
	return axas_unmap(fd, AREA + 4 * PAGE, 4 * PAGE);
}

static int call_protect_middle(int fd)
{
	return axas_protect(fd, AREA + 4 * PAGE, 4 * PAGE, RO);
}

static int space_with_linear(void)
{
	int fd = new_space();

	hpa = window().hpa;
	expect_ok(axas_map_linear(fd, GIB, hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	return fd;
}

static void restore_linear(int fd)
{
	expect_ok(axas_clear(fd));
	expect_ok(axas_map_linear(fd, GIB, hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
}

static int call_unmap_split(int fd)
{
	return axas_unmap(fd, GIB + MIB, 2 * MIB);
}

static int call_protect_split(int fd)
{
	return axas_protect(fd, GIB + MIB, 2 * MIB, RO);
}

static void test_unmap(void)
{
	fail_each(&(struct victim){ space_with_area, call_unmap_middle, restore_area, false });
	fail_each(&(struct victim){ space_with_linear, call_unmap_split, restore_linear, false });
}

static void test_protect(void)
{
	fail_each(&(struct victim){ space_with_area, call_protect_middle, restore_area, false });
	fail_each(&(struct victim){ space_with_linear, call_protect_split, restore_linear, false });
}

/* Partial progress counts as success, so populate page by page: each is all or nothing. */
static int call_populate(int fd)
{
	return populate(fd, AREA + 12 * PAGE, PAGE);
}

static void test_populate(void)
{
	fail_each(&(struct victim){ space_with_area, call_populate, restore_area, true });
}

static int result_of_fault(int result)
{
	if (result == AXAS_FAULT_NOMEM)
		return -ENOMEM;
	return result == AXAS_FAULT_FIXED ? 0 : result < 0 ? result : -EIO;
}

static int call_fault(int fd)
{
	return result_of_fault(axas_fault(fd, AREA + 12 * PAGE, RW, NULL));
}

static void test_fault(void)
{
	fail_each(&(struct victim){ space_with_area, call_fault, restore_area, true });
}

static int call_write(int fd)
{
	ssize_t n = axas_write(fd, AREA + 12 * PAGE, "data", 4);

	return n == 4 ? 0 : n < 0 ? n : -EIO;
}

static void test_write(void)
{
	fail_each(&(struct victim){ space_with_area, call_write, restore_area, false });
}

static void test_create(void)
{
	struct axas_create c = { .format = test_format };
	int nth = fail_nth_open(), dev = dev_open(), fds = count_fds(), n, fd;
	bool hit;

	for (n = 1; n < FAIL_NTH_LIMIT; n++) {
		fail_nth_arm(nth, n);
		fd = axas_create(dev, &c);
		hit = fail_nth_disarm(nth);
		if (fd >= 0)
			close(fd);
		expect_eq(count_fds(), fds);
		if (!hit)
			break;
		expect(fd >= 0 || is_injected_error(fd) || fd == -ENFILE);
	}
	expect(fd >= 0);
	note("%d allocations", n - 1);
}

/* A POPULATE that stops early returns its progress, and the next call continues. */
static void test_populate_progress(void)
{
	struct axas_range range;
	int nth = fail_nth_open(), fd = new_space(), n, err;
	bool hit = true;

	for (n = 1; hit && n < FAIL_NTH_LIMIT; n++) {
		expect_ok(axas_map_alloc(fd, AREA, 8 * PAGE, RW, 0));
		range = (struct axas_range){ .gpa = AREA, .length = 8 * PAGE };
		fail_nth_arm(nth, n);
		err = axas_populate_some(fd, &range.gpa, &range.length);
		hit = fail_nth_disarm(nth);
		expect(!err || is_injected_error(err));
		if (err != -EFAULT) {
			expect_eq(range.gpa + range.length, AREA + 8 * PAGE);
			expect_eq(info(fd).frames, (range.gpa - AREA) / PAGE);
		}
		expect_ok(populate(fd, AREA, 8 * PAGE));
		expect_eq(info(fd).frames, 8);
		expect_ok(axas_clear(fd));
	}
	expect(n < FAIL_NTH_LIMIT);
}

static int populated_space(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_POPULATE));
	return fd;
}

static int call_start_log(int fd)
{
	return axas_start_log(fd, AREA + MIB, 2 * MIB);
}

static void stop_it(int fd)
{
	expect_ok(axas_stop_log(fd, AREA, 4 * MIB));
}

static void test_start_log(void)
{
	fail_each(&(struct victim){ populated_space, call_start_log, stop_it, true });
}

static int logged_space(void)
{
	int fd = populated_space();

	expect_ok(axas_start_log(fd, AREA, 4 * MIB));
	return fd;
}

static int call_stop_log(int fd)
{
	return axas_stop_log(fd, AREA + MIB, MIB);
}

static void start_again(int fd)
{
	expect_ok(axas_start_log(fd, AREA, 4 * MIB));
}

static void test_stop_log(void)
{
	fail_each(&(struct victim){ logged_space, call_stop_log, start_again, true });
}

/* What is put aside has to be taken back first. */
static int call_protect_logged(int fd)
{
	return axas_protect(fd, AREA + MIB, 2 * MIB, RO);
}

static void protect_again(int fd)
{
	expect_ok(axas_protect(fd, AREA, 4 * MIB, RW));
	start_again(fd);
}

static void test_protect_logged(void)
{
	fail_each(&(struct victim){ logged_space, call_protect_logged, protect_again, false });
}

#define LOGGED_PAGES	(4 * MIB / PAGE)

/* Pages of both regions are written. */
static int written_space(void)
{
	int fd = logged_space();

	expect_eq(axas_write(fd, AREA + 3 * PAGE, "data", 4), 4);
	expect_eq(axas_write(fd, AREA + 3 * MIB - 2, "data", 4), 4);
	return fd;
}

static void write_logged(int fd)
{
	expect_eq(axas_write(fd, AREA + 3 * PAGE, "data", 4), 4);
	expect_eq(axas_write(fd, AREA + 3 * MIB - 2, "data", 4), 4);
}

static u32 count_written(int fd)
{
	__u64 bits[LOGGED_PAGES / 64];
	u32 n = 0;

	expect_ok(axas_get_log(fd, AREA, 4 * MIB, bits, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		n += __builtin_popcountll(bits[i]);
	return n;
}

static int call_get_log(int fd)
{
	__u64 bits[LOGGED_PAGES / 64];

	return axas_get_log(fd, AREA, 4 * MIB, bits, NULL);
}

static int call_get_extents(int fd)
{
	struct axas_extent extents[4];
	__u64 gpa = AREA;
	int n = axas_get_log_extents(fd, &gpa, 4 * MIB, extents, ARRAY_SIZE(extents), NULL);

	return n < 0 ? n : 0;
}

/* A call that failed has lost nothing. */
static void expect_written(int fd)
{
	expect_eq(count_written(fd), 3);
}

static void test_get_log(void)
{
	fail_each_and(&(struct victim){ written_space, call_get_log, expect_written, true },
		      expect_written);
	fail_each_and(&(struct victim){ written_space, call_get_extents, expect_written, true },
		      expect_written);
}

static int call_clear_log(int fd)
{
	__u64 bits[LOGGED_PAGES / 64];

	memset(bits, 0xff, sizeof(bits));
	return axas_clear_log(fd, AREA, 4 * MIB, bits, 0);
}

static int call_clear_extents(int fd)
{
	struct axas_extent extents[] = { { AREA, MIB }, { AREA + 2 * MIB, 2 * MIB } };

	return axas_clear_log_extents(fd, extents, ARRAY_SIZE(extents), 0);
}

static void test_clear_log(void)
{
	fail_each_and(&(struct victim){ written_space, call_clear_log, write_logged, true },
		      expect_written);
	fail_each_and(&(struct victim){ written_space, call_clear_extents, write_logged, true },
		      expect_written);
}

/* Leaves that host mappings use are narrowed one by one. */
static int mapped_space(void)
{
	int fd = populated_space();

	memset(map_rw(fd, AREA, 4 * MIB), 1, 4 * MIB);
	return fd;
}

static void test_start_log_mapped(void)
{
	fail_each(&(struct victim){ mapped_space, call_start_log, stop_it, true });
}

static int missing_space(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_MISSING));
	return fd;
}

static void map_missing_again(int fd)
{
	clear_it(fd);
	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_MISSING));
}

/* One page, and one leaf of 2 MiB if there is such a frame: each is all or nothing. */
static int call_supply(int fd)
{
	static u8 page[PAGE] = { 1 };

	return axas_supply(fd, AREA + 5 * PAGE, page, PAGE, 0, NULL);
}

static int call_supply_zero(int fd)
{
	return axas_supply(fd, AREA + 5 * PAGE, NULL, PAGE, 0, NULL);
}

static int call_supply_large(int fd)
{
	static u8 region[2 * MIB] = { 1 };
	u64 done;
	int err = axas_supply(fd, AREA + 2 * MIB, region, sizeof(region), 0, &done);

	return err == -ENOMEM && done ? 0 : err;
}

static void test_supply(void)
{
	fail_each(&(struct victim){ missing_space, call_supply, map_missing_again, true });
	fail_each(&(struct victim){ missing_space, call_supply_zero, map_missing_again, true });
	fail_each(&(struct victim){ missing_space, call_supply_large, map_missing_again, true });
}

static void *read_missing(void *arg)
{
	u8 byte;

	axas_read(*(int *)arg, AREA + 7 * PAGE, &byte, 1);
	return NULL;
}

/* A reader waits for a page, which is there when the test ends. */
static int waited_space(void)
{
	static int fd;
	pthread_t thread;

	fd = missing_space();
	expect_eq(pthread_create(&thread, NULL, read_missing, &fd), 0);
	expect_eq(poll(&(struct pollfd){ .fd = fd, .events = POLLPRI }, 1, 5000), 1);
	return fd;
}

static int call_get_missing(int fd)
{
	u64 gpas[4];
	int n = axas_get_missing(fd, AXAS_MISSING_AGAIN, gpas, ARRAY_SIZE(gpas), NULL);

	return n < 0 ? n : n == 1 && gpas[0] == AREA + 7 * PAGE ? 0 : -EIO;
}

static void still_reported(int fd)
{
	expect_ok(call_get_missing(fd));
}

static void test_get_missing(void)
{
	fail_each_and(&(struct victim){ waited_space, call_get_missing, still_reported, true },
		      still_reported);
}

static int source;

static int space_with_source(void)
{
	source = new_space();
	expect_ok(axas_map_alloc(source, AREA, 16 * PAGE, RW, 0));
	return new_space();
}

static int call_map_shared(int fd)
{
	return axas_map_shared(fd, 4 * AREA, 16 * PAGE, source, AREA, RW, 0);
}

static void test_map_shared(void)
{
	fail_each(&(struct victim){ space_with_source, call_map_shared, clear_it, false });
}

static int shared_space(void)
{
	int fd = space_with_source();

	expect_ok(call_map_shared(fd));
	return fd;
}

/* The source has the page, or nobody has. */
static int call_fault_shared(int fd)
{
	int err = result_of_fault(axas_fault(fd, 4 * AREA + 3 * PAGE, RW, NULL));

	if (!err)
		expect_eq(info(source).exported, 1);
	return err;
}

static void share_again(int fd)
{
	clear_it(fd);
	clear_it(source);
	expect_eq(info(source).exported, 0);
	expect_ok(axas_map_alloc(source, AREA, 16 * PAGE, RW, 0));
	expect_ok(call_map_shared(fd));
}

static void test_fault_shared(void)
{
	fail_each(&(struct victim){ shared_space, call_fault_shared, share_again, true });
}

static int call_map_backend(int fd)
{
	int err = axas_map_backend(fd, AREA, 16 * PAGE, "late", 1, MIB, RW, AXAS_TYPE_NORMAL, 0);

	if (err == -ENOENT)
		skip("axas_late.ko is not loaded");
	return err;
}

static void test_map_backend(void)
{
	fail_each(&(struct victim){ empty_space, call_map_backend, clear_it, false });
}

static int backend_space(void)
{
	int fd = new_space();

	expect_ok(call_map_backend(fd));
	return fd;
}

static int call_fault_backend(int fd)
{
	return result_of_fault(axas_fault(fd, AREA + 3 * PAGE, RW, NULL));
}

static void map_backend_again(int fd)
{
	clear_it(fd);
	expect_ok(call_map_backend(fd));
}

static void test_fault_backend(void)
{
	fail_each(&(struct victim){ backend_space, call_fault_backend, map_backend_again, true });
}

static int call_freeze(int fd)
{
	int image = axas_freeze(fd);

	return image < 0 ? image : close(image);
}

/* A page that is held has to be copied. */
static int held_space(void)
{
	int fd = populated_space(), pipes[2];
	struct iovec iov = { map_rw(fd, AREA, PAGE), PAGE };

	expect_libc(pipe(pipes));
	expect_eq(vmsplice(pipes[1], &iov, 1, 0), PAGE);
	return fd;
}

static void write_again(int fd)
{
	expect_eq(axas_write(fd, AREA, "again", 5), 5);
}

static void test_freeze(void)
{
	fail_each(&(struct victim){ populated_space, call_freeze, write_again, false });
	fail_each(&(struct victim){ held_space, call_freeze, write_again, false });
}

static int image;

static int frozen_space(void)
{
	int fd = populated_space();

	image = image_of(fd);
	write_again(fd);
	return fd;
}

static int call_clone(int fd)
{
	int clones[3], err = axas_clone(image, 0, 0, clones, ARRAY_SIZE(clones));

	(void)fd;
	for (size_t i = 0; !err && i < ARRAY_SIZE(clones); i++)
		close(clones[i]);
	return err;
}

static void test_clone(void)
{
	fail_each(&(struct victim){ frozen_space, call_clone, write_again, false });
}

static int call_reset(int fd)
{
	return axas_reset(fd, image, 0);
}

static void test_reset(void)
{
	fail_each(&(struct victim){ frozen_space, call_reset, write_again, false });
}

static void reset_it(int fd)
{
	expect_ok(axas_reset(fd, image, 0));
	write_again(fd);
}

static void test_first_write(void)
{
	fail_each(&(struct victim){ frozen_space, call_write, reset_it, false });
}

/* Queries, and calls that seldom allocate: nothing to undo. */
static void nothing(int fd)
{
	(void)fd;
}

static int call_set_policy(int fd)
{
	return axas_set_policy(fd, AREA + 4 * PAGE, 4 * PAGE, AXAS_MAP_HUGE_NEVER);
}

static void test_set_policy(void)
{
	fail_each(&(struct victim){ space_with_area, call_set_policy, restore_area, false });
}

static int limited_space(void)
{
	struct axas_create c = { .format = test_format, .max_frames = ~0ull };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	return fd;
}

static int call_set_limit(int fd)
{
	return axas_set_limit(fd, 100);
}

static void test_set_limit(void)
{
	fail_each(&(struct victim){ limited_space, call_set_limit, nothing, false });
}

/* Leaves of 4 KiB that one of 2 MiB can replace, in a dirty log. */
static int split_space(void)
{
	int fd = logged_space();

	expect_ok(axas_protect(fd, AREA + MIB, PAGE, RO));
	expect_ok(axas_protect(fd, AREA + MIB, PAGE, RW));
	return fd;
}

static int call_collapse(int fd)
{
	return axas_collapse(fd, AREA, 4 * MIB, NULL);
}

static void test_collapse(void)
{
	fail_each(&(struct victim){ split_space, call_collapse, nothing, true });
}

static int call_clear(int fd)
{
	return axas_clear(fd);
}

static void test_clear(void)
{
	fail_each(&(struct victim){ space_with_area, call_clear, restore_area, false });
}

static int call_translate(int fd)
{
	struct axas_translate tr;

	return axas_translate(fd, AREA + 3 * PAGE, &tr);
}

static int call_get_info(int fd)
{
	struct axas_info i;

	return axas_get_info(fd, &i);
}

static int call_get_areas(int fd)
{
	struct axas_area_info areas[4];
	u64 start = 0;
	int n = axas_get_areas(fd, &start, areas, ARRAY_SIZE(areas), NULL);

	return n < 0 ? n : 0;
}

static int call_seek(int fd)
{
	return lseek(fd, AREA, SEEK_DATA) < 0 ? -errno : 0;
}

static void test_queries(void)
{
	fail_each(&(struct victim){ space_with_area, call_translate, nothing, true });
	fail_each(&(struct victim){ space_with_area, call_get_info, nothing, true });
	fail_each(&(struct victim){ space_with_area, call_get_areas, nothing, true });
	fail_each(&(struct victim){ space_with_area, call_seek, nothing, true });
}

static int call_diff(int fd)
{
	struct axas_diff_extent extents[4];
	__u64 gpa = AREA, len = 4 * MIB;
	int n = axas_diff(fd, &gpa, &len, extents, ARRAY_SIZE(extents));

	return n < 0 ? n : n == 1 ? 0 : -EIO;
}

static void test_diff(void)
{
	fail_each(&(struct victim){ frozen_space, call_diff, nothing, true });
}

/* A freeze carries the log's pages over: none of them is lost if that fails. */
static void test_freeze_logged(void)
{
	fail_each_may(&(struct victim){ written_space, call_freeze, nothing, false },
		      expect_written, TABLES_MAY_GO);
}

static int call_punch(int fd)
{
	return punch(fd, AREA + MIB, PAGE) ? -errno : 0;
}

static void populate_again(int fd)
{
	clear_it(fd);
	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_POPULATE));
}

static void test_punch(void)
{
	fail_each(&(struct victim){ populated_space, call_punch, populate_again, true });
}

static int call_read(int fd)
{
	u8 byte;
	ssize_t n = axas_read(fd, AREA + 12 * PAGE, &byte, 1);

	return n == 1 ? 0 : n < 0 ? n : -EIO;
}

static void test_read(void)
{
	fail_each(&(struct victim){ space_with_area, call_read, restore_area, true });
}

/* The call has memory at the second time. */
static void unmap_pages(void *p, size_t len)
{
	if (munmap(p, len))
		expect_libc(munmap(p, len));
}

static int call_mmap(int fd)
{
	void *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, AREA);

	if (p == MAP_FAILED)
		return -errno;
	unmap_pages(p, 16 * PAGE);
	return 0;
}

static void test_mmap(void)
{
	fail_each(&(struct victim){ space_with_area, call_mmap, nothing, false });
}

static u8 *mapping;

static int mapped_area(void)
{
	int fd = space_with_area();

	catch_bus();
	mapping = map_rw(fd, AREA, 16 * PAGE);
	return fd;
}

/* The kernel repeats a fault for which there was no memory, or it is SIGBUS. */
static int call_touch(int fd)
{
	(void)fd;
	return write_signal(mapping + 12 * PAGE, 1) ? -ENOMEM : 0;
}

static void punch_again(int fd)
{
	expect_ok(punch(fd, AREA + 12 * PAGE, PAGE));
}

static void test_touch(void)
{
	fail_each(&(struct victim){ mapped_area, call_touch, punch_again, true });
}

/* Calls on @object that change nothing: they work, or there is no memory, and work then. */
static void fail_each_on(int object, int (*call)(int object))
{
	int nth = fail_nth_open(), fds = count_fds(), n, err;
	bool hit = true;

	for (n = 1; hit && n < FAIL_NTH_LIMIT; n++) {
		fail_nth_arm(nth, n);
		err = call(object);
		hit = fail_nth_disarm(nth);
		if (err && err != -ENFILE && !is_injected_error(err))
			fail("failure %d answers %s", n, strerrorname_np(-err));
		expect_eq(count_fds(), fds);
	}
	expect(n < FAIL_NTH_LIMIT);
	expect_ok(call(object));
}

static int call_get_format(int dev)
{
	struct axas_format_info format;

	return axas_get_format(dev, test_format, &format);
}

static int call_get_version(int dev)
{
	int version = axas_get_api_version(dev);

	return version < 0 ? version : 0;
}

static int call_open(int object)
{
	int fd = reopen(object, O_RDONLY);

	return fd < 0 ? -errno : close(fd);
}

static void test_device(void)
{
	fail_each_on(dev_open(), call_get_format);
	fail_each_on(dev_open(), call_get_version);
	fail_each_on(new_space(), call_open);
}

static int call_image_info(int object)
{
	struct axas_image_info i;

	return axas_get_image_info(object, &i);
}

static int call_read_image(int object)
{
	u8 bytes[2 * PAGE];
	ssize_t n = axas_read(object, AREA, bytes, sizeof(bytes));

	return n == sizeof(bytes) ? 0 : n < 0 ? n : -ENOMEM;
}

static int call_map_image(int object)
{
	u8 *p = mmap(NULL, 16 * PAGE, PROT_READ, MAP_SHARED, object, AREA);
	int nr;

	if (p == MAP_FAILED)
		return -errno;
	nr = read_signal(p + PAGE);
	unmap_pages(p, 16 * PAGE);
	return nr ? -ENOMEM : 0;
}

static void test_image(void)
{
	catch_bus();
	frozen_space();
	fail_each_on(image, call_image_info);
	fail_each_on(image, call_read_image);
	fail_each_on(image, call_map_image);
}

/* The ioctls that tests above make: add one to this list with its test. */
static bool is_tested(unsigned long nr)
{
	static const unsigned long tested[] = {
		AXAS_GET_API_VERSION, AXAS_GET_FORMAT, AXAS_CREATE, AXAS_MAP_LINEAR,
		AXAS_MAP_ALLOC, AXAS_UNMAP, AXAS_PROTECT, AXAS_CLEAR, AXAS_POPULATE, AXAS_FAULT,
		AXAS_TRANSLATE, AXAS_GET_INFO, AXAS_GET_AREAS, AXAS_COLLAPSE, AXAS_DISCARD,
		AXAS_SET_POLICY, AXAS_SET_LIMIT, AXAS_START_LOG, AXAS_STOP_LOG, AXAS_GET_LOG,
		AXAS_CLEAR_LOG, AXAS_SUPPLY, AXAS_MAP_SHARED, AXAS_MAP_BACKEND, AXAS_MAP_FILE,
		AXAS_GET_MISSING, AXAS_FREEZE, AXAS_CLONE, AXAS_RESET, AXAS_DIFF,
		AXAS_GET_IMAGE_INFO,
	};

	for (size_t i = 0; i < ARRAY_SIZE(tested); i++)
		if (tested[i] == nr)
			return true;
	return false;
}

static void test_all_are_tested(void)
{
	int objects[] = { dev_open(), new_space(), -1 };

	objects[2] = image_of(new_space());
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		expect_calls_tested(objects[i], is_tested);
}

static const struct test tests[] = {
	{ "fail-nth: every ioctl has a test here", test_all_are_tested },
	{ "fail-nth: CREATE", test_create },
	{ "fail-nth: MAP_ALLOC", test_map_alloc },
	{ "fail-nth: MAP_ALLOC with POPULATE", test_map_populate },
	{ "fail-nth: MAP_LINEAR", test_map_linear },
	{ "fail-nth: MAP_FILE with POPULATE", test_map_file },
	{ "fail-nth: the first write to a file's page", test_write_file },
	{ "fail-nth: DISCARD of a file's pages", test_discard_file },
	{ "fail-nth: UNMAP of a middle", test_unmap },
	{ "fail-nth: PROTECT of a middle", test_protect },
	{ "fail-nth: POPULATE", test_populate },
	{ "fail-nth: POPULATE tells how far it came", test_populate_progress },
	{ "fail-nth: FAULT", test_fault },
	{ "fail-nth: pwrite", test_write },
	{ "fail-nth: START_LOG", test_start_log },
	{ "fail-nth: STOP_LOG", test_stop_log },
	{ "fail-nth: START_LOG of mapped memory", test_start_log_mapped },
	{ "fail-nth: PROTECT of logged memory", test_protect_logged },
	{ "fail-nth: GET_LOG", test_get_log },
	{ "fail-nth: CLEAR_LOG", test_clear_log },
	{ "fail-nth: SUPPLY", test_supply },
	{ "fail-nth: GET_MISSING", test_get_missing },
	{ "fail-nth: MAP_SHARED", test_map_shared },
	{ "fail-nth: FAULT on shared memory", test_fault_shared },
	{ "fail-nth: MAP_BACKEND of a backend", test_map_backend },
	{ "fail-nth: FAULT on memory of a backend", test_fault_backend },
	{ "fail-nth: FREEZE", test_freeze },
	{ "fail-nth: CLONE", test_clone },
	{ "fail-nth: RESET", test_reset },
	{ "fail-nth: the first write to an image's page", test_first_write },
	{ "fail-nth: SET_POLICY", test_set_policy },
	{ "fail-nth: SET_LIMIT", test_set_limit },
	{ "fail-nth: COLLAPSE", test_collapse },
	{ "fail-nth: CLEAR", test_clear },
	{ "fail-nth: TRANSLATE, GET_INFO, GET_AREAS and lseek", test_queries },
	{ "fail-nth: DIFF", test_diff },
	{ "fail-nth: FREEZE in a dirty log", test_freeze_logged },
	{ "fail-nth: fallocate", test_punch },
	{ "fail-nth: pread", test_read },
	{ "fail-nth: mmap", test_mmap },
	{ "fail-nth: the first touch of a mapping", test_touch },
	{ "fail-nth: GET_FORMAT, GET_API_VERSION and open", test_device },
	{ "fail-nth: an image's calls and mappings", test_image },
};

const struct suite suite_failnth = { "failnth", tests, ARRAY_SIZE(tests), true };
