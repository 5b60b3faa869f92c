// SPDX-License-Identifier: GPL-2.0-only
/*
 * Demand paging, holes, denied accesses, frame limits, isolation between spaces, the dirty log.
 */
#include "vm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES	(64 * MIB)
#define PAGES	(BYTES / PAGE)
#define SEED	0x5eedfacedeadbeefull

/* Memory holds the pattern that guest_fill writes. */
static void compare(int space, u64 gpa, u64 bytes, u64 stride)
{
	u64 *buf = malloc(MIB);

	for (u64 at = gpa; at < gpa + bytes; at += MIB) {
		expect_eq(pread(space, buf, MIB, at), MIB);
		for (u64 i = 0; i < MIB; i += stride)
			if (buf[i / 8] != ((at + i) ^ SEED))
				fail("at %#llx is %#llx", at + i, buf[i / 8]);
	}
	free(buf);
}

static u64 npfs(const struct vm *vm)
{
	return vcpu_state(vm->vcpu).exits[AXVCPU_EXIT_NESTED_PAGE_FAULT];
}

static void demand_paging(u32 flags, unsigned int level)
{
	struct vm vm = vm_new();
	struct axas_info before, after;
	u64 faults, leaves = BYTES >> (12 + 9 * level);

	map(vm.space, VM_TEST, BYTES, RW, flags);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	before = info(vm.space);
	faults = npfs(&vm);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + BYTES, 8, SEED), BYTES / 8);
	after = info(vm.space);
	expect_eq(after.frames - before.frames, PAGES);
	expect_eq(after.leaves[level] - before.leaves[level], leaves);
	expect_eq(npfs(&vm) - faults, leaves);
	expect_eq(after.faults[AXAS_FAULT_FIXED] - before.faults[AXAS_FAULT_FIXED], leaves);
	compare(vm.space, VM_TEST, BYTES, 8);
	/* A second pass does not fault. */
	expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + BYTES, 8, SEED), BYTES / 8);
	expect_eq(npfs(&vm) - faults, leaves);
	note("64 MiB: %llu faults, %llu frames, %llu leaves of level %u, %llu entries", leaves,
	     after.frames - before.frames, leaves, level, vcpu_state(vm.vcpu).entries);
}

static void demand_paging_4k(void)
{
	demand_paging(AXAS_MAP_HUGE_NEVER, 0);
}

static void demand_paging_2m(void)
{
	demand_paging(AXAS_MAP_HUGE_ALWAYS, 1);
}

/* Only touched pages cost frames. */
static void frames_are_as_pages_touched(void)
{
	struct vm vm = vm_new();
	struct axas_info before, after;

	map(vm.space, VM_TEST, GIB, RW, AXAS_MAP_HUGE_NEVER);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	before = info(vm.space);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + GIB, MIB, SEED), GIB / MIB);
	after = info(vm.space);
	expect_eq(after.frames - before.frames, GIB / MIB);
	compare(vm.space, VM_TEST, 64 * MIB, MIB);
}

static void populated_memory_takes_no_fault(void)
{
	struct vm vm = vm_new();
	u64 faults;

	map(vm.space, VM_TEST, BYTES, RW, AXAS_MAP_POPULATE);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	faults = npfs(&vm);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + BYTES, 64, SEED), BYTES / 64);
	expect_eq(npfs(&vm), faults);
}

static void guest_reads_what_the_host_wrote(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, RW, 0);
	for (u64 at = VM_TEST; at < VM_TEST + MIB; at += PAGE)
		poke(vm.space, at, at ^ SEED);
	expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + MIB, PAGE, SEED), MIB / PAGE);
}

static void untouched_memory_is_zero(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, AXAS_PROT_READ, 0);
	expect_eq(vm_call(&vm, guest(read), VM_TEST + 0x12340, 0, 0, 0), 0);
}

static void expect_fault(struct vm *vm, u64 entry, u64 gpa, u32 access, u32 result)
{
	struct axvcpu_exit exit;

	vm_enter(vm, entry, gpa, 1, 0, 0);
	exit = vm_expect(vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, gpa);
	expect_eq(exit.nested_page_fault.access, access);
	expect_eq(exit.nested_page_fault.result, result);
}

