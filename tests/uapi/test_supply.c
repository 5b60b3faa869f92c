// SPDX-License-Identifier: GPL-2.0-only
/*
 * Missing pages: SUPPLY and each of its errors, accesses by read, write and mappings that wait or
 * fail, what ends a wait, GET_MISSING and poll(), servers and readers that are killed.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AREA		(16 * MIB)
#define PAGES		64
#define STRESS_MS	1500

/* A space with an area of missing pages. */
static int missing_space(bool pinnable, u32 flags)
{
	int fd = new_kind(pinnable);

	expect_ok(axas_map_alloc(fd, AREA, PAGES * PAGE, RW, AXAS_MAP_MISSING | flags));
	return fd;
}

static const u8 *page_of(u8 byte)
{
	static __thread u8 page[PAGE];

	memset(page, byte, PAGE);
	return page;
}

static void expect_supplied(int fd, u64 gpa, u8 byte)
{
	expect_ok(axas_supply(fd, gpa, page_of(byte), PAGE, 0, NULL));
}

static void expect_page(int fd, u64 gpa, u8 byte)
{
	u8 buf[PAGE];

	expect_eq(axas_read(fd, gpa, buf, PAGE), PAGE);
	expect(!memcmp(buf, page_of(byte), PAGE));
}

static void test_content(void)
{
	int fd = missing_space(false, 0);
	struct axas_area_info area;
	u8 *p;

	expect_eq(axas_fault(fd, AREA, RO, NULL), AXAS_FAULT_MISSING);
	expect_eq(info(fd).missing, 1);
	expect_eq(info(fd).frames, 0);
	expect_supplied(fd, AREA, 3);
	expect_supplied(fd, AREA + 63 * PAGE, 4);
	expect_eq(info(fd).frames, 2);
	expect_eq(axas_fault(fd, AREA, RW, NULL), AXAS_FAULT_SPURIOUS);
	expect_page(fd, AREA, 3);
	p = map_rw(fd, AREA, PAGES * PAGE);
	expect_eq(p[63 * PAGE + 17], 4);
	p[0] = 5;
	expect_eq(axas_fault(fd, AREA + PAGE, RW, NULL), AXAS_FAULT_MISSING);
	expect_eq(areas_from(fd, 0, &area, 1, NULL), 1);
	expect_eq(area.flags, AXAS_MAP_MISSING);
}

static void test_refused(void)
{
	struct axas_supply arg = { .size = sizeof(arg), .gpa = AREA, .length = PAGE };
	int fd = missing_space(false, 0);
	u8 *bad = guarded_pages(1);
	u64 done;

	arg.source = (uintptr_t)bad;
	arg.flags = AXAS_SUPPLY_ZERO;
	expect_refused(fd, AXAS_SUPPLY, &arg, EINVAL, "zeroes with a source");
	arg.flags = AXAS_SUPPLY_ZERO | AXAS_SUPPLY_SPACE;
	expect_refused(fd, AXAS_SUPPLY, &arg, EINVAL, "two sources");
	arg.flags = 0;
	arg.space_fd = 1;
	expect_refused(fd, AXAS_SUPPLY, &arg, EINVAL, "an unused descriptor");
	arg.flags = AXAS_SUPPLY_SPACE;
	arg.space_fd = -1;
	expect_refused(fd, AXAS_SUPPLY, &arg, EBADF, "no descriptor");
	arg.space_fd = open("/dev/null", O_RDWR);
	expect_refused(fd, AXAS_SUPPLY, &arg, EINVAL, "no space");
	expect_eq(axas_map_alloc(fd, GIB, PAGE, RW, AXAS_MAP_MISSING | AXAS_MAP_POPULATE), -EINVAL);
	expect_eq(axas_map_alloc(fd, GIB, PAGE, RW, AXAS_MAP_MISSING_FAIL), -EINVAL);
	expect_eq(axas_supply(fd, AREA + 1, bad, PAGE, 0, NULL), -EINVAL);
	expect_eq(axas_supply(fd, AREA, bad, 0, 0, NULL), -EINVAL);
	expect_eq(axas_supply(fd, GIB, bad, PAGE, 0, NULL), -ENOENT);
	expect_ok(axas_map_alloc(fd, GIB, PAGE, RW, 0));
	expect_eq(axas_supply(fd, GIB, bad, PAGE, 0, NULL), -EOPNOTSUPP);
	expect_eq(axas_supply(fd, AREA, bad + PAGE, PAGE, 0, NULL), -EFAULT);
	expect_eq(axas_supply(fd, AREA, bad, 2 * PAGE, 0, &done), -EFAULT);
	expect_eq(done, PAGE);
	expect_eq(axas_supply(fd, AREA, bad, PAGE, 0, NULL), -EEXIST);
	expect_eq(axas_populate(fd, AREA + PAGE, PAGE), -ENODATA);
	expect_eq(axas_supply(reopen(fd, O_RDONLY), AREA + PAGE, bad, PAGE, 0, NULL), -EBADF);
}

