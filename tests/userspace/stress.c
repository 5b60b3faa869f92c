// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads on two spaces, for ThreadSanitizer: guests, hosts, and changers, which change the
 * areas concurrently, and freeze, reset and log the memory (stress_watch.c).
 *
 *   stress [--seconds N] [--format NAME] [--seed N] [--guests N] [--hosts N] [--changers N]
 *	[--brought 1]
 *
 * A guest is a vCPU with a small TLB: it walks the table's memory by the oracle, caches the
 * translations until a flush, and accesses frames through them. A frame freed too early is thus
 * a data race with the guest that still uses it, or has contents never written to that address;
 * and a changer that removes write permission detects later writes. Frames come from
 * axas_hal_linux, over the shims' pages. With --brought 1 memory is missing until a guest or a
 * changer supplies it (stress_bring.c), or the other space's.
 */
#include <axas/access.h>
#include <unistd.h>

#include "axas_stock.h"
#include "stress.h"

struct world worlds[2];
bool brought;
static bool stop;
static const char *format = "ept";
static unsigned int counts[] = { 2, 2, 2 };

__noreturn void die(struct thread *t, const char *what, u64 gpa, u64 val)
{
	fprintf(stderr, "stress: thread %u, at gpa 0x%llx: %s (0x%llx)\n", t->nr, gpa, what, val);
	abort();
}

u32 rnd(struct thread *t, u32 below)
{
	return prandom_u32_state(&t->rnd) % below;
}

u64 random_page(struct thread *t)
{
	return BASE + rnd(t, NR_PAGES) * (u64)SZ_4K;
}

struct axas_gpa_range random_range(struct thread *t)
{
	u32 first = rnd(t, NR_PAGES), most = rnd(t, 4) ? 16 : NR_PAGES;
	u32 n = 1 + rnd(t, min(most, NR_PAGES - first));

	/* Whole 2 MiB blocks. */
	if (!rnd(t, 4))
		return axas_gpa_range(axas_gpa(BASE + SZ_64K), rnd(t, 2) ? SZ_2M : SZ_4M);
	return axas_gpa_range(axas_gpa(BASE + first * (u64)SZ_4K), n * (u64)SZ_4K);
}

u64 stamp(const struct world *w, u64 gpa)
{
	/* What spaces share has one content. */
	if (brought)
		w = worlds;
	return ((gpa + (w - worlds)) * 0x9e3779b97f4a7c15ull) | 0xff;
}

static u64 new_stamp(struct thread *t, const struct world *w, u64 gpa)
{
	return stamp(w, gpa) ^ rnd(t, 0xff);
}

static void check_stamp(struct thread *t, const struct world *w, u64 gpa, u64 val)
{
	if (val && (val | 0xff) != stamp(w, gpa))
		die(t, "holds what nobody wrote there", gpa, val);
}

/* The guests. */
static u64 read_entry(void *ctx, u64 hpa)
{
	return __atomic_load_n((u64 *)__va(hpa), __ATOMIC_ACQUIRE);
}

static struct tlb_entry *tlb_slot(struct thread *t, u64 gpa)
{
	return &t->tlb[(gpa >> 12) % TLB_ENTRIES];
}

static bool walk(struct thread *t, u64 gpa, bool write)
{
	struct oracle_access access = { .read = !write, .write = write };
	struct tlb_entry *e = tlb_slot(t, gpa);
	struct oracle_result res;
	u64 size;

	oracle_walk(&t->world->machine, gpa, &access, &res);
	t->misses++;
	if (res.outcome == ORACLE_MISCONFIG)
		die(t, "hardware refuses the entry", gpa, res.entry);
	if (res.outcome != ORACLE_OK)
		return false;
	size = 1ull << res.leaf_shift;
	*e = (struct tlb_entry){
		.first = gpa & ~(size - 1), .last = gpa | (size - 1),
		.hpa = res.hpa - (gpa & (size - 1)), .write = res.w,
	};
	return true;
}

/* One access in guest mode; false if it faults. */
static bool guest_access(struct thread *t, u64 gpa, bool write)
{
	struct tlb_entry *e = tlb_slot(t, gpa);
	u64 *word;

	if (gpa < e->first || gpa > e->last || (write && !e->write))
		if (!walk(t, gpa, write))
			return false;
	word = __va(e->hpa + (gpa - e->first));
	if (write)
		__atomic_store_n(word, new_stamp(t, t->world, gpa), __ATOMIC_RELAXED);
	else
		check_stamp(t, t->world, gpa, __atomic_load_n(word, __ATOMIC_RELAXED));
	t->steps++;
	return true;
}