/* An access to a hole exits. If the CPU decodes the instruction, the VMM completes it as MMIO. */
static void expect_hole(struct vm *vm, u32 access, u64 gpa, u64 val)
{
	struct axvcpu_exit exit;

	vm_enter(vm, access == AXAS_PROT_READ ? guest(read) :
		 access == AXAS_PROT_WRITE ? guest(write) : guest(exec), gpa, val, 0, 0);
	exit = vm_expect(vm, hole_reason(access));
	expect_hole_exit(&exit, gpa, access);
	if (exit.reason == AXVCPU_EXIT_MMIO_READ) {
		expect_ok(axvcpu_set_return(vm->vcpu, val));
		expect_eq(vm_done(vm), val);
	} else if (exit.reason == AXVCPU_EXIT_MMIO_WRITE) {
		expect_eq(exit.mmio_write.data, val);
		vm_done(vm);
	}
}

/* Address of the last word within both the guest's reach and the space. */
static u64 last_word(const struct vm *vm)
{
	u64 size = 1ull << info(vm->space).ia_bits;

	return (size < ARCH_REACH ? size : ARCH_REACH) - 8;
}

static void holes_come_out(void)
{
	struct vm vm = vm_new();

	expect_hole(&vm, AXAS_PROT_READ, VM_TEST + 0x1238, 0x1111);
	expect_hole(&vm, AXAS_PROT_WRITE, VM_TEST + 0x5678, 0x2222);
	expect_hole(&vm, AXAS_PROT_EXEC, VM_TEST + 0x9abc, 0);
	expect_fault(&vm, GUEST_READ_FAULTS, VM_TEST + 0x9ab8, AXAS_PROT_READ, AXAS_FAULT_HOLE);
	/* The instruction was not executed: it completes once memory is mapped. */
	map(vm.space, VM_TEST, MIB, RW, 0);
	vm_done(&vm);
	expect_hole(&vm, AXAS_PROT_READ, VM_TEST + MIB, 0x3333);
	vm_enter(&vm, GUEST_WRITE_FAULTS, VM_TEST + MIB + 8, 0x77, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	map(vm.space, VM_TEST + MIB, MIB, RW, 0);
	vm_done(&vm);
	expect_eq(peek(vm.space, VM_TEST + MIB + 8), 0x77);
	expect_hole(&vm, AXAS_PROT_WRITE, last_word(&vm), 0x4444);
}

static void denied_access_comes_out(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, AXAS_PROT_READ, 0);
	expect_fault(&vm, guest(write), VM_TEST, AXAS_PROT_WRITE, AXAS_FAULT_DENIED);
	vm_call(&vm, guest(read), VM_TEST, 0, 0, 0);
	expect_fault(&vm, guest(write), VM_TEST, AXAS_PROT_WRITE, AXAS_FAULT_DENIED);
	expect_fault(&vm, guest(exec), VM_TEST, AXAS_PROT_EXEC, AXAS_FAULT_DENIED);
	expect_eq(axas_protect(vm.space, VM_TEST, MIB, RW), 0);
	vm_call(&vm, guest(write), VM_TEST, 0x99, 0, 0);
	expect_eq(peek(vm.space, VM_TEST), 0x99);
}

/* The guest's access is repeated once the page is supplied; another page is missing still. */
static void missing_page_comes_out(void)
{
	u64 page[PAGE / sizeof(u64)];
	struct vm vm = vm_new();

	for (size_t i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = SEED + i;
	map(vm.space, VM_TEST, 4 * PAGE, RW, AXAS_MAP_MISSING);
	for (u64 gpa = VM_TEST; gpa < VM_TEST + 2 * PAGE; gpa += PAGE) {
		expect_fault(&vm, guest(read), gpa + 16, AXAS_PROT_READ, AXAS_FAULT_MISSING);
		expect_ok(axas_supply(vm.space, gpa, page, PAGE, 0, NULL));
		expect_eq(vm_done(&vm), page[2]);
	}
	expect_fault(&vm, guest(write), VM_TEST + 2 * PAGE, AXAS_PROT_WRITE, AXAS_FAULT_MISSING);
	expect_ok(axas_supply(vm.space, VM_TEST + 2 * PAGE, NULL, PAGE, 0, NULL));
	vm_done(&vm);
	expect_eq(peek(vm.space, VM_TEST + 2 * PAGE), 1);
	expect_eq(peek(vm.space, VM_TEST + 2 * PAGE + 8), 0);
	expect_eq(info(vm.space).missing, 3);
	/* What is discarded is not missing again. */
	expect_ok(axas_discard(vm.space, &(struct axas_extent){ VM_TEST, 4 * PAGE }, 1, NULL));
	expect_eq(vm_call(&vm, guest(read), VM_TEST + 16, 0, 0, 0), 0);
	expect_fault(&vm, guest(read), VM_TEST + 3 * PAGE, AXAS_PROT_READ, AXAS_FAULT_MISSING);
}

/* At the frame limit AXVCPU_RUN is ENOMEM; freed frames let the guest continue. */
static void out_of_frames_is_enomem(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	int space, err;

	vm_free(&vm);
	space = open_limited_space(40);
	low_memory(space);
	vm = vm_on(space, 0);
	map(space, VM_TEST, MIB, RW, AXAS_MAP_HUGE_NEVER);
	vm_enter(&vm, guest(fill), VM_TEST, VM_TEST + MIB, PAGE, SEED);
	err = vcpu_run(vm.vcpu, &exit);
	expect_eq(-err, 12);
	expect_eq(info(space).frames, 40);
	/* The guest uses the 4 freed frames and reaches the limit again. */
	unmap(space, VM_TEST, 4 * PAGE);
	err = vcpu_run(vm.vcpu, &exit);
	expect_eq(-err, 12);
	expect_eq(info(space).frames, 40);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_FREE);
}