static void test_duplicates(void)
{
	int fd = missing_space(false, 0);
	u8 buf[4 * PAGE];
	u64 done;

	memset(buf, 9, sizeof(buf));
	expect_supplied(fd, AREA + 2 * PAGE, 1);
	expect_eq(axas_supply(fd, AREA, buf, sizeof(buf), 0, &done), -EEXIST);
	expect_eq(done, 2 * PAGE);
	expect_ok(axas_supply(fd, AREA, buf, sizeof(buf), AXAS_SUPPLY_SKIP, &done));
	expect_eq(done, 4 * PAGE);
	expect_page(fd, AREA + PAGE, 9);
	expect_page(fd, AREA + 2 * PAGE, 1);
	expect_page(fd, AREA + 3 * PAGE, 9);
}

static void test_zero_and_discard(void)
{
	int fd = missing_space(false, 0);

	expect_ok(axas_supply(fd, AREA, NULL, 4 * PAGE, 0, NULL));
	expect_eq(info(fd).frames, 0);
	expect_page(fd, AREA + PAGE, 0);
	expect_eq(info(fd).frames, 1);
	expect_supplied(fd, AREA + 5 * PAGE, 1);
	expect_libc(punch(fd, AREA, 8 * PAGE));
	expect_eq(info(fd).frames, 0);
	expect_page(fd, AREA + 5 * PAGE, 0);
	expect_eq(axas_fault(fd, AREA + 4 * PAGE, RO, NULL), AXAS_FAULT_MISSING);
	expect_eq(axas_supply(fd, AREA + PAGE, page_of(1), PAGE, 0, NULL), -EEXIST);
	expect_supplied(fd, AREA + 4 * PAGE, 1);
}

static void test_from_a_space(void)
{
	int fd = missing_space(false, 0), from = new_space();
	u64 done;

	expect_ok(axas_map_alloc(from, 0, 2 * PAGE, RW, 0));
	expect_eq(axas_write(from, 100, page_of(6), PAGE), PAGE);
	expect_eq(axas_supply_from(fd, AREA, 3 * PAGE, from, 100, 0, &done), -EFAULT);
	expect_eq(done, PAGE);
	expect_page(fd, AREA, 6);
	expect_ok(axas_supply_from(fd, AREA + PAGE, PAGE, fd, AREA, 0, NULL));
	expect_page(fd, AREA + PAGE, 6);
}

/* Memory that counts for nobody's reads: 2 MiB pages where all of them are given. */
static void test_large(void)
{
	int fd = new_space();
	u8 *buf = malloc(4 * MIB);

	expect(buf);
	memset(buf, 0x77, 4 * MIB);
	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_MISSING));
	expect_supplied(fd, AREA + MIB, 1);
	expect_ok(axas_supply(fd, AREA, buf, 4 * MIB, AXAS_SUPPLY_SKIP, NULL));
	expect(info(fd).leaves[1] <= 1);
	note("%llu frames of 2 MiB", info(fd).leaves[1]);
	expect_page(fd, AREA, 0x77);
	expect_page(fd, AREA + MIB, 1);
	expect_page(fd, AREA + 4 * MIB - PAGE, 0x77);
	expect_eq(info(fd).frames, 1024);
}