static void *guest(void *arg)
{
	struct thread *t = arg;

	shim_run_on(t->nr % nr_cpu_ids);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		u64 gpa = random_page(t);
		bool write = rnd(t, 2), fine = true;
		unsigned int i;

		while (__atomic_load_n(&t->kicks, __ATOMIC_ACQUIRE))
			sched_yield();
		pthread_mutex_lock(&t->running);
		for (i = 0; fine && i < 64 && !__atomic_load_n(&t->kicks, __ATOMIC_RELAXED); i++) {
			if (rnd(t, 4) == 0)
				gpa = random_page(t);
			fine = guest_access(t, gpa, write);
		}
		pthread_mutex_unlock(&t->running);
		if (!fine && axas_space_fault(t->world->space, axas_gpa(gpa), write ? RW : R,
					      NULL) == AXAS_FAULT_MISSING)
			bring(t, t->world, gpa);
	}
	return NULL;
}

/* Request every vCPU to leave guest mode. */
static void kick_guests(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus)
{
	struct world *w = container_of(consumer, struct world, consumer);
	unsigned int i;

	for (i = 0; i < w->nr_guests; i++)
		__atomic_fetch_add(&w->guests[i]->kicks, 1, __ATOMIC_ACQ_REL);
}

/* Wait until each vCPU has left guest mode, and flush its TLB. */
static void flush_guests(struct axas_consumer *consumer, const struct axas_flush *flush)
{
	struct world *w = container_of(consumer, struct world, consumer);
	u64 first = flush->range.start.val, last = axas_gpa_range_last(flush->range).val;
	unsigned int i, j;

	for (i = 0; i < w->nr_guests; i++) {
		struct thread *t = w->guests[i];

		pthread_mutex_lock(&t->running);
		for (j = 0; j < TLB_ENTRIES; j++)
			if (t->tlb[j].first <= last && t->tlb[j].last >= first)
				t->tlb[j] = (struct tlb_entry){ .first = 1 };
		pthread_mutex_unlock(&t->running);
		__atomic_fetch_sub(&t->kicks, 1, __ATOMIC_ACQ_REL);
	}
}

static const struct axas_consumer_ops consumer_ops = {
	.request = kick_guests, .wait = flush_guests,
};

/* The hosts. */
static void expect(struct thread *t, u64 gpa, int err)
{
	/* Populate, of a missing page; shared memory whose source is gone. */
	if (brought && (err == -ENODATA || err == -EIO))
		return;
	if (err && err != -EFAULT && err != -EACCES && err != -ENOENT)
		die(t, "an answer that none may give", gpa, err);
}

static void host_copy(struct thread *t, struct world *w, u64 gpa)
{
	u64 buf[LINE / sizeof(u64)], at = gpa + LINE * (1 + t->nr);
	unsigned int i;
	int err;

	if (rnd(t, 2)) {
		for (i = 0; i < ARRAY_SIZE(buf); i++)
			buf[i] = new_stamp(t, w, at + i * sizeof(u64));
		expect(t, at, axas_write(w->space, axas_gpa(at), buf, sizeof(buf)));
		return;
	}
	err = axas_read(w->space, axas_gpa(at), buf, sizeof(buf));
	expect(t, at, err);
	for (i = 0; !err && i < ARRAY_SIZE(buf); i++)
		check_stamp(t, w, at + i * sizeof(u64), buf[i]);
}

static void host_bvec(struct thread *t, struct world *w, u64 gpa)
{
	struct bio_vec bvecs[4];
	int n = axas_space_bvec(w->space, axas_gpa_range(axas_gpa(gpa), SZ_8K), R, bvecs,
				ARRAY_SIZE(bvecs)), i;

	if (n < 0)
		return expect(t, gpa, n);
	/* The pages stay pinned until they are put, unmapped or not. */
	sched_yield();
	for (i = 0; i < n; i++)
		check_stamp(t, w, gpa + i * (u64)SZ_4K,
			    __atomic_load_n((u64 *)bvec_virt(&bvecs[i]), __ATOMIC_RELAXED));
	axas_space_bvec_put(bvecs, n);
}

static void host_step(struct thread *t, struct world *w)
{
	u64 gpa = random_page(t), val = 0, n;
	struct axas_area_info area;
	struct axas_translation to;
	struct axas_info info;
	int err;

	switch (rnd(t, 13)) {
	case 12:
		return watch_host_step(t, w);
	case 0:
		err = axas_space_fault(w->space, axas_gpa(gpa), R, NULL);
		/* Shared memory whose source is gone. */
		if ((err == AXAS_FAULT_ERROR && !brought) || err == AXAS_FAULT_NOMEM)
			die(t, "a fault that answers", gpa, err);
		return;
	case 1:
		axas_space_fault_nowait(w->space, axas_gpa(gpa), R);
		return;
	case 2:
		return expect(t, gpa, axas_space_translate(w->space, axas_gpa(gpa), &to));
	case 3:
		err = axas_space_translate_and_get_limit(w->space, axas_gpa(gpa), &to, &n);
		return expect(t, gpa, err);
	case 4:
		return expect(t, gpa, axas_space_populate(w->space, random_range(t), &n));
	case 5:
		return host_bvec(t, w, gpa);
	case 6:
		axas_space_get_info(w->space, &info);
		axas_space_next_area(w->space, axas_gpa(gpa), &area);
		return;
	case 7:
	case 8:
		return host_copy(t, w, gpa);
	case 9:
		return expect(t, gpa, axas_write_obj(w->space, axas_gpa(gpa), AXAS_WIDTH_64,
						     new_stamp(t, w, gpa)));
	default:
		err = axas_read_obj(w->space, axas_gpa(gpa), AXAS_WIDTH_64, &val);
		check_stamp(t, w, gpa, val);
		expect(t, gpa, err);
	}
}