static void two_spaces_are_apart(void)
{
	struct vm a = vm_new(), b = vm_new();

	map(a.space, VM_TEST, MIB, RW, 0);
	map(b.space, VM_TEST, MIB, RW, 0);
	for (u64 i = 0; i < 100; i++) {
		vm_call(&a, guest(write), VM_TEST, 0xaaaa + i, 0, 0);
		vm_call(&b, guest(write), VM_TEST, 0xbbbb + i, 0, 0);
		expect_eq(vm_call(&a, guest(read), VM_TEST, 0, 0, 0), 0xaaaa + i);
		expect_eq(vm_call(&b, guest(read), VM_TEST, 0, 0, 0), 0xbbbb + i);
	}
	/* An unmap in one space leaves the other unchanged. */
	unmap(a.space, VM_TEST, MIB);
	expect_hole(&a, AXAS_PROT_READ, VM_TEST, 1);
	expect_eq(vm_call(&b, guest(read), VM_TEST, 0, 0, 0), 0xbbbb + 99);
}

/* Also where they are more than the CPU has tags for, and one follows the other on one CPU. */
static void many_spaces_are_apart(void)
{
	struct vm vm[40];

	pin_thread(0);
	for (u64 i = 0; i < ARRAY_SIZE(vm); i++) {
		vm[i] = vm_new();
		map(vm[i].space, VM_TEST, MIB, RW, 0);
		vm_call(&vm[i], guest(write), VM_TEST, 0xaaaa + i, 0, 0);
	}
	for (u64 round = 0; round < 10; round++)
		for (u64 i = 0; i < ARRAY_SIZE(vm); i++)
			expect_eq(vm_call(&vm[i], guest(read), VM_TEST, 0, 0, 0), 0xaaaa + i);
}

static void two_vcpus_share_one_space(void)
{
	struct vm a = vm_new();
	struct vm b = vm_on(a.space, 1);

	map(a.space, VM_TEST, MIB, RW, 0);
	for (u64 i = 0; i < 100; i++) {
		vm_call(&a, guest(write), VM_TEST + 8 * i, i, 0, 0);
		expect_eq(vm_call(&b, guest(read), VM_TEST + 8 * i, 0, 0, 0), i);
	}
	/* An unmap applies to both vCPUs. */
	unmap(a.space, VM_TEST, MIB);
	expect_hole(&a, AXAS_PROT_READ, VM_TEST, 1);
	expect_hole(&b, AXAS_PROT_READ, VM_TEST, 2);
}

#define LOG_BYTES	(4 * MIB)
#define LOG_WORDS	(LOG_BYTES / PAGE / 64)

/* The log of VM_TEST has exactly the pages of [first, first + n), and is cleared. */
static void expect_logged(int space, u64 first, u64 n)
{
	__u64 bits[LOG_WORDS], epoch;

	expect_ok(axas_get_log(space, VM_TEST, LOG_BYTES, bits, &epoch));
	for (u64 i = 0; i < LOG_BYTES / PAGE; i++)
		if ((bits[i / 64] >> i % 64 & 1) != (i >= first && i < first + n))
			fail("page %llu of [%llu, +%llu)", i, first, n);
	expect_ok(axas_clear_log(space, VM_TEST, LOG_BYTES, bits, epoch));
}

