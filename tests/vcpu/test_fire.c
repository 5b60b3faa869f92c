// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for AXAS_SECONDS, if that is given: threads that run guests, and threads that
 * do what fire_ops.c has, on the same few spaces and images, while signals come, missing pages are
 * brought, and a CPU goes and comes. Calls fire_ops.c, vm.c and the harness.
 *
 * AXAS_SEED is where the random numbers begin. Threads meet differently each time, so a seed
 * repeats what each of them does, not what happens.
 */
#include "fire.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct fire *fire;

static u32 seed_of(u32 n)
{
	const char *text = getenv("AXAS_SEED");
	u32 seed = text ? strtoul(text, NULL, 0) : 1;

	return (seed * 2654435761u + n * 40503u) | 1;
}

void check_word(u32 family, u64 gpa, u64 word, const char *who)
{
	u64 want = word_at(family, gpa);

	for (int i = 0; i < 64; i += 8)
		if ((word >> i & 0xff) && ((word ^ want) >> i & 0xff))
			fail("%s at %#llx of family %u: %#llx, not %#llx", who, gpa, family, word,
			     want);
}

void fill_words(u32 family, u64 gpa, u64 *words, u64 len)
{
	for (u64 i = 0; i < len / 8; i++)
		words[i] = word_at(family, gpa + i * 8);
}

int allow(int ret, const char *what)
{
	static const int errors[] = {
		ENOMEM, EFAULT, EACCES, EEXIST, EBUSY, EOPNOTSUPP, ENOENT, EINTR, EAGAIN, ESTALE,
		ELOOP, ENODATA, EIO, EBADFD, ENXIO
	};

	for (size_t i = 0; ret < 0 && i < ARRAY_SIZE(errors); i++)
		if (ret == -errors[i])
			return ret;
	if (ret < 0)
		fail("%s: %s", what, strerror(-ret));
	return ret;
}

/* Without a moment in which there is no such descriptor. */
void replace(int fd, int to)
{
	if (dup2(fd, to) != to)
		fail("dup2: %s", strerror(errno));
	close(fd);
}

/* The memory that the exit asks for, or not. */
static void answer(struct actor *a, u32 slot, const struct axvcpu_exit *exit, u64 gpa)
{
	u64 page = gpa & ~(PAGE - 1), words[PAGE / 8];

	atomic_fetch_add(&fire->faults, 1);
	if (page < VM_TEST || page >= VM_TEST + AREA_SIZE)
		fail("guest's access to %#llx: %s", gpa, axvcpu_exit_name(exit->reason));
	if (!below(a, 4))
		return;
	allow(axas_map_alloc(SPACE(slot), page, PAGE, AXAS_PROT_MASK, 0), "map");
	allow(axas_protect(SPACE(slot), page, PAGE, AXAS_PROT_MASK), "protect");
	fill_words(FAMILY(slot), page, words, PAGE);
	allow(axas_supply(SPACE(slot), page, words, PAGE, AXAS_SUPPLY_SKIP, NULL), "supply");
}

/* How other threads may make a run end; EINVAL: none of its CPUs is there. */
static bool may_end(int err)
{
	return !err || err == -EINTR || err == -ENOMEM || err == -EINVAL;
}

/* Run the guest until it ends or it is left where it is. Return whether it has ended. */
static bool run_guest(struct actor *a, u32 slot, int vcpu, u64 *result)
{
	struct axvcpu_exit exit;

	while (!atomic_load(&fire->stop) && below(a, 64)) {
		int err = axvcpu_run(vcpu, &exit);

		atomic_fetch_add(&fire->entered, 1);
		if (!may_end(err))
			fail("AXVCPU_RUN: %s", strerror(-err));
		if (err || exit.reason == AXVCPU_EXIT_NOTHING)
			continue;
		if (arch_ended(vcpu, &exit, result)) {
			atomic_fetch_add(&fire->ended, 1);
			return true;
		}
		if (exit.reason == AXVCPU_EXIT_NESTED_PAGE_FAULT)
			answer(a, slot, &exit, exit.nested_page_fault.gpa);
		else if (exit.reason == AXVCPU_EXIT_MMIO_READ)
			answer(a, slot, &exit, exit.mmio_read.gpa);
		else if (exit.reason == AXVCPU_EXIT_MMIO_WRITE)
			answer(a, slot, &exit, exit.mmio_write.gpa);
		else
			fail("exit %s %#llx at %#llx", axvcpu_exit_name(exit.reason), exit.raw[0],
			     exit.rip);
	}
	return false;
}

