// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap and protect against a guest running on another CPU: when the call returns, the guest's
 * next access faults. Two semaphores per duel, no locks.
 */
#include "vm.h"

#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS	rounds()
#define TARGET	VM_TEST			/* the guest stores its count here, or loads */
#define MARK	(VM_TEST + 64 * MIB)	/* then stores its count here */

/* A round takes milliseconds where CPUs are shared: AXAS_ROUNDS overrides the number. */
static unsigned int rounds(void)
{
	const char *text = getenv("AXAS_ROUNDS");

	return text ? strtoul(text, NULL, 10) : 10000;
}

/*
 * A guest in guest_stores or guest_loads on CPU 1 against the test's thread on CPU 0. In each
 * round the test removes access to TARGET, the guest faults, the test restores access.
 */
struct duel {
	struct vm vm;
	pthread_t thread;
	bool moves;		/* move the vCPU thread to the other CPU in each round */
	unsigned int rounds;
	u32 access;
	bool denied;		/* the exit expected: denied, else a hole */
	sem_t faulted;		/* posted once per round by the vCPU thread */
	sem_t resumed;		/* posted once per round by the test */
	u64 count;		/* the guest's count at the fault */
};

static void wait_for(sem_t *what, unsigned int round)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 20;
	if (sem_timedwait(what, &end))
		fail("nothing happens in round %u", round);
}

static void expect_denied(const struct axvcpu_exit *exit, u32 access)
{
	expect_eq(exit->reason, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit->nested_page_fault.gpa, TARGET);
	expect_eq(exit->nested_page_fault.access, access);
	expect_eq(exit->nested_page_fault.result, AXAS_FAULT_DENIED);
}

static void *guest_side(void *arg)
{
	struct duel *d = arg;
	struct axvcpu_regs regs;

	pin_thread(1);
	for (unsigned int round = 1; round <= d->rounds; round++) {
		struct axvcpu_exit exit;

		expect_ok(vcpu_run(d->vm.vcpu, &exit));
		if (d->denied)
			expect_denied(&exit, d->access);
		else
			expect_hole_exit(&exit, TARGET, d->access);
		expect_ok(axvcpu_get_regs(d->vm.vcpu, &regs));
		d->count = arch_count(&regs);
		sem_post(&d->faulted);
		wait_for(&d->resumed, round);
	}
	return NULL;
}

static void duel_start(struct duel *d, u64 entry, u64 area, u32 flags)
{
	need_two_cpus();
	sem_init(&d->faulted, 0, 0);
	sem_init(&d->resumed, 0, 0);
	/* Fewer rounds where both threads share CPU 0 half of the time. */
	d->rounds = d->moves ? ROUNDS / 10 + 1 : ROUNDS;
	d->vm = vm_new();
	map(d->vm.space, MARK, PAGE, RW, AXAS_MAP_POPULATE);
	map(d->vm.space, TARGET, area, RW, flags);
	vm_enter(&d->vm, entry, TARGET, MARK, 0, 0);
	pin_thread(0);
	if (pthread_create(&d->thread, NULL, guest_side, d))
		fail("no thread");
}

static void duel_end(struct duel *d)
{
	pthread_join(d->thread, NULL);
	note("%u rounds, %llu entries", d->rounds, vcpu_state(d->vm.vcpu).entries);
}

/* Move the vCPU just before the removal: the CPU it leaves still caches the translation. */
static void move_guest(struct duel *d, unsigned int round)
{
	cpu_set_t set;

	if (!d->moves)
		return;
	CPU_ZERO(&set);
	CPU_SET(round % 2, &set);
	expect_eq(pthread_setaffinity_np(d->thread, sizeof(set), &set), 0);
}

/*
 * The value in memory when the call returns is that of the guest's last store; the guest faults
 * at the next one.
 */
static void protect_duel(u64 area, u32 flags, bool moves)
{
	struct duel d = { .access = AXAS_PROT_WRITE, .denied = true, .moves = moves };
	u64 mark = 0, last;

	duel_start(&d, guest(stores), area, flags);
	for (unsigned int round = 1; round <= d.rounds; round++) {
		mark = wait_change(d.vm.space, MARK, mark);
		move_guest(&d, round);
		expect_eq(axas_protect(d.vm.space, TARGET, PAGE, AXAS_PROT_READ), 0);
		last = peek(d.vm.space, TARGET);
		wait_for(&d.faulted, round);
		expect_eq(peek(d.vm.space, TARGET), last);
		expect_eq(d.count, last + 1);
		mark = peek(d.vm.space, MARK);
		expect_eq(mark, last);
		expect_eq(axas_protect(d.vm.space, TARGET, PAGE, RW), 0);
		sem_post(&d.resumed);
	}
	duel_end(&d);
}

static void protect_stops_the_next_store(void)
{
	protect_duel(PAGE, AXAS_MAP_HUGE_NEVER, false);
}

static void protect_stops_a_guest_that_moves(void)
{
	protect_duel(PAGE, AXAS_MAP_HUGE_NEVER, true);
}

/* Protect one page of a 2 MiB leaf, which splits the leaf under the guest. */
static void protect_of_a_huge_leaf_stops_the_next_store(void)
{
	protect_duel(2 * MIB, AXAS_MAP_HUGE_ALWAYS, false);
}

/*
 * When the call returns, the guest may be between its access and the store of its mark, but it
 * cannot pass its next access.
 */