/* Writes of two vCPUs are logged, also where a TLB had the permission before the clear. */
static void guest_writes_are_logged(u32 flags)
{
	struct vm a = vm_new();
	struct vm b = vm_on(a.space, 1);

	map(a.space, VM_TEST, LOG_BYTES, RW, flags);
	vm_call(&a, guest(fill), VM_TEST, VM_TEST + LOG_BYTES, PAGE, SEED);
	expect_ok(axas_start_log(a.space, VM_TEST, LOG_BYTES));
	for (u64 i = 0; i < 20; i++) {
		expect_eq(vm_call(&a, guest(read), VM_TEST, 0, 0, 0), VM_TEST ^ SEED);
		expect_logged(a.space, 0, 0);
		vm_call(&a, guest(write), VM_TEST + 5 * PAGE + 8, i, 0, 0);
		vm_call(&b, guest(write), VM_TEST + 6 * PAGE + 8, i, 0, 0);
		vm_call(&b, guest(write), VM_TEST + 5 * PAGE + 16, i, 0, 0);
		expect_logged(a.space, 5, 2);
		vm_call(&a, guest(write), VM_TEST + 6 * PAGE + 8, i, 0, 0);
		expect_logged(a.space, 6, 1);
	}
	expect_ok(axas_stop_log(a.space, VM_TEST, LOG_BYTES));
	vm_call(&a, guest(fill), VM_TEST, VM_TEST + LOG_BYTES, PAGE, SEED);
}

static void guest_writes_are_logged_4k(void)
{
	guest_writes_are_logged(AXAS_MAP_HUGE_NEVER);
}

static void guest_writes_are_logged_2m(void)
{
	guest_writes_are_logged(AXAS_MAP_HUGE_ALWAYS);
}

/**
 * struct filler - a guest that writes all memory again and again
 * @vm: the VM
 * @stop: end after this pass
 * @passes: passes done
 */
struct filler {
	struct vm vm;
	atomic_bool stop;
	atomic_ullong passes;
};

static void *fill_again(void *arg)
{
	struct filler *f = arg;

	for (u64 i = 1; !atomic_load(&f->stop); i++) {
		vm_call(&f->vm, guest(fill), VM_TEST, VM_TEST + LOG_BYTES, 24 * PAGE + 8 * i % PAGE,
			SEED + i);
		atomic_fetch_add(&f->passes, 1);
	}
	return NULL;
}

/* Copy what the log says. Return the pages. */
static u64 copy_logged(int space, u8 *copy)
{
	__u64 bits[LOG_WORDS], epoch;
	u64 pages = 0;

	expect_ok(axas_get_log(space, VM_TEST, LOG_BYTES, bits, &epoch));
	expect_ok(axas_clear_log(space, VM_TEST, LOG_BYTES, bits, epoch));
	for (u64 i = 0; i < LOG_BYTES / PAGE; i++) {
		if (!(bits[i / 64] >> i % 64 & 1))
			continue;
		expect_eq(pread(space, copy + i * PAGE, PAGE, VM_TEST + i * PAGE), PAGE);
		pages++;
	}
	return pages;
}

/* A copy that follows the log of a running guest misses nothing that the guest wrote. */
static void copy_follows_a_running_guest(void)
{
	struct filler f = { .vm = vm_new() };
	u8 *copy = calloc(1, LOG_BYTES), *now = calloc(1, LOG_BYTES);
	u64 pages = 0, rounds = 0;
	pthread_t thread;

	map(f.vm.space, VM_TEST, LOG_BYTES, RW, 0);
	expect_ok(axas_start_log(f.vm.space, VM_TEST, LOG_BYTES));
	expect_eq(pthread_create(&thread, NULL, fill_again, &f), 0);
	for (; rounds < 200 || atomic_load(&f.passes) < 5000; rounds++)
		pages += copy_logged(f.vm.space, copy);
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	pages += copy_logged(f.vm.space, copy);
	expect_eq(pread(f.vm.space, now, LOG_BYTES, VM_TEST), (ssize_t)LOG_BYTES);
	for (u64 i = 0; i < LOG_BYTES; i += PAGE)
		if (memcmp(now + i, copy + i, PAGE))
			fail("a write to page %llu was missed", i / PAGE);
	note("%llu passes, %llu rounds, %llu pages copied", atomic_load(&f.passes), rounds, pages);
	free(copy);
	free(now);
}

/* A ring of slots that two guests share, as large as one message each. */
#define RING		(VM_TEST + GIB / 2)
#define SLOT		(2 * PAGE)
#define SLOTS		4
#define DOORBELL	0x55