/* One routine: writers write what all write, a reader's word is checked. */
static void call_guest(struct actor *a, u32 slot, int vcpu)
{
	struct vm vm = { SPACE(slot), vcpu };
	u64 gpa = any_gpa(a, 8), end = gpa + (1ull << (12 + below(a, 11))), result;
	u64 key = key_of(FAMILY(slot));

	if (end > VM_TEST + AREA_SIZE)
		end = VM_TEST + AREA_SIZE;
	switch (below(a, 4)) {
	case 0:
		vm_enter(&vm, guest(fill), gpa, end, 8 + 8 * below(a, 1024), key);
		run_guest(a, slot, vcpu, &result);
		break;
	case 1:
		vm_enter(&vm, guest(check), gpa, end, 8 + 8 * below(a, 1024), key);
		run_guest(a, slot, vcpu, &result);
		break;
	case 2:
		vm_enter(&vm, guest(write), gpa, word_at(FAMILY(slot), gpa), 0, 0);
		run_guest(a, slot, vcpu, &result);
		break;
	default:
		vm_enter(&vm, guest(read), gpa, 0, 0, 0);
		if (run_guest(a, slot, vcpu, &result))
			check_word(FAMILY(slot), gpa, result, "guest");
	}
}

/* State that goes out and in again, and a vCPU that is set up anew. */
static void handle_state(struct actor *a, int vcpu)
{
	static __thread ARCH_STATE state;

	if (below(a, 2)) {
		allow(axvcpu_reset(vcpu), "AXVCPU_RESET");
		expect_ok(setup(vcpu, ARCH_MODE, guest(halt), 0));
		return;
	}
	if (!allow(axvcpu_save(vcpu, &state, sizeof(state)), "AXVCPU_SAVE"))
		allow(axvcpu_restore(vcpu, &state, sizeof(state)), "AXVCPU_RESTORE");
}

static void *run_vcpu(void *arg)
{
	u32 me = (uintptr_t)arg;
	struct actor a = { seed_of(100 + me), false };
	cpu_set_t mine;

	expect_ok(sched_getaffinity(0, sizeof(mine), &mine));

	while (!atomic_load(&fire->stop)) {
		u32 slot = below(&a, NR_CLONES);
		int fd = axvcpu_open_vcpu(NULL, SPACE(slot), me, 0);

		if (allow(fd, "AXVCPU_CREATE") < 0)
			continue;
		replace(fd, VCPU(me));
		expect_ok(setup(VCPU(me), ARCH_MODE, guest(halt), 0));
		for (u32 n = 1 + below(&a, 16); n && !atomic_load(&fire->stop); n--) {
			/*
			 * The kernel widens the mask of a thread whose CPU has gone, if it was on
			 * the way to it: to the first one, too, on which no guest may run in QEMU
			 * (scripts/vm.sh).
			 */
			sched_setaffinity(0, sizeof(mine), &mine);
			if (below(&a, 8))
				call_guest(&a, slot, VCPU(me));
			else
				handle_state(&a, VCPU(me));
		}
	}
	return NULL;
}

static void *run_host(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	struct actor a = { seed_of(me), false };

	while (!atomic_load(&fire->stop)) {
		fire_op(&a);
		atomic_fetch_add(&fire->by_host[me], 1);
	}
	return NULL;
}

/*
 * Bring a page. Whoever waits for it and for nothing else would raise no limit that keeps it out:
 * the server does.
 */
static void bring(u32 slot, u64 gpa)
{
	u64 words[PAGE / 8];
	int err;

	fill_words(FAMILY(slot), gpa, words, PAGE);
	err = axas_supply(SPACE(slot), gpa, words, PAGE, AXAS_SUPPLY_SKIP, NULL);
	if (!allow(err, "AXAS_SUPPLY"))
		atomic_fetch_add(&fire->supplied, 1);
	else if (err == -ENOMEM)
		expect_ok(axas_set_limit(SPACE(slot), 0));
}

/* Whoever waits for a missing page gets it: only the spaces that are never replaced have such. */
static void serve(void)
{
	__u64 gpas[16];

	for (u32 slot = NR_CLONES; slot < NR_SPACES; slot++) {
		int n = axas_get_missing(SPACE(slot), AXAS_MISSING_AGAIN, gpas, ARRAY_SIZE(gpas),
					 NULL);

		allow(n, "AXAS_GET_MISSING");
		for (int i = 0; i < n; i++)
			bring(slot, gpas[i]);
	}
}

static void set_online(const char *on)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", CPU_THAT_GOES);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, on, 1) == 1)
		atomic_fetch_add(&fire->hotplugs, 1);
	close(fd);
}

static void write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, 1) != 1)
		note("%s: %s", path, strerror(errno));
	close(fd);
}

static pthread_t threads[NR_HOSTS + NR_RUNNERS];

/* What comes from outside: missing pages, signals, CPUs that go, memory pressure. */
static void *disturb(void *arg)
{
	struct actor a = { seed_of(1000), false };

	(void)arg;
	for (u32 round = 1; atomic_load(&fire->serve); round++) {
		serve();
		if (!atomic_load(&fire->stop)) {
			pthread_kill(threads[below(&a, ARRAY_SIZE(threads))], SIGUSR1);
			atomic_fetch_add(&fire->signals, 1);
		}
		if (round % 1000 == 500)
			set_online("0");
		if (round % 1000 == 600)
			set_online("1");
		if (round % 1500 == 0)
			write_proc("/proc/sys/vm/drop_caches", "3");
		if (round % 2000 == 0)
			write_proc("/proc/sys/vm/compact_memory", "1");
		usleep(2000);
	}
	set_online("1");
	return NULL;
}