/* Waiting */

/* How an access comes to a page. */
enum way { BY_READ, BY_WRITE, BY_LOAD, BY_STORE, BY_WRITE_FROM, BY_READ_INTO, BY_VM_READ, NR_WAYS };

/**
 * struct waiter - an access that waits
 * @fd: the space
 * @p: its mapping from AREA on
 * @gpa: the page
 * @way: how it is accessed
 * @result: bytes, -errno or, for a load or a store, minus the signal
 * @ended: it did not wait any more
 */
struct waiter {
	int fd;
	u8 *p;
	u64 gpa;
	enum way way;
	ssize_t result;
	atomic_bool ended;
};

static ssize_t by_pipe(u8 *p, bool write_from)
{
	u8 byte = 1;
	ssize_t n;
	int fds[2];

	expect_libc(pipe(fds));
	if (!write_from)
		expect_eq(write(fds[1], &byte, 1), 1);
	n = write_from ? write(fds[1], p, 1) : read(fds[0], p, 1);
	n = n < 0 ? -errno : n;
	close(fds[0]);
	close(fds[1]);
	return n;
}

static ssize_t by_vm_read(u8 *p)
{
	u8 byte;
	struct iovec to = { &byte, 1 }, from = { p, 1 };
	ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);

	return n < 0 ? -errno : n;
}

static ssize_t access_by(const struct waiter *w)
{
	u8 byte = 1, *p = w->p + (w->gpa - AREA);

	switch (w->way) {
	case BY_READ:
		return axas_read(w->fd, w->gpa, &byte, 1);
	case BY_WRITE:
		return axas_write(w->fd, w->gpa, &byte, 1);
	case BY_LOAD:
		return read_signal(p) ? -SIGBUS : 1;
	case BY_STORE:
		return write_signal(p, 1) ? -SIGBUS : 1;
	case BY_VM_READ:
		return by_vm_read(p);
	default:
		return by_pipe(p, w->way == BY_WRITE_FROM);
	}
}

static void *run_waiter(void *arg)
{
	struct waiter *w = arg;

	w->result = access_by(w);
	w->ended = true;
	return NULL;
}

/* Wait until the descriptor has pages to report, and get them. */
static int next_missing(int fd, u64 *gpas, u32 nr)
{
	struct pollfd pfd = { .fd = fd, .events = POLLPRI };

	expect_eq(poll(&pfd, 1, 5000), 1);
	expect(pfd.revents & POLLPRI);
	return axas_get_missing(fd, 0, gpas, nr, NULL);
}

static void expect_reported(int fd, u64 gpa)
{
	u64 got = 0;

	expect_eq(next_missing(fd, &got, 1), 1);
	expect_eq(got, gpa);
}

static void expect_nothing_to_report(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLPRI };
	u64 gpa;

	expect_eq(poll(&pfd, 1, 0), 0);
	expect_eq(axas_get_missing(fd, 0, &gpa, 1, NULL), 0);
}

static pthread_t begin_wait(struct waiter *w)
{
	pthread_t thread;

	expect_eq(pthread_create(&thread, NULL, run_waiter, w), 0);
	expect_reported(w->fd, w->gpa);
	expect(!w->ended);
	return thread;
}

/* Every way waits, takes no lock of the process meanwhile, and goes on with the page. */
static void wait_each_way(bool pinnable)
{
	int fd = missing_space(pinnable, 0);
	u8 *p = map_rw(fd, AREA, PAGES * PAGE);

	for (int way = 0; way < NR_WAYS; way++) {
		struct waiter w = { .fd = fd, .p = p, .gpa = AREA + way * PAGE, .way = way };
		pthread_t thread = begin_wait(&w);

		expect_libc(munmap(map_rw(fd, AREA, PAGE), PAGE));
		expect_libc(mprotect(guarded_pages(1), PAGE, PROT_READ));
		expect_nothing_to_report(fd);
		expect_supplied(fd, w.gpa, 2);
		expect_eq(pthread_join(thread, NULL), 0);
		expect_eq(w.result, 1);
		expect_eq(p[way * PAGE + 1], 2);
	}
}