/* The second guest halts until its interrupt has come @n times. */
static void wait_for_doorbell(struct vm *vm, u64 n)
{
	enter_interrupts(vm, 1);
	vm_expect(vm, AXVCPU_EXIT_HALT);
	expect_eq(axvcpu_inject(vm->vcpu, DOORBELL), 0);
	vm_expect(vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm->space, counter(DOORBELL)), n);
}

/* One guest writes messages to a ring, an interrupt tells the other, and that reads them. */
static void guests_talk_over_shared_memory(void)
{
	struct vm a = vm_new(), b = vm_new();
	struct runner r = { 0 };

	map(a.space, RING, SLOTS * SLOT, RW, 0);
	expect_eq(axas_map_shared(b.space, RING, SLOTS * SLOT, a.space, RING, RW, 0), 0);
	for (u64 i = 0; i < 3 * SLOTS; i++) {
		u64 slot = RING + i % SLOTS * SLOT;

		expect_eq(vm_call(&a, guest(fill), slot, slot + SLOT, 8, i), SLOT / 8);
		wait_for_doorbell(&b, i + 1);
		expect_eq(vm_call(&b, guest(check), slot, slot + SLOT, 8, i), SLOT / 8);
	}
	expect_eq(info(a.space).exported, SLOTS * SLOT / PAGE);
	/* And at once: the second guest answers while the first one runs. */
	vm_call(&a, guest(write), RING, 1, 0, 0);
	vm_enter(&b, guest(answer), RING, 5, 9, 0);
	runner_start(&r, &b, -1);
	vm_call(&a, guest(write), RING, 5, 0, 0);
	runner_join(&r);
	expect_end(&b, &r.exit);
	expect_eq(vm_call(&a, guest(read), RING, 0, 0, 0), 9);
}

/* What one guest loses, the other keeps; a source that is gone is a fault of the backend. */
static void shared_memory_outlives_its_guest(void)
{
	struct vm a = vm_new(), b = vm_new();
	struct axvcpu_exit exit;

	map(a.space, RING, 2 * PAGE, RW, 0);
	expect_eq(axas_map_shared(b.space, RING, 2 * PAGE, a.space, RING, RW, 0), 0);
	expect_eq(vm_call(&a, guest(fill), RING, RING + PAGE, 8, 3), PAGE / 8);
	expect_eq(vm_call(&b, guest(check), RING, RING + PAGE, 8, 3), PAGE / 8);
	vm_free(&a);
	expect_eq(vm_call(&b, guest(check), RING, RING + PAGE, 8, 3), PAGE / 8);
	vm_enter(&b, GUEST_READ_FAULTS, RING + PAGE, 0, 0, 0);
	exit = vm_expect(&b, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.result, AXAS_FAULT_ERROR);
}

/* A guest that is reset again and again: by its leaves' dirty bits, where there are any. */
static void resets_restore_what_a_guest_wrote(void)
{
	struct vm vm = vm_new();
	u64 frames = 0;
	int image;

	map(vm.space, VM_TEST, 4 * MIB, RW, AXAS_MAP_HUGE_NEVER);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + 4 * MIB, 8, SEED), 4 * MIB / 8);
	image = axas_freeze(vm.space);
	expect(image >= 0);
	for (u64 i = 0; i < 20; i++) {
		u64 at = VM_TEST + i % 4 * 16 * PAGE;

		expect_eq(vm_call(&vm, guest(fill), at, at + 64 * PAGE, 8, i), 64 * PAGE / 8);
		poke(vm.space, at + 100 * PAGE, i);
		expect_ok(axas_reset(vm.space, image, 0));
		compare(vm.space, VM_TEST, 4 * MIB, 8);
		expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + 4 * MIB, 64, SEED),
			  4 * MIB / 64);
		/* Once all of them were written, nothing is copied on a write any more. */
		if (i == 5)
			frames = info(vm.space).frames;
		else if (i > 5)
			expect_eq(info(vm.space).frames, frames);
	}
	expect(frames >= 64 + 3 * 16);
	close(image);
}