static void *host(void *arg)
{
	struct thread *t = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		/* Simulate migration to another CPU. */
		if (!rnd(t, 16))
			shim_run_on(rnd(t, nr_cpu_ids));
		host_step(t, rnd(t, 8) ? t->world : &worlds[rnd(t, 2)]);
		t->steps++;
	}
	return NULL;
}

/* With write permission removed, the contents of these pages must not change. */
static void expect_no_writes(struct thread *t, struct world *w, struct axas_gpa_range range)
{
	unsigned int pages = range.size / SZ_4K, i, j, n = min(pages, 8u);
	u64 sum[2][8] = {}, *words;
	unsigned int mapped[8] = {};
	struct axas_translation to;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < n; j++) {
			u64 gpa = range.start.val + j * (u64)SZ_4K;

			if (axas_space_translate(w->space, axas_gpa(gpa), &to))
				continue;
			if (to.prot & AXAS_PROT_WRITE)
				die(t, "translate says it is writable", gpa, to.prot);
			words = __va(to.hpa.val);
			sum[i][j] = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
			mapped[j]++;
			if (!i)
				sched_yield();
		}
	}
	for (j = 0; j < n; j++)
		if (mapped[j] == 2 && sum[0][j] != sum[1][j])
			die(t, "is written, but must not be", range.start.val + j * (u64)SZ_4K,
			    sum[1][j]);
}

static void change_step(struct thread *t, struct world *w)
{
	static const u32 flags[] = {
		0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER, AXAS_MAP_POPULATE,
		AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND(4),
	};
	struct axas_gpa_range range = random_range(t), ranges[] = { range, random_range(t) };
	u64 n;
	int err;

	switch (rnd(t, 11)) {
	case 0:
	case 1:
		expect(t, range.start.val, axas_space_unmap(w->space, range));
		break;
	case 2:
		expect(t, range.start.val, axas_space_protect(w->space, range, R));
		/* The other space may permit writes to what is shared. */
		if (!brought)
			expect_no_writes(t, w, range);
		break;
	case 3:
		expect(t, range.start.val, axas_space_protect(w->space, range, RW));
		break;
	case 4:
		expect(t, range.start.val, axas_space_collapse(w->space, range, &n));
		break;
	case 7:
		expect(t, range.start.val,
		       axas_space_set_policy(w->space, range, flags[rnd(t, 3)]));
		break;
	case 5:
	case 6:
		expect(t, range.start.val, axas_space_discard(w->space, ranges, 2, &n));
		break;
	default:
		err = flags[rnd(t, ARRAY_SIZE(flags))];
		if (brought)
			err = bring_map(t, w, range, err);
		else
			err = axas_space_map_alloc(w->space, range, RW, AXAS_TYPE_NORMAL, err);
		if (err != -EEXIST)
			expect(t, range.start.val, err);
	}
}

static void *changer(void *arg)
{
	struct thread *t = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct world *w = t->world;

		pthread_mutex_lock(&w->narrowing);
		if (rnd(t, 3))
			change_step(t, w);
		else
			watch_step(t, w);
		pthread_mutex_unlock(&w->narrowing);
		if (brought)
			bring_what_hosts_await(t, w);
		t->steps++;
		if (!rnd(t, 8))
			usleep(100);
	}
	return NULL;
}

#define FORMAT(NAME, name)	[AXAS_FORMAT_##NAME - 1] = &axas_npt_##name,