static void test_accesses_wait(void)
{
	wait_each_way(false);
	wait_each_way(true);
}

static void expect_fails(int fd, u8 *p, int way, u64 gpa)
{
	bool signals = way == BY_LOAD || way == BY_STORE;
	struct waiter w = { .fd = fd, .p = p, .gpa = gpa, .way = way };

	expect_eq(access_by(&w), signals ? -SIGBUS : -EFAULT);
}

static void test_accesses_fail(void)
{
	catch_bus();
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		int fd = missing_space(pinnable, AXAS_MAP_MISSING_FAIL);
		u8 *p = map_rw(fd, AREA, PAGES * PAGE);

		for (int way = 0; way < NR_WAYS; way++)
			expect_fails(fd, p, way, AREA + way * PAGE);
		expect_nothing_to_report(fd);
		/* A missing page is no source either. */
		expect_eq(axas_supply(fd, AREA, p + PAGE, PAGE, 0, NULL), -EFAULT);
		expect_supplied(fd, AREA + PAGE, 1);
		expect_eq(p[PAGE], 1);
	}
}

/* The page goes away, or its permission: the access fails as if it came then. */
static void test_unmap_ends_a_wait(void)
{
	int fd = missing_space(false, 0);
	u8 *p = map_rw(fd, AREA, PAGES * PAGE);

	catch_bus();
	for (int way = 0; way < NR_WAYS; way++) {
		struct waiter w = { .fd = fd, .p = p, .gpa = AREA + way * PAGE, .way = way };
		pthread_t thread = begin_wait(&w);

		expect_ok(way % 2 ? axas_unmap(fd, w.gpa, PAGE) : axas_clear(fd));
		expect_eq(pthread_join(thread, NULL), 0);
		expect_eq(w.result, way == BY_LOAD || way == BY_STORE ? -SIGBUS : -EFAULT);
		if (!(way % 2))
			expect_ok(axas_map_alloc(fd, AREA, PAGES * PAGE, RW, AXAS_MAP_MISSING));
	}
}

static void test_protect_ends_a_wait(void)
{
	struct waiter w = { .fd = missing_space(false, 0), .gpa = AREA, .way = BY_WRITE };
	pthread_t thread = begin_wait(&w);

	expect_ok(axas_protect(w.fd, AREA, PAGE, RO));
	expect_eq(pthread_join(thread, NULL), 0);
	expect_eq(w.result, -EACCES);
}

/* Two accesses to a page are one report, and both go on. */
static void test_one_report(void)
{
	struct waiter a = { .fd = missing_space(false, 0), .gpa = AREA, .way = BY_READ };
	struct waiter b = { .fd = a.fd, .gpa = AREA, .way = BY_WRITE };
	pthread_t first = begin_wait(&a), second;
	u64 gpas[4];

	expect_eq(pthread_create(&second, NULL, run_waiter, &b), 0);
	sleep_ms(50);
	expect_nothing_to_report(a.fd);
	/* A server that takes over asks again. */
	expect_eq(axas_get_missing(a.fd, AXAS_MISSING_AGAIN, gpas, ARRAY_SIZE(gpas), NULL), 1);
	expect_eq(gpas[0], AREA);
	expect_supplied(a.fd, AREA, 1);
	expect_eq(pthread_join(first, NULL), 0);
	expect_eq(pthread_join(second, NULL), 0);
	expect_eq(a.result, 1);
	expect_eq(b.result, 1);
}

