// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log on either kind of machine, with one vCPU: starting it, the faults that it causes,
 * and a pass over it, which gets and clears it. KVM's log is that with manual protection. The
 * memory has 4 KiB leaves.
 */
#include "bench.h"

#include <stdio.h>

#define REGION	(2 * MIB)
#define SMALL	(64 * MIB)
#define LARGE	GIB
#define HUGE	(8 * GIB)
#define SPREAD	100	/* one page in so many is dirty */

static void bench_start(struct machine *m, const char *name)
{
	struct bench b = bench_new(m->ops->name, name);

	b.sleeps = true;
	while (bench_more(&b, SAMPLES / 4)) {
		bench_begin(&b);
		m->ops->log(m, LOG_START);
		bench_end(&b, 1);
		m->ops->log(m, LOG_STOP);
	}
	bench_report(&b);
}

/* What a routine costs more than when it runs again, for each of its steps. */
static void bench_first(struct machine *m, const char *name, u64 routine, u64 bytes, u64 step)
{
	struct bench b = bench_new(m->ops->name, name);
	u64 first, again;

	while (bench_more(&b, SAMPLES / 4)) {
		bool clean;

		m->ops->log(m, LOG_START);
		if (step < REGION)
			machine_visit(m, guest(look), SMALL, REGION);
		clean = machine_enter(m, &b, routine, bytes, step, &first);
		clean = machine_enter(m, &b, routine, bytes, step, &again) && clean;
		bench_add(&b, clean, first - again, bytes / step);
		m->ops->log(m, LOG_STOP);
	}
	bench_report(&b);
}

static void bench_pass(struct machine *m, const char *name, enum log how, u64 ops)
{
	struct bench b = bench_new(m->ops->name, name);

	b.sleeps = true;
	while (bench_more(&b, SAMPLES / 8)) {
		bench_begin(&b);
		m->ops->log(m, how);
		bench_end(&b, ops);
	}
	bench_report(&b);
}

/* What a dirty page adds to a pass. */
static void bench_dirty(struct machine *m, const char *name)
{
	struct bench b = bench_new(m->ops->name, name);
	u64 pages = m->bytes / PAGE / SPREAD, with, without;

	b.sleeps = true;
	while (bench_more(&b, SAMPLES / 8)) {
		bool clean;

		machine_visit(m, guest(touch), pages * SPREAD * PAGE, SPREAD * PAGE);
		bench_begin(&b);
		m->ops->log(m, LOG_PASS);
		clean = bench_stop(&b, &with);
		bench_begin(&b);
		m->ops->log(m, LOG_PASS);
		clean = bench_stop(&b, &without) && clean;
		bench_add(&b, clean, with - without, pages);
	}
	bench_report(&b);
}

/* With the tables filled, as a guest that has run leaves them. */
static void map_touched(struct machine *m, u64 bytes)
{
	m->ops->map(m, bytes, false);
	if (m->ops->populate)
		m->ops->populate(m);
	machine_visit(m, guest(touch), bytes, PAGE);
}

/* Only the start, which must not depend on what is mapped. The machine needs 10 GiB. */
void bench_log_large(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	map_touched(&m, SMALL);
	bench_start(&m, "log_start_64m_beside");
	m.ops->unmap(&m);
	map_touched(&m, HUGE);
	bench_start(&m, "log_start_8g");
	ops->unmap(&m);
	ops->end(&m);
}

void bench_log(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	map_touched(&m, SMALL);
	bench_start(&m, "log_start_64m");
	bench_first(&m, "log_first_touch", guest(look), SMALL, REGION);
	bench_first(&m, "log_first_write", guest(touch), MIB, PAGE);
	ops->unmap(&m);
	map_touched(&m, LARGE);
	/* KVM's takes longer than a tick. */
	if (ops != &kvm_machine)
		bench_start(&m, "log_start_1g");
	ops->log(&m, LOG_START);
	bench_pass(&m, "log_pass_region", LOG_PASS, LARGE / REGION);
	bench_pass(&m, "log_pass_region_extents", LOG_PASS_EXTENTS, LARGE / REGION);
	machine_visit(&m, guest(look), LARGE, REGION);
	bench_pass(&m, "log_pass_clean", LOG_PASS, LARGE / PAGE);
	bench_dirty(&m, "log_pass_dirty");
	ops->log(&m, LOG_STOP);
	ops->unmap(&m);
	ops->end(&m);
}
