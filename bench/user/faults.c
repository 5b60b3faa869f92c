// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits, faults and operations on ranges, on either kind of machine, with one vCPU.
 */
#include "bench.h"

#define EXITS	64

/* Exits to user space and back. */
static void bench_exit_user(struct machine *m)
{
	struct bench b = bench_new(m->ops->name, "exit_to_user");

	m->ops->enter(m, 0, guest(ports), 0, 0, 0);
	m->ops->run(m, 0);
	while (bench_more(&b, SAMPLES)) {
		bench_begin(&b);
		for (int i = 0; i < EXITS; i++)
			m->ops->run(m, 0);
		bench_end(&b, EXITS);
	}
	bench_report(&b);
}

/* Measure @many exits and then one: the difference excludes the exit to user space. */
static void bench_exit_kernel(struct machine *m, const char *name, u64 entry)
{
	struct bench b = bench_new(m->ops->name, name);
	u64 many, one;

	while (bench_more(&b, SAMPLES)) {
		bool clean;

		m->ops->enter(m, 0, entry, EXITS + 1, 0, 0);
		bench_begin(&b);
		m->ops->run(m, 0);
		clean = bench_stop(&b, &many);
		m->ops->enter(m, 0, entry, 1, 0, 0);
		bench_begin(&b);
		m->ops->run(m, 0);
		clean = bench_stop(&b, &one) && clean;
		bench_add(&b, clean, many - one, EXITS);
	}
	bench_report(&b);
}

static bool touch(struct machine *m, struct bench *b, u64 first, u64 bytes, u64 step, u64 *cost)
{
	m->ops->enter(m, 0, guest(touch), TEST_GPA + first, TEST_GPA + first + bytes, step);
	bench_begin(b);
	m->ops->run(m, 0);
	return bench_stop(b, cost);
}

/*
 * The guest touches untouched memory, then the same memory again: the difference is the cost of
 * the faults.
 */
static void bench_demand(struct machine *m, const char *name, bool huge)
{
	struct bench b = bench_new(m->ops->name, name);
	u64 step = huge ? 2 * MIB : PAGE;
	u64 some = huge ? 2 * step : 64 * step;
	u64 all = huge ? 32 * MIB : 8 * MIB;
	u64 faults, again;

	while (bench_more(&b, huge ? 16 : SAMPLES)) {
		m->ops->map(m, all, huge);
		for (u64 at = 0; at < all; at += some) {
			bool clean = touch(m, &b, at, some, step, &faults);

			clean = touch(m, &b, at, some, step, &again) && clean;
			bench_add(&b, clean, faults - again, some / step);
		}
		m->ops->unmap(m);
	}
	bench_report(&b);
}

/* Populate, protect and unmap a whole range, per 4 KiB page. */
static void bench_range(struct machine *m, bool huge)
{
	struct bench protect = bench_new(m->ops->name, huge ? "protect_2m" : "protect_4k");
	struct bench forget = bench_new(m->ops->name, huge ? "unmap_2m" : "unmap_4k");
	struct bench populate = bench_new(m->ops->name, huge ? "populate_2m" : "populate_4k");
	struct bench other = bench_new(m->ops->name, "not reported");
	u64 bytes = huge ? 4 * MIB : MIB, cost;
	bool can = true;

	protect.sleeps = true;
	forget.sleeps = true;
	while (bench_more(&forget, SAMPLES / 2) || (can && bench_more(&populate, SAMPLES / 2))) {
		m->ops->map(m, bytes, huge);
		bench_begin(&populate);
		can = m->ops->populate(m);
		if (can)
			bench_end(&populate, bytes / PAGE);
		touch(m, &other, 0, bytes, PAGE, &cost);
		bench_begin(&protect);
		m->ops->protect(m, false);
		bench_end(&protect, bytes / PAGE);
		m->ops->protect(m, true);
		touch(m, &other, 0, bytes, PAGE, &cost);
		bench_begin(&forget);
		m->ops->forget(m);
		bench_end(&forget, bytes / PAGE);
		m->ops->unmap(m);
	}
	bench_report(&protect);
	bench_report(&forget);
	if (can)
		bench_report(&populate);
}

static void give_back(struct machine *m)
{
	if (m->ops->discard)
		m->ops->discard(m);
	else
		m->ops->forget(m);
}