static void make_content(u32 family)
{
	static u64 words[AREA_SIZE / 8];
	int fd = memfd_create("fire", MFD_ALLOW_SEALING);

	fill_words(family, VM_TEST, words, AREA_SIZE);
	expect_eq(write(fd, words, AREA_SIZE), (long long)AREA_SIZE);
	expect_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	replace(fd, CONTENT(family));
}

/* Two families: an image with the guest, and clones of it. */
static void make_family(u32 family)
{
	struct axas_create create = { .max_frames = ~0ull };
	int space = axas_open_space(NULL, &create), image;

	expect(space >= 0);
	low_memory(space);
	map(space, VM_TEST, AREA_SIZE, AXAS_PROT_MASK, 0);
	image = axas_freeze(space);
	expect(image >= 0);
	for (u32 slot = family; slot < NR_IMAGES; slot += 2)
		expect(dup2(image, IMAGE(slot)) >= 0);
	for (u32 slot = family; slot < NR_CLONES; slot += 2)
		replace(axas_clone_one(image), SPACE(slot));
	replace(axas_open_space(NULL, &create), SPACE(NR_CLONES + family));
	close(image);
	close(space);
	make_content(family);
}

static void wake(int sig)
{
	(void)sig;
}

/* From so many seconds on, a host thread that does nothing in half of the time is stuck. */
#define LONG_ENOUGH	300

static void run_for(u64 seconds)
{
	unsigned long long before[NR_HOSTS];
	u64 start = now_ms();

	while (now_ms() < start + 500 * seconds)
		sleep_ms(100);
	for (size_t i = 0; i < NR_HOSTS; i++)
		before[i] = atomic_load(&fire->by_host[i]);
	while (now_ms() < start + 1000 * seconds)
		sleep_ms(100);
	for (size_t i = 0; i < NR_HOSTS && seconds >= LONG_ENOUGH; i++)
		if (atomic_load(&fire->by_host[i]) == before[i])
			fail("host thread %zu is stuck after %llu operations", i, before[i]);
}

static void run_all(u64 seconds)
{
	pthread_t disturber;

	for (u32 n = 0; n < NR_RUNNERS; n++)
		replace(open_vcpu(SPACE(n), n, 0), VCPU(n));
	atomic_store(&fire->serve, true);
	for (size_t i = 0; i < NR_HOSTS; i++)
		expect_eq(pthread_create(&threads[i], NULL, run_host, (void *)i), 0);
	for (size_t i = 0; i < NR_RUNNERS; i++)
		expect_eq(pthread_create(&threads[NR_HOSTS + i], NULL, run_vcpu, (void *)i), 0);
	expect_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	run_for(seconds);
	atomic_store(&fire->stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	atomic_store(&fire->serve, false);
	pthread_join(disturber, NULL);
}

/* Whatever happened, each space can be emptied, and has nothing then. */
static void expect_empty(void)
{
	struct axas_info about;

	fire_end();
	for (u32 n = 0; n < NR_RUNNERS; n++)
		close(VCPU(n));
	for (u32 slot = 0; slot < NR_SPACES; slot++) {
		expect_ok(axas_clear(SPACE(slot)));
		about = info(SPACE(slot));
		expect_eq(about.areas, 0);
		expect_eq(about.frames, 0);
		expect_eq(about.shared, 0);
		expect_eq(about.tables, about.root_tables);
	}
	for (u32 slot = 0; slot < NR_SPACES; slot++)
		expect_eq(info(SPACE(slot)).exported, 0);
}

static void a_guest_runs(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, RW, 0);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + MIB, 64, 3), MIB / 64);
	vm_free(&vm);
}

/* Among so many looks one meets a vCPU that has run. */
#define MANY_KICKS	50

static void everything_at_once(void)
{
	struct sigaction action = { .sa_handler = wake, .sa_flags = SA_RESTART };
	const char *seconds = getenv("AXAS_SECONDS");

	if (!seconds)
		skip("AXAS_SECONDS does not say for how long");
	fire = mmap(NULL, sizeof(*fire), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(fire != MAP_FAILED);
	catch_bus();
	sigaction(SIGUSR1, &action, NULL);
	make_family(0);
	make_family(1);
	fire_prepare();
	run_all(strtoul(seconds, NULL, 0));
	fire_report();
	note("vCPUs: %llu runs, %llu ends, %llu faults for the VMM, %llu kicks", fire->entered,
	     fire->ended, fire->faults, fire->kicked);
	/* Who kicks looks at vCPUs that run; as many looks as kicks, and few in a short run. */
	expect(fire->met || fire->kicked < MANY_KICKS);
	note("%llu signals, %llu pages brought, %llu times a CPU went or came", fire->signals,
	     fire->supplied, fire->hotplugs);
	expect_empty();
	a_guest_runs();
}

static const struct test tests[] = {
	{ "everything_at_once", everything_at_once },
};

const struct suite suite_fire = { .name = "fire", .tests = tests, .nr = ARRAY_SIZE(tests) };