/* A report that nobody could receive is not lost. */
static void test_bad_report_buffer(void)
{
	struct waiter w = { .fd = missing_space(false, 0), .gpa = AREA + PAGE, .way = BY_READ };
	struct axas_get_missing arg = { .size = sizeof(arg), .count = 1 };
	pthread_t thread;

	expect_eq(pthread_create(&thread, NULL, run_waiter, &w), 0);
	expect_eq(poll(&(struct pollfd){ .fd = w.fd, .events = POLLPRI }, 1, 5000), 1);
	expect_eq(axas_ioctl(w.fd, AXAS_GET_MISSING, &arg), -EFAULT);
	expect_reported(w.fd, w.gpa);
	expect_supplied(w.fd, w.gpa, 1);
	expect_eq(pthread_join(thread, NULL), 0);
}

/* Processes that end */

static pid_t fork_waiter(struct waiter *w)
{
	pid_t pid = fork();

	expect_libc(pid);
	if (!pid) {
		(void)access_by(w);
		_exit(0);
	}
	expect_reported(w->fd, w->gpa);
	return pid;
}

static void expect_killed(pid_t pid)
{
	int status;

	expect_libc(kill(pid, SIGKILL));
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status));
}

/* Whatever it waits in, a process can be killed, and leaves nothing behind. */
static void test_killed_waiters(void)
{
	int fd = missing_space(false, 0);
	u8 *p = map_rw(fd, AREA, PAGES * PAGE);
	u64 gpa;

	for (int way = 0; way < NR_WAYS; way++) {
		struct waiter w = { .fd = fd, .p = p, .gpa = AREA, .way = way };

		expect_killed(fork_waiter(&w));
		expect_eq(axas_get_missing(fd, AXAS_MISSING_AGAIN, &gpa, 1, NULL), 0);
	}
	expect_eq(info(fd).frames, 0);
}

/* A server that dies with a report: the next one gets it. */
static void test_killed_server(void)
{
	struct waiter w = { .fd = missing_space(false, 0), .gpa = AREA, .way = BY_READ };
	pthread_t thread = begin_wait(&w);
	u64 gpa = 0;
	pid_t pid = fork();

	expect_libc(pid);
	if (!pid)
		_exit(axas_get_missing(w.fd, 0, &gpa, 1, NULL) ? 1 : 0);
	expect_eq(waitpid(pid, NULL, 0), pid);
	expect(!w.ended);
	expect_eq(axas_get_missing(w.fd, AXAS_MISSING_AGAIN, &gpa, 1, NULL), 1);
	expect_eq(gpa, AREA);
	expect_supplied(w.fd, gpa, 1);
	expect_eq(pthread_join(thread, NULL), 0);
	expect_eq(w.result, 1);
}

/* A child whose list of robust futexes is in a missing page. The kernel reads it at the exit. */
static pid_t fork_exiting(const u8 *p)
{
	pid_t pid = fork();

	expect_libc(pid);
	if (!pid)
		_exit(syscall(SYS_set_robust_list, p, sizeof(struct robust_list_head)) ? 1 : 0);
	return pid;
}

/* It could not be killed then: it does not wait for a server that may not be there. */
static void test_exit_does_not_wait(void)
{
	int fd = missing_space(false, 0), status = -1;
	u8 *p = map_rw(fd, AREA, PAGES * PAGE);
	pid_t pid = fork_exiting(p);
	bool ended = false;

	for (int ms = 0; !ended && ms < 5000; ms++) {
		sleep_ms(1);
		ended = waitpid(pid, &status, WNOHANG) == pid;
	}
	/* So that it ends in any case. */
	expect_supplied(fd, AREA, 0);
	expect(ended);
	expect_eq(status, 0);
}

#define SERVED		(4 * MIB / PAGE)	/* pages of a large area */

/* Supplies all of it, by pages and by 2 MiB, until it is killed. */
static _Noreturn void supply_all(int fd)
{
	u8 *buf = malloc(2 * MIB);
	u64 gpas[8];

	for (u64 i = 0; ; i++) {
		memset(buf, 1 + i % 200, 2 * MIB);
		axas_get_missing(fd, AXAS_MISSING_AGAIN, gpas, ARRAY_SIZE(gpas), NULL);
		axas_supply(fd, AREA + i % 300 * PAGE, buf, PAGE, 0, NULL);
		axas_supply(fd, AREA + MIB, buf, 2 * MIB, AXAS_SUPPLY_SKIP, NULL);
		axas_supply(fd, AREA + 3 * MIB, NULL, MIB / 2, AXAS_SUPPLY_SKIP, NULL);
		axas_unmap(fd, AREA, 3 * MIB + 256 * PAGE);
		axas_map_alloc(fd, AREA, 3 * MIB + 256 * PAGE, RW,
			       AXAS_MAP_MISSING | AXAS_MAP_MISSING_FAIL);
	}
}