static void unmap_duel(u64 entry, u32 access)
{
	struct duel d = { .access = access };
	u64 mark = 0, then;

	duel_start(&d, entry, PAGE, AXAS_MAP_HUGE_NEVER);
	for (unsigned int round = 1; round <= d.rounds; round++) {
		mark = wait_change(d.vm.space, MARK, mark);
		unmap(d.vm.space, TARGET, PAGE);
		then = peek(d.vm.space, MARK);
		wait_for(&d.faulted, round);
		mark = peek(d.vm.space, MARK);
		expect(mark - then <= 1);
		expect_eq(d.count, mark + 1);
		map(d.vm.space, TARGET, PAGE, RW, AXAS_MAP_HUGE_NEVER);
		sem_post(&d.resumed);
	}
	duel_end(&d);
}

static void unmap_stops_the_next_store(void)
{
	unmap_duel(guest(stores), AXAS_PROT_WRITE);
}

static void unmap_stops_the_next_load(void)
{
	unmap_duel(guest(loads), AXAS_PROT_READ);
}

/* Two vCPUs of one space see each other's stores while both run. */
static void vcpus_talk_through_memory(void)
{
	struct vm a = vm_new(), b;
	struct runner r = { 0 };
	u64 cell = VM_TEST;

	need_two_cpus();
	b = vm_on(a.space, 1);
	map(a.space, VM_TEST, PAGE, RW, 0);
	for (u64 i = 0; i < 100; i++) {
		vm_enter(&b, guest(answer), cell, 2 * i + 1, 2 * i + 2, 0);
		runner_start(&r, &b, 1);
		vm_enter(&a, guest(write), cell, 2 * i + 1, 0, 0);
		vm_done(&a);
		runner_join(&r);
		expect_end(&b, &r.exit);
		expect_eq(vm_call(&a, guest(read), cell, 0, 0, 0), 2 * i + 2);
	}
}

/* Two vCPUs fault the same pages concurrently: each page gets one frame. */
static void vcpus_fault_the_same_pages(void)
{
	struct vm a = vm_new(), b;
	struct runner r = { 0 };
	u64 before;

	b = vm_on(a.space, 1);
	map(a.space, VM_TEST, 16 * MIB, RW, AXAS_MAP_HUGE_NEVER);
	vm_call(&a, guest(read), VM_DATA, 0, 0, 0);
	vm_call(&b, guest(read), VM_DATA, 0, 0, 0);
	before = info(a.space).frames;
	vm_enter(&a, guest(fill), VM_TEST, VM_TEST + 16 * MIB, 512, 7);
	vm_enter(&b, guest(fill), VM_TEST, VM_TEST + 16 * MIB, 512, 7);
	runner_start(&r, &b, -1);
	expect_eq(vm_done(&a), 16 * MIB / 512);
	runner_join(&r);
	expect_end(&b, &r.exit);
	expect_eq(info(a.space).frames - before, 16 * MIB / PAGE);
	expect_eq(vm_call(&a, guest(check), VM_TEST, VM_TEST + 16 * MIB, 512, 7),
		  16 * MIB / 512);
}

/* Number of function call IPIs that CPU 1 has received: each makes its guest exit. */
static u64 calls_of_cpu_1(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long long of_0, of_1 = 0;
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "unction call interrupts") &&
			sscanf(line, " %*[^:]: %llu %llu", &of_0, &of_1) == 2;
	if (!found)
		fail("/proc/interrupts does not tell of calls on CPU 1");
	fclose(file);
	return of_1;
}

/*
 * H4: a removal interrupts only the CPUs that run its space, not CPU 1, which runs a guest of
 * another space. The kernel itself may send CPU 1 a few IPIs.
 */
static void other_spaces_pay_nothing_for_a_removal(void)
{
	struct vm mine, other;
	struct runner r = { 0 };
	u64 calls;

	need_two_cpus();
	pin_thread(0);
	mine = vm_new();
	other = vm_new();
	map(mine.space, VM_TEST, MIB, RW, AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER);
	vm_call(&mine, guest(read), VM_DATA, 0, 0, 0);
	map(other.space, VM_TEST, PAGE, RW, 0);
	vm_enter(&other, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
	runner_start(&r, &other, 1);
	wait_change(other.space, VM_TEST + 8, 0);
	calls = calls_of_cpu_1();
	for (unsigned int round = 0; round < 500; round++) {
		axas_protect(mine.space, VM_TEST, PAGE, AXAS_PROT_READ);
		axas_protect(mine.space, VM_TEST, PAGE, RW);
		unmap(mine.space, VM_TEST, PAGE);
		map(mine.space, VM_TEST, PAGE, RW, AXAS_MAP_POPULATE);
	}
	calls = calls_of_cpu_1() - calls;
	runner_stop(&r);
	note("%llu calls of CPU 1 in 1,000 removals", calls);
	if (calls > 100)
		fail("%llu calls of CPU 1, which has another space, in 1,000 removals", calls);
}

static const struct test tests[] = {
	{ "protect_stops_the_next_store", protect_stops_the_next_store },
	{ "protect_stops_a_guest_that_moves", protect_stops_a_guest_that_moves },
	{ "protect_of_a_huge_leaf_stops_the_next_store",
	  protect_of_a_huge_leaf_stops_the_next_store },
	{ "unmap_stops_the_next_store", unmap_stops_the_next_store },
	{ "unmap_stops_the_next_load", unmap_stops_the_next_load },
	{ "other_spaces_pay_nothing_for_a_removal", other_spaces_pay_nothing_for_a_removal },
	{ "vcpus_talk_through_memory", vcpus_talk_through_memory },
	{ "vcpus_fault_the_same_pages", vcpus_fault_the_same_pages },
};

const struct suite suite_parallel = { .tests = tests, .nr = ARRAY_SIZE(tests) };