/* Discard a whole range, per 4 KiB page, and the faults that the guest then takes again. */
static void bench_discard(struct machine *m, bool huge)
{
	struct bench discard = bench_new(m->ops->name, huge ? "discard_2m" : "discard_4k");
	struct bench refault = bench_new(m->ops->name, huge ? "refault_2m" : "refault_4k");
	u64 bytes = huge ? 4 * MIB : MIB, step = huge ? 2 * MIB : PAGE, faults, again;

	discard.sleeps = true;
	m->ops->map(m, bytes, huge);
	while (bench_more(&discard, SAMPLES / 2) || bench_more(&refault, SAMPLES / 2)) {
		bool clean;

		if (m->ops->populate)
			m->ops->populate(m);
		touch(m, &refault, 0, bytes, step, &faults);
		bench_begin(&discard);
		give_back(m);
		bench_end(&discard, bytes / PAGE);
		clean = touch(m, &refault, 0, bytes, step, &faults);
		clean = touch(m, &refault, 0, bytes, step, &again) && clean;
		bench_add(&refault, clean, faults - again, bytes / step);
		give_back(m);
	}
	m->ops->unmap(m);
	bench_report(&discard);
	bench_report(&refault);
}

static void bench_create(const struct machine_ops *ops)
{
	struct bench b = bench_new(ops->name, "create_drop");

	while (bench_more(&b, SAMPLES / 4)) {
		bench_begin(&b);
		ops->create();
		bench_end(&b, 1);
	}
	bench_report(&b);
}

/* Faults only, for a process whose memory is not charged to a cgroup. */
void bench_uncharged(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	bench_demand(&m, "fault_4k_uncharged", false);
	bench_demand(&m, "fault_2m_uncharged", true);
	ops->end(&m);
}

void bench_faults(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	bench_exit_user(&m);
	bench_exit_kernel(&m, "exit_cpuid", guest(cpuid));
	bench_exit_kernel(&m, "exit_invd", guest(invd));
	bench_exit_kernel(&m, "exit_ud", guest(refused));
	bench_demand(&m, "fault_4k", false);
	bench_demand(&m, "fault_2m", true);
	bench_range(&m, false);
	bench_range(&m, true);
	if (ops->discard) {
		bench_discard(&m, false);
		bench_discard(&m, true);
	}
	/* KVM's create sleeps for grace periods, when the clock does not count instructions. */
	if (ops != &kvm_machine)
		bench_create(ops);
	ops->end(&m);
}

/* KVM on a mapping of a space. */
void bench_bridge(void)
{
	struct machine m = { .ops = &bridge_machine };

	bridge_machine.make(&m);
	bridge_machine.add_vcpu(&m, 0);
	bench_demand(&m, "fault_4k", false);
	bench_demand(&m, "fault_2m", true);
	bench_discard(&m, false);
	bench_discard(&m, true);
	bridge_choose_pinnable(true);
	bench_demand(&m, "fault_4k_pinnable", false);
	bench_demand(&m, "fault_2m_pinnable", true);
	bridge_machine.end(&m);
}

/* The same for a guest_memfd, which supports only unmap and populate. */
static void bench_gmem_range(struct machine *m)
{
	struct bench populate = bench_new("kvm", "populate_4k_guest_memfd");
	struct bench forget = bench_new("kvm", "unmap_4k_guest_memfd");

	forget.sleeps = true;
	while (bench_more(&forget, SAMPLES / 2) || bench_more(&populate, SAMPLES / 2)) {
		m->ops->map(m, MIB, false);
		bench_begin(&populate);
		m->ops->populate(m);
		bench_end(&populate, MIB / PAGE);
		bench_begin(&forget);
		m->ops->forget(m);
		bench_end(&forget, MIB / PAGE);
		m->ops->unmap(m);
	}
	bench_report(&populate);
	bench_report(&forget);
}

static void bench_gmem(void)
{
	struct machine m = { .ops = &kvm_machine };

	kvm_machine.make(&m);
	kvm_machine.add_vcpu(&m, 0);
	kvm_choose_memory(KVM_GMEM);
	bench_demand(&m, "fault_4k_guest_memfd", false);
	bench_gmem_range(&m);
	kvm_choose_memory(KVM_GMEM_PRESENT);
	bench_demand(&m, "fault_4k_guest_memfd_present", false);
	kvm_machine.end(&m);
}

/* KVM on memory other than anonymous, which may be its best case. */
void bench_kvm_memory(void)
{
	struct machine m = { .ops = &kvm_machine };

	kvm_machine.make(&m);
	kvm_machine.add_vcpu(&m, 0);
	kvm_choose_memory(KVM_PRESENT);
	bench_demand(&m, "fault_4k_present", false);
	bench_demand(&m, "fault_2m_present", true);
	kvm_choose_memory(KVM_FILE);
	bench_demand(&m, "fault_4k_memfd", false);
	bench_demand(&m, "fault_2m_hugetlb", true);
	kvm_machine.end(&m);
	if (kvm_has_gmem())
		bench_gmem();
}