static void expect_whole_pages(int fd)
{
	u8 buf[PAGE];

	for (u64 i = 0; i < SERVED; i++) {
		ssize_t n = axas_read(fd, AREA + i * PAGE, buf, PAGE);

		expect(n == PAGE || n == -EFAULT);
		for (u64 at = 1; n == PAGE && at < PAGE; at++)
			if (buf[at] != buf[0])
				fail("page %llu has 0x%x and 0x%x", i, buf[0], buf[at]);
	}
}

/* A server that is killed at any step leaves whole pages or none, and its work to the next. */
static void test_killed_while_supplying(void)
{
	int fd = new_space();
	u32 seed = test_seed;

	for (int i = 0; i < 30; i++) {
		pid_t pid;

		expect_ok(axas_map_alloc(fd, AREA, SERVED * PAGE, RW,
					 AXAS_MAP_MISSING | AXAS_MAP_MISSING_FAIL));
		pid = fork();
		expect_libc(pid);
		if (!pid)
			supply_all(fd);
		sleep_ms(1 + random_u32(&seed) % 12);
		expect_killed(pid);
		expect_whole_pages(fd);
		expect_ok(axas_clear(fd));
		expect_eq(info(fd).frames, 0);
		expect_eq(info(fd).tables, info(fd).root_tables);
	}
}

static atomic_int alarms;

static void on_alarm(int nr)
{
	(void)nr;
	alarms++;
}

/* A load through a mapping waits interruptibly: handlers run, then it waits again. */
static void test_signals_are_handled(void)
{
	struct waiter w = { .fd = missing_space(false, 0), .gpa = AREA, .way = BY_LOAD };
	pthread_t thread;
	u64 gpa;

	expect(signal(SIGUSR1, on_alarm) != SIG_ERR);
	w.p = map_rw(w.fd, AREA, PAGES * PAGE);
	thread = begin_wait(&w);
	for (int i = 1; i <= 3; i++) {
		expect_eq(pthread_kill(thread, SIGUSR1), 0);
		for (int ms = 0; alarms < i && ms < 5000; ms++)
			sleep_ms(1);
		expect_eq(alarms, i);
	}
	expect(!w.ended);
	/* it began to wait anew */
	expect_eq(next_missing(w.fd, &gpa, 1), 1);
	expect_supplied(w.fd, AREA, 1);
	expect_eq(pthread_join(thread, NULL), 0);
	expect_eq(w.result, 1);
}

