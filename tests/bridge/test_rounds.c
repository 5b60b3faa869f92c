// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removals under a running KVM guest, on another CPU: AXAS_ROUNDS rounds each. What a removal has
 * returned from, the guest's next access sees: zeroes after a discard, an error of KVM_RUN after
 * unmap and protect, and never an old value.
 */
#include "bridge.h"

#include <sched.h>
#include <sys/mman.h>

#define BYTES	(4 * MIB)
#define LIMIT	60000	/* ms for a step of the guest */

static struct memory m;
static struct vm vm;

static void begin(const char *code)
{
	m = new_memory(BYTES);
	vm_make(&vm, &m);
	vm_start(&vm, code, 0);
}

/* Wait until *@what is @least or more. */
static void wait_for(const volatile u64 *what, u64 least, const char *name)
{
	u64 end = now_ms() + LIMIT;

	while (*what < least) {
		sched_yield();
		if (*what < least && now_ms() > end)
			fail("%s is %llu, not %llu: the guest does not get on", name, *what, least);
	}
}

/* A whole loop of the guest, so an access that began later than now. */
static void one_more_loop(void)
{
	wait_for(&vm.control->count, vm.control->count + 2, "count");
}

static void show(u64 val)
{
	if (val & 1)
		*word(&m, 0) = val;
	else
		write_word(&m, 0, val);
	wait_for(&vm.control->seen, val, "seen");
}

/* By each of the ways, in turn. */
static void discard_somehow(u64 round)
{
	struct axas_extent all = { .length = kind->unit };

	switch (round / 2 % 3) {
	case 0:
		expect_ok(axas_discard(m.fd, &all, 1, NULL));
		break;
	case 1:
		expect_ok(discard(&m, 0, kind->unit));
		break;
	default:
		if (madvise((void *)m.at, kind->unit, MADV_REMOVE))
			fail("MADV_REMOVE: %s", strerror(errno));
	}
}

static void discard_under_a_reader(void)
{
	begin(guest_watch);
	for (u64 i = 1; i <= rounds(); i++) {
		show(i);
		discard_somehow(i);
		vm.control->gone = i;
		one_more_loop();
		expect_eq(vm.control->seen, 0);
	}
	vm_stop(&vm);
	expect_eq(vm.control->bad, 0);
}

/*
 * What the guest writes after the discard stays. Its last write before is the one that it reports,
 * or the one after that.
 */
static void discard_under_a_writer(void)
{
	u64 before, val;

	begin(guest_write);
	for (u64 i = 1; i <= rounds(); i++) {
		wait_for(&vm.control->seen, 1, "seen");
		discard_somehow(i);
		before = vm.control->seen;
		one_more_loop();
		val = read_word(&m, 0);
		if (val <= before)
			fail("round %llu: %llu is there, %llu was written", i, val, before);
	}
	vm_stop(&vm);
	expect_eq(read_word(&m, 0), vm.control->seen);
}

static void unmap_under_a_reader(void)
{
	begin(guest_watch);
	for (u64 i = 1; i <= rounds(); i++) {
		show(i);
		expect_ok(axas_unmap(m.fd, 0, kind->unit));
		vm.control->gone = i;
		vm_expect_fault(&vm);
		expect_ok(axas_map_alloc(m.fd, 0, kind->unit, RWX, kind->map_flags));
		vm_resume(&vm);
		one_more_loop();
		expect_eq(vm.control->seen, 0);
	}
	vm_stop(&vm);
	expect_eq(vm.control->bad, 0);
}

static void protect_under_a_writer(void)
{
	u64 val;

	begin(guest_count);
	for (u64 i = 1; i <= rounds(); i++) {
		one_more_loop();
		expect_ok(axas_protect(m.fd, 0, kind->unit, RO));
		val = read_word(&m, 0);
		vm_expect_fault(&vm);
		if (reads_what_is_read_only())
			expect_eq(*word(&m, 0), val);
		expect_eq(read_word(&m, 0), val);
		expect_ok(axas_protect(m.fd, 0, kind->unit, RWX));
		vm_resume(&vm);
	}
	vm_stop(&vm);
	expect_eq(vm.control->bad, 0);
	expect_eq(read_word(&m, 0), vm.control->seen);
}

/* Each write that the guest begins after a clear is in the log, and only its page. */
static void log_under_a_writer(void)
{
	__u64 bits[512 / 64], epoch;
	u64 words = (kind->unit / 4096 + 63) / 64;

	begin(guest_count);
	expect_ok(axas_start_log(m.fd, 0, kind->unit));
	for (u64 i = 1; i <= rounds(); i++) {
		one_more_loop();
		expect_ok(axas_get_log(m.fd, 0, kind->unit, bits, &epoch));
		if (!(bits[0] & 1))
			fail("round %llu: a write was missed", i);
		for (u64 w = 0; w < words; w++)
			if (bits[w] & ~(w ? 0ull : 1ull))
				fail("round %llu: word %llu is %#llx", i, w, bits[w]);
		expect_ok(axas_clear_log(m.fd, 0, kind->unit, bits, epoch));
	}
	expect_ok(axas_stop_log(m.fd, 0, kind->unit));
	one_more_loop();
	vm_stop(&vm);
	expect_eq(vm.control->bad, 0);
	expect_eq(read_word(&m, 0), vm.control->seen);
}

static const struct test tests[] = {
	{ "rounds: discard under a guest that reads", discard_under_a_reader },
	{ "rounds: discard under a guest that writes", discard_under_a_writer },
	{ "rounds: unmap under a guest that reads", unmap_under_a_reader },
	{ "rounds: protect under a guest that writes", protect_under_a_writer },
	{ "rounds: log under a guest that writes", log_under_a_writer },
};

const struct suite suite_rounds = { "rounds", tests, ARRAY_SIZE(tests), false };
