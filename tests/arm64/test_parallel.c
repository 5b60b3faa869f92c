// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is taken from a guest that runs on another CPU is gone when the call returns: the
 * very next access faults.
 */
#include "vm.h"

#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	rounds()
#define TARGET	VM_TEST			/* the guest stores a count here, or loads */
#define MARK	(VM_TEST + 64 * MIB)	/* and then stores it here */

#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)

/* Milliseconds each where CPUs are shared with others: AXAS_ROUNDS may say how many. */
static unsigned int rounds(void)
{
	const char *text = getenv("AXAS_ROUNDS");

	return text ? strtoul(text, NULL, 10) : 10000;
}

/*
 * A guest in guest_stores or guest_loads on CPU 1, and this thread on CPU 0: in each round
 * this one takes, the guest faults, this one gives back.
 */
struct duel {
	struct vm vm;
	pthread_t thread;
	u32 reason;		/* AXVCPU_EXIT_* that comes of it */
	sem_t faulted;		/* the guest has, once a round */
	sem_t resumed;		/* it may go on */
	u64 count;		/* the guest's, at that access */
};

static void wait_for(sem_t *what, unsigned int round)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 20;
	if (sem_timedwait(what, &end))
		fail("nothing happens in round %u", round);
}

static void *guest_side(void *arg)
{
	struct duel *d = arg;
	struct axvcpu_regs regs;

	pin_thread(1);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		struct axvcpu_exit exit = vm_expect(&d->vm, d->reason);

		if (d->reason == AXVCPU_EXIT_NESTED_PAGE_FAULT) {
			expect_eq(exit.nested_page_fault.access, AXAS_PROT_WRITE);
			expect_eq(exit.nested_page_fault.result, AXAS_FAULT_DENIED);
		}
		/* The same place in all three. */
		expect_eq(exit.nested_page_fault.gpa, TARGET);
		expect_eq(vcpu_get_regs(d->vm.vcpu, &regs), 0);
		d->count = regs.arm64.x[9];
		sem_post(&d->faulted);
		wait_for(&d->resumed, round);
	}
	return NULL;
}

static void duel_start(struct duel *d, u64 entry, u64 area, u32 flags)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("there is one CPU");
	sem_init(&d->faulted, 0, 0);
	sem_init(&d->resumed, 0, 0);
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
	note("%u rounds, %llu entries", ROUNDS, vcpu_state(d->vm.vcpu).entries);
}

/*
 * The value in memory when the call returned is the last that was stored, and the guest
 * has stopped at the next.
 */
static void protect_duel(u64 area, u32 flags)
{
	struct duel d = { .reason = AXVCPU_EXIT_NESTED_PAGE_FAULT };
	u64 mark = 0, last;

	duel_start(&d, guest(stores), area, flags);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		mark = wait_change(d.vm.space, MARK, mark);
		expect_eq(protect(d.vm.space, TARGET, PAGE, AXAS_PROT_READ), 0);
		last = peek(d.vm.space, TARGET);
		wait_for(&d.faulted, round);
		expect_eq(peek(d.vm.space, TARGET), last);
		expect_eq(d.count, last + 1);
		mark = peek(d.vm.space, MARK);
		expect_eq(mark, last);
		expect_eq(protect(d.vm.space, TARGET, PAGE, RW), 0);
		sem_post(&d.resumed);
	}
	duel_end(&d);
}

static void protect_stops_the_next_store(void)
{
	protect_duel(PAGE, AXAS_MAP_HUGE_NEVER);
}

/* One page of a 2 MiB leaf, which is split under the guest. */
static void protect_of_a_huge_leaf_stops_the_next_store(void)
{
	protect_duel(2 * MIB, AXAS_MAP_HUGE_ALWAYS);
}

/*
 * When the call has returned, the guest may still be between its access and its mark, but
 * it does not come past the next access.
 */
static void unmap_duel(u64 entry, u32 reason)
{
	struct duel d = { .reason = reason };
	u64 mark = 0, then;

	duel_start(&d, entry, PAGE, AXAS_MAP_HUGE_NEVER);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
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
	unmap_duel(guest(stores), AXVCPU_EXIT_MMIO_WRITE);
}

static void unmap_stops_the_next_load(void)
{
	unmap_duel(guest(loads), AXVCPU_EXIT_MMIO_READ);
}

/* Two CPUs in one space: they see each other's stores while both run. */
static void vcpus_talk_through_memory(void)
{
	struct vm a = vm_new(), b;
	struct runner r = { 0 };
	u64 cell = VM_TEST;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("there is one CPU");
	b = vm_on(a.space, 1);
	map(a.space, VM_TEST, PAGE, RW, 0);
	for (u64 i = 0; i < 100; i++) {
		vm_enter(&b, guest(answer), cell, 2 * i + 1, 2 * i + 2, 0);
		runner_start(&r, &b, 1);
		vm_enter(&a, guest(write), cell, 2 * i + 1, 0, 0);
		vm_done(&a);
		runner_join(&r);
		expect_eq(r.exit.reason, AXVCPU_EXIT_HYPERCALL);
		expect_eq(vm_call(&a, guest(read), cell, 0, 0, 0), 2 * i + 2);
	}
}

/* Two vCPUs fault the same pages at the same time: each page has one frame. */
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
	expect_eq(r.exit.reason, AXVCPU_EXIT_HYPERCALL);
	expect_eq(info(a.space).frames - before, 16 * MIB / PAGE);
	expect_eq(vm_call(&a, guest(check), VM_TEST, VM_TEST + 16 * MIB, 512, 7),
		  16 * MIB / 512);
}

static const struct test tests[] = {
	{ "protect_stops_the_next_store", protect_stops_the_next_store },
	{ "protect_of_a_huge_leaf_stops_the_next_store",
	  protect_of_a_huge_leaf_stops_the_next_store },
	{ "unmap_stops_the_next_store", unmap_stops_the_next_store },
	{ "unmap_stops_the_next_load", unmap_stops_the_next_load },
	{ "vcpus_talk_through_memory", vcpus_talk_through_memory },
	{ "vcpus_fault_the_same_pages", vcpus_fault_the_same_pages },
};

const struct suite suite_parallel = { tests, ARRAY_SIZE(tests) };