static u64 cpu_ns(pthread_t thread)
{
	struct timespec ts;
	clockid_t clock;

	expect_ok(pthread_getcpuclockid(thread, &clock));
	expect_libc(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* How often threads of this process have slept. */
static u64 sleeps(void)
{
	struct rusage usage;

	expect_libc(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_nvcsw;
}

/*
 * An access in kernel mode handles no signals before it is done. With one pending it goes on
 * waiting, and does not keep its CPU busy with that.
 */
static void test_pending_signal_costs_no_cpu(void)
{
	struct waiter w = { .fd = missing_space(false, 0), .gpa = AREA, .way = BY_WRITE_FROM };
	unsigned int tries = 0;
	pthread_t thread;
	u64 begin, before;

	expect(signal(SIGUSR1, on_alarm) != SIG_ERR);
	w.p = map_rw(w.fd, AREA, PAGES * PAGE);
	thread = begin_wait(&w);
	expect_eq(pthread_kill(thread, SIGUSR1), 0);
	/* It sleeps all the time, or again and again: a busy loop does neither. */
	do {
		begin = cpu_ns(thread);
		before = sleeps();
		sleep_ms(200);
	} while (cpu_ns(thread) != begin && sleeps() < before + 10 && ++tries < 50);
	expect(tries < 50);
	expect(!w.ended);
	expect_supplied(w.fd, AREA, 1);
	expect_eq(pthread_join(thread, NULL), 0);
	expect_eq(w.result, 1);
	expect_eq(alarms, 1);
}

#define CROWD	1000

/* One server, a thousand accesses that wait, each for a page of its own: each is told once. */
static void test_crowd(void)
{
	static struct waiter waiters[CROWD];
	static pthread_t threads[CROWD];
	static u64 gpas[CROWD];
	int fd = new_space(), n, told = 0;
	pthread_attr_t attr;
	u32 more;

	expect_ok(axas_map_alloc(fd, AREA, CROWD * PAGE, RW, AXAS_MAP_MISSING));
	expect_ok(pthread_attr_init(&attr));
	expect_ok(pthread_attr_setstacksize(&attr, 64 * 1024));
	for (int i = 0; i < CROWD; i++) {
		waiters[i] = (struct waiter){ .fd = fd, .gpa = AREA + i * PAGE, .way = BY_READ };
		expect_eq(pthread_create(&threads[i], &attr, run_waiter, &waiters[i]), 0);
	}
	/* A report may come in parts, each of pages that no other has. */
	while (told < CROWD) {
		n = next_missing(fd, gpas, 1 + told % 97);
		expect(n > 0);
		for (int i = 0; i < n; i++) {
			struct waiter *w = &waiters[(gpas[i] - AREA) / PAGE];

			expect(!w->p);
			w->p = (u8 *)w;
		}
		told += n;
	}
	expect_nothing_to_report(fd);
	/* Another server takes over: all of them, in parts. */
	for (told = 0, more = 1; more; told += n) {
		n = axas_get_missing(fd, told ? 0 : AXAS_MISSING_AGAIN, gpas, CROWD, &more);
		expect(n > 0 && n <= AXAS_MISSING_MAX);
	}
	expect_eq(told, CROWD);
	for (int i = 0; i < CROWD; i++)
		expect(!waiters[i].ended);
	for (int i = 0; i < CROWD; i += 2)
		expect_supplied(fd, AREA + i * PAGE, 1 + i % 200);
	for (int i = 0; i < CROWD; i += 2)
		expect_eq(pthread_join(threads[i], NULL), 0);
	/* The others are let go all at once. */
	for (int i = 1; i < CROWD; i += 2)
		expect(!waiters[i].ended);
	expect_ok(axas_clear(fd));
	for (int i = 0; i < CROWD; i++) {
		if (i % 2)
			expect_eq(pthread_join(threads[i], NULL), 0);
		expect_eq(waiters[i].result, i % 2 ? -EFAULT : 1);
	}
	expect_nothing_to_report(fd);
}

/* Races */

/**
 * struct storm - threads on one space
 * @fd: the space
 * @p: its mapping
 * @seed: this thread's
 * @until: when to end
 * @supplied: pages that this thread supplied
 */
struct storm {
	int fd;
	u8 *p;
	u32 seed;
	u64 until;
	u64 supplied;
};

/* Supplies what is waited for, and anything. */
static void *serve(void *arg)
{
	struct storm *s = arg;
	u64 gpas[8];
	int n;

	while (now_ms() < s->until + 200) {
		n = axas_get_missing(s->fd, AXAS_MISSING_AGAIN, gpas, ARRAY_SIZE(gpas) - 1, NULL);
		expect(n >= 0);
		gpas[n++] = AREA + random_u32(&s->seed) % PAGES * PAGE;
		while (n--) {
			int err = axas_supply(s->fd, gpas[n], page_of(1 + gpas[n] / PAGE % 200),
					      PAGE, 0, NULL);

			expect(!err || err == -EEXIST || err == -ENOENT);
			s->supplied += !err;
		}
	}
	return NULL;
}

/* A page is zero, or what a server supplied. */
static void *look(void *arg)
{
	struct storm *s = arg;

	while (now_ms() < s->until) {
		u64 i = random_u32(&s->seed) % PAGES, off = random_u32(&s->seed) % (PAGE - 1);
		u8 want = 1 + (AREA / PAGE + i) % 200, got[2] = { 0, 0 };
		u64 gpa = AREA + i * PAGE;
		ssize_t n;

		if (i % 2) {
			n = axas_read(s->fd, gpa + off, got, 2);
			expect(n == 2 || n == -EFAULT);
		} else if (read_signal(s->p + i * PAGE)) {
			continue;
		}
		if (i % 2 && n == 2 && (got[0] != got[1] || (got[0] && got[0] != want)))
			fail("0x%x 0x%x at %#llx, not 0x%x", got[0], got[1], gpa + off, want);
	}
	return NULL;
}

static void *remove_pages(void *arg)
{
	struct storm *s = arg;
	u64 n;

	while (now_ms() < s->until) {
		u64 i = random_u32(&s->seed) % (PAGES - 8), gpa = AREA + i * PAGE;

		switch (random_u32(&s->seed) % 4) {
		case 0:
			expect_libc(punch(s->fd, gpa, 8 * PAGE));
			break;
		case 1:
			expect_ok(axas_protect(s->fd, gpa, 8 * PAGE, i % 2 ? RO : RW));
			break;
		case 2:
			expect_ok(axas_collapse(s->fd, AREA, PAGES * PAGE, &n));
			break;
		default:
			expect_ok(axas_unmap(s->fd, gpa, 8 * PAGE));
			expect_ok(axas_map_alloc(s->fd, gpa, 8 * PAGE, RW, AXAS_MAP_MISSING));
		}
	}
	return NULL;
}

static void test_storm(void)
{
	static void *(*const parts[])(void *) = { serve, serve, look, look, remove_pages };
	pthread_t threads[ARRAY_SIZE(parts)];
	struct storm storms[ARRAY_SIZE(parts)];
	int fd = missing_space(false, 0);
	u8 *p = map_rw(fd, AREA, PAGES * PAGE);
	u64 until = now_ms() + STRESS_MS;

	catch_bus();
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		storms[i] = (struct storm){ fd, p, test_seed * 7 + i + 1, until, 0 };
		expect_eq(pthread_create(&threads[i], NULL, parts[i], &storms[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		expect_eq(pthread_join(threads[i], NULL), 0);
	note("%llu pages supplied", storms[0].supplied + storms[1].supplied);
	expect(storms[0].supplied || storms[1].supplied);
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static const struct test tests[] = {
	{ "supplied pages have their content", test_content },
	{ "wrong calls are refused", test_refused },
	{ "a page that is there is not overwritten", test_duplicates },
	{ "zeroes and discarded pages are not missing", test_zero_and_discard },
	{ "supply from a space", test_from_a_space },
	{ "supply with 2 MiB frames", test_large },
	{ "every access waits, with no lock held", test_accesses_wait },
	{ "every access fails where the area says so", test_accesses_fail },
	{ "unmap and clear end a wait", test_unmap_ends_a_wait },
	{ "protect ends a wait", test_protect_ends_a_wait },
	{ "a page is reported once", test_one_report },
	{ "a report to a bad buffer is not lost", test_bad_report_buffer },
	{ "a waiting process can be killed", test_killed_waiters },
	{ "an exiting process does not wait", test_exit_does_not_wait },
	{ "a killed server is replaced", test_killed_server },
	{ "a server is killed while it supplies", test_killed_while_supplying },
	{ "a waiting load handles signals", test_signals_are_handled },
	{ "a pending signal costs no CPU time", test_pending_signal_costs_no_cpu },
	{ "servers, readers and removals together", test_storm },
};

static const struct test crowd_tests[] = {
	{ "a thousand accesses wait for missing pages", test_crowd },
};

const struct suite suite_crowd = { "crowd", crowd_tests, ARRAY_SIZE(crowd_tests), false };
const struct suite suite_supply = { "supply", tests, ARRAY_SIZE(tests), true };