/* A clone reads through leaves of 2 MiB that it borrows; a page that it writes is its own. */
static void clones_borrow_large_leaves(void)
{
	struct vm vm = vm_new();
	u64 large, bits[2 * MIB / PAGE / 64], epoch;
	int image;

	map(vm.space, VM_TEST, 4 * MIB, RW, AXAS_MAP_POPULATE | AXAS_MAP_HUGE_ALWAYS);
	large = info(vm.space).leaves[1];
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + 4 * MIB, 8, SEED), 4 * MIB / 8);
	image = axas_freeze(vm.space);
	expect(image >= 0);
	expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + 4 * MIB, 8, SEED), 4 * MIB / 8);
	expect_eq(info(vm.space).leaves[1], large);
	expect_ok(axas_start_log(vm.space, VM_TEST, 4 * MIB));
	expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + 4 * MIB, 64, SEED), 4 * MIB / 64);
	expect_eq(info(vm.space).leaves[1], large);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST + 5 * PAGE, VM_TEST + 6 * PAGE, 8, 7),
		  PAGE / 8);
	expect_eq(info(vm.space).leaves[1], large - 1);
	expect_ok(axas_get_log(vm.space, VM_TEST, 2 * MIB, (__u64 *)bits, (__u64 *)&epoch));
	for (u64 i = 0; i < ARRAY_SIZE(bits); i++)
		expect_eq(bits[i], i ? 0 : 1 << 5);
	expect_ok(axas_stop_log(vm.space, VM_TEST, 4 * MIB));
	expect_eq(vm_call(&vm, guest(check), VM_TEST + 5 * PAGE, VM_TEST + 6 * PAGE, 8, 7),
		  PAGE / 8);
	expect_eq(vm_call(&vm, guest(check), VM_TEST + 6 * PAGE, VM_TEST + 4 * MIB, 8, SEED),
		  (4 * MIB - 6 * PAGE) / 8);
	expect_ok(axas_reset(vm.space, image, 0));
	expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + 4 * MIB, 8, SEED), 4 * MIB / 8);
	expect_eq(info(vm.space).leaves[1], large);
	close(image);
}

/* Tracepoints: each exit, and the fault that comes of one. */
static void exits_are_traced(void)
{
	struct vm vm = vm_new();
	u64 entries;
	u32 id = space_id(vm.space);

	map(vm.space, VM_TEST, MIB, RW, AXAS_MAP_HUGE_NEVER);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	entries = vcpu_state(vm.vcpu).entries;
	trace_begin("axvcpu");
	vm_call(&vm, guest(write), VM_TEST + 8, 1, 0, 0);
	trace_expect("axvcpu_exit", "space=%u vcpu=0 reason=nested_page_fault gpa=%#llx",
		     id, VM_TEST + 8);
	entries = vcpu_state(vm.vcpu).entries - entries;
	expect_eq(trace_count("axvcpu_exit", ""), entries);
	trace_end();
	trace_begin("axas/axas_fault");
	vm_call(&vm, guest(write), VM_TEST + PAGE, 1, 0, 0);
	trace_expect("axas_fault", "space=%u gpa=%#llx", id, VM_TEST + PAGE);
	trace_end();
}

static const struct test tests[] = {
	{ "demand_paging_of_64_mib_at_4k", demand_paging_4k },
	{ "demand_paging_of_64_mib_at_2m", demand_paging_2m },
	{ "frames_are_as_pages_touched", frames_are_as_pages_touched },
	{ "populated_memory_takes_no_fault", populated_memory_takes_no_fault },
	{ "guest_reads_what_the_host_wrote", guest_reads_what_the_host_wrote },
	{ "untouched_memory_is_zero", untouched_memory_is_zero },
	{ "holes_come_out_with_gpa_and_access", holes_come_out },
	{ "denied_access_comes_out", denied_access_comes_out },
	{ "missing_page_comes_out", missing_page_comes_out },
	{ "out_of_frames_is_enomem", out_of_frames_is_enomem },
	{ "two_spaces_are_apart", two_spaces_are_apart },
	{ "many_spaces_are_apart", many_spaces_are_apart },
	{ "two_vcpus_share_one_space", two_vcpus_share_one_space },
	{ "guest_writes_are_logged_at_4k", guest_writes_are_logged_4k },
	{ "guest_writes_are_logged_at_2m", guest_writes_are_logged_2m },
	{ "copy_follows_a_running_guest", copy_follows_a_running_guest },
	{ "guests_talk_over_shared_memory", guests_talk_over_shared_memory },
	{ "shared_memory_outlives_its_guest", shared_memory_outlives_its_guest },
	{ "clones_borrow_large_leaves", clones_borrow_large_leaves },
	{ "resets_restore_what_a_guest_wrote", resets_restore_what_a_guest_wrote },
	{ "exits_are_traced", exits_are_traced },
};

const struct suite suite_memory = { .tests = tests, .nr = ARRAY_SIZE(tests) };