static const struct axas_npt_fmt *format_by_name(const char *name)
{
	static const struct axas_npt_fmt *const formats[] = { AXAS_NPT_FORMATS(FORMAT) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	fprintf(stderr, "no format %s\n", name);
	exit(2);
}

static void create_world(struct world *w)
{
	const struct axas_npt_fmt *fmt = format_by_name(format);
	struct axas_npt_caps caps = {
		.flags = AXAS_CAP_MASK & ~(AXAS_CAP_EXEC_4K | AXAS_CAP_S2_FWB),
		.leaf_levels = fmt->leaf_levels, .oa_bits = fmt->caps.oa_bits,
	};
	struct axas_space_params params = {};

	pthread_mutex_init(&w->narrowing, NULL);
	pthread_mutex_init(&w->taking, NULL);
	w->space = axas_space_create_fmt(&params, fmt, &caps);
	if (IS_ERR(w->space))
		abort();
	w->machine = oracle_machine_of(&w->space->npt);
	w->machine.read = read_entry;
	w->machine.oa_bits = fmt->caps.oa_bits;
	w->consumer.ops = &consumer_ops;
	if (axas_space_attach(w->space, &w->consumer))
		abort();
}

static void destroy_world(struct world *w)
{
	watch_end(w);
	axas_space_detach(w->space, &w->consumer);
	axas_space_put(w->space);
	rcu_barrier();
}

static void run(struct thread *threads, unsigned int n, double seconds)
{
	static void *(*const kinds[])(void *arg) = { guest, host, changer };
	unsigned int i, kind = 0, left = counts[0];

	for (i = 0; i < n; i++, left--) {
		struct thread *t = &threads[i];

		while (!left)
			left = counts[++kind];
		t->nr = i;
		t->world = &worlds[i % 2];
		pthread_mutex_init(&t->running, NULL);
		/* An empty TLB entry: first above last. */
		for (unsigned int j = 0; j < TLB_ENTRIES; j++)
			t->tlb[j].first = 1;
		if (!kind)
			t->world->guests[t->world->nr_guests++] = t;
	}
	kind = 0;
	left = counts[0];
	for (i = 0; i < n; i++, left--) {
		while (!left)
			left = counts[++kind];
		if (pthread_create(&threads[i].pthread, NULL, kinds[kind], &threads[i]))
			abort();
	}
	usleep(seconds * 1e6);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	/* Nobody supplies any more what hosts wait for. */
	for (i = counts[0] + counts[1]; i < n; i++)
		pthread_join(threads[i].pthread, NULL);
	axas_space_clear(worlds[0].space);
	axas_space_clear(worlds[1].space);
	for (i = 0; i < counts[0] + counts[1]; i++)
		pthread_join(threads[i].pthread, NULL);
}

/* Whatever happened, a space without areas has nothing. */
static bool has_nothing(const struct world *w)
{
	struct axas_info info;

	axas_space_get_info(w->space, &info);
	if (!info.frames && !info.shared && !info.exported && info.tables == info.root_tables)
		return true;
	fprintf(stderr, "stress: %llu frames, %llu shared, %llu exported, %llu tables are left\n",
		info.frames, info.shared, info.exported, info.tables - info.root_tables);
	return false;
}

static void report(const struct thread *threads, double seconds)
{
	unsigned long steps[3] = {}, misses = 0;
	unsigned int kind, i = 0, j;

	for (kind = 0; kind < 3; kind++)
		for (j = 0; j < counts[kind]; j++, i++) {
			steps[kind] += threads[i].steps;
			misses += threads[i].misses;
		}
	printf("stress: %s: %lu guest accesses (%lu walks), %lu host operations, %lu changes ",
	       format, steps[0], misses, steps[1], steps[2]);
	printf("in %.0f s, %lu IPIs, %lu grace periods\n", seconds, shim_nr_ipis,
	       shim_nr_grace_periods);
}

int main(int argc, char **argv)
{
	static struct thread threads[MOST_THREADS];
	unsigned int n, i;
	double seconds = 5;
	long objects = shim_nr_objects;
	u64 seed = 1;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			seconds = strtod(argv[i + 1], NULL);
		else if (!strcmp(argv[i], "--format"))
			format = argv[i + 1];
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--brought"))
			brought = strtoul(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--guests"))
			counts[0] = strtoul(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--hosts"))
			counts[1] = strtoul(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--changers"))
			counts[2] = strtoul(argv[i + 1], NULL, 0);
		else
			break;
	}
	n = counts[0] + counts[1] + counts[2];
	if (i < argc || n > MOST_THREADS) {
		fprintf(stderr, "see the top of stress.c for how to call it\n");
		return 2;
	}
	shim_yield_one_in = 500;
	for (i = 0; i < MOST_THREADS; i++)
		prandom_seed_state(&threads[i].rnd, seed * MOST_THREADS + i);
	create_world(&worlds[0]);
	create_world(&worlds[1]);
	run(threads, n, seconds);
	report(threads, seconds);
	if (!has_nothing(&worlds[0]) || !has_nothing(&worlds[1]))
		return 1;
	destroy_world(&worlds[0]);
	destroy_world(&worlds[1]);
	axas_stock_drain();
	if (shim_nr_objects != objects || shim_nr_pages) {
		fprintf(stderr, "stress: %ld objects and %ld pages leaked\n",
			shim_nr_objects - objects, shim_nr_pages);
		return 1;
	}
	return 0;
}
