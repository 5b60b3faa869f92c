// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs: sections, interrupts between them, RCU, per-CPU memory.
 *
 * Whoever runs with preemption off holds his CPU's mutex: so two threads of one CPU take
 * turns, and threads of different CPUs really meet. An interrupt runs on its CPU at the
 * next shim_point() of the thread that holds it, also in the middle of a section; when
 * nobody holds it, who sends runs the function in its place.
 */
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include "shim/kernel.h"

struct shim_ipi {
	struct shim_ipi *next;
	smp_call_func_t fn;
	void *info;
	bool done;
};

struct shim_cpu shim_cpus[SHIM_MAX_CPUS] = {
	[0 ... SHIM_MAX_CPUS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};

unsigned int nr_cpu_ids = 4;
unsigned int shim_yield_one_in;
unsigned long shim_nr_ipis;
unsigned long shim_nr_grace_periods;
__thread int shim_cpu_nr;
__thread unsigned int shim_preempt;
__thread unsigned int shim_irqs_off;
__thread bool shim_in_irq;
__thread struct task_struct shim_current = { .pid = 1, .comm = "main" };

static struct cpumask all_cpus = { .bits = { [0 ... BITS_TO_LONGS(SHIM_MAX_CPUS) - 1] = ~0ul } };
const struct cpumask *const cpu_online_mask = &all_cpus;
const struct cpumask *const cpu_possible_mask = &all_cpus;

void shim_warn(const char *what, const char *file, int line)
{
	fprintf(stderr, "WARN_ON(%s) at %s:%d\n", what, file, line);
	abort();
}

void shim_might_sleep(const char *file, int line)
{
	if (unlikely(shim_preempt || shim_irqs_off || shim_in_irq || shim_rcu_reading()))
		shim_warn("sleeping where nobody may", file, line);
}

void shim_cpu_lock(void)
{
	pthread_mutex_lock(&shim_cpus[shim_cpu_nr].lock);
}

/* What came until now was meant for this section. */
static void run_ipis(int nr)
{
	struct shim_cpu *cpu = &shim_cpus[nr];
	struct shim_ipi *ipi = __atomic_exchange_n(&cpu->ipis, NULL, __ATOMIC_ACQ_REL);
	struct shim_ipi *next;

	for (; ipi; ipi = next) {
		/* Once it is done, it is gone. */
		next = ipi->next;
		ipi->fn(ipi->info);
		__atomic_store_n(&ipi->done, true, __ATOMIC_RELEASE);
	}
}

static void interrupt(int nr)
{
	bool in_irq = shim_in_irq;
	int old = shim_cpu_nr;

	if (shim_irqs_off || in_irq)
		return;
	shim_in_irq = true;
	shim_cpu_nr = nr;
	shim_preempt++;
	run_ipis(nr);
	shim_preempt--;
	shim_cpu_nr = old;
	shim_in_irq = in_irq;
}

void shim_cpu_unlock(void)
{
	struct shim_cpu *cpu = &shim_cpus[shim_cpu_nr];

	if (__atomic_load_n(&cpu->ipis, __ATOMIC_RELAXED))
		interrupt(shim_cpu_nr);
	pthread_mutex_unlock(&cpu->lock);
}

static u64 any_number(void)
{
	static __thread u64 x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

void shim_point_slow(void)
{
	if (shim_preempt && __atomic_load_n(&shim_cpus[shim_cpu_nr].ipis, __ATOMIC_RELAXED))
		interrupt(shim_cpu_nr);
	if (shim_yield_one_in && any_number() % shim_yield_one_in == 0)
		sched_yield();
}

/* Now and then long enough for a guest to walk there. */
void shim_give_way(void)
{
	struct timespec ts = { .tv_nsec = 20000 };

	if (any_number() % 32 == 0)
		nanosleep(&ts, NULL);
}

void shim_relax(void)
{
	if (shim_preempt)
		shim_point_slow();
	sched_yield();
}

/* ThreadSanitizer knows no fences: an access to one place stands for the order of all. */
void shim_mb(void)
{
#ifdef SHIM_TSAN
	static int fence;

	__atomic_fetch_add(&fence, 1, __ATOMIC_ACQ_REL);
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	shim_point();
}

static void send(struct shim_ipi *ipi, int nr)
{
	struct shim_ipi **list = &shim_cpus[nr].ipis;

	__atomic_fetch_add(&shim_nr_ipis, 1, __ATOMIC_RELAXED);
	ipi->next = __atomic_load_n(list, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(list, &ipi->next, ipi, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED))
		;
}

static void wait_for_ipi(struct shim_ipi *ipi, int nr)
{
	while (!__atomic_load_n(&ipi->done, __ATOMIC_ACQUIRE)) {
		if (!pthread_mutex_trylock(&shim_cpus[nr].lock)) {
			interrupt(nr);
			pthread_mutex_unlock(&shim_cpus[nr].lock);
		}
		shim_relax();
	}
}

static void call_many(const struct cpumask *mask, smp_call_func_t fn, void *info)
{
	struct shim_ipi ipis[SHIM_MAX_CPUS];
	unsigned int cpu;

	WARN_ON(shim_irqs_off || shim_in_irq);
	for_each_cpu(cpu, mask) {
		ipis[cpu] = (struct shim_ipi){ .fn = fn, .info = info };
		if ((int)cpu != shim_cpu_nr)
			send(&ipis[cpu], cpu);
	}
	for_each_cpu(cpu, mask)
		if ((int)cpu != shim_cpu_nr)
			wait_for_ipi(&ipis[cpu], cpu);
}

void smp_call_function_many(const struct cpumask *mask, smp_call_func_t fn, void *info, bool wait)
{
	WARN_ON(!shim_preempt);
	call_many(mask, fn, info);
}

void on_each_cpu_mask(const struct cpumask *mask, smp_call_func_t fn, void *info, bool wait)
{
	preempt_disable();
	call_many(mask, fn, info);
	if (cpumask_test_cpu(shim_cpu_nr, mask))
		fn(info);
	preempt_enable();
}

void on_each_cpu(smp_call_func_t fn, void *info, int wait)
{
	on_each_cpu_mask(cpu_online_mask, fn, info, wait);
}

int smp_call_function_single(int cpu, smp_call_func_t fn, void *info, int wait)
{
	struct cpumask mask = {};

	cpumask_set_cpu(cpu, &mask);
	on_each_cpu_mask(&mask, fn, info, wait);
	return 0;
}

unsigned int cpumask_next(int n, const struct cpumask *m)
{
	unsigned int cpu = n + 1;

	while (cpu < nr_cpu_ids && !cpumask_test_cpu(cpu, m))
		cpu++;
	return cpu;
}

unsigned int cpumask_weight(const struct cpumask *m)
{
	unsigned int cpu, n = 0;

	for_each_cpu(cpu, m)
		n++;
	return n;
}

void cpumask_or(struct cpumask *to, const struct cpumask *a, const struct cpumask *b)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(to->bits); i++)
		to->bits[i] = a->bits[i] | b->bits[i];
}

bool cpumask_and(struct cpumask *to, const struct cpumask *a, const struct cpumask *b)
{
	unsigned long any = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(to->bits); i++)
		any |= to->bits[i] = a->bits[i] & b->bits[i];
	return any;
}

/* RCU: each thread says since which grace period it has been reading, or 0. */
struct reader {
	struct reader *next;
	unsigned long since;
	bool used;
};

static struct reader *readers;
static unsigned long grace_period = 1;
static unsigned int nr_threads = 1;
static pthread_mutex_t gp_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cb_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *callbacks;
static unsigned int nr_callbacks;
static __thread struct reader *self;
static __thread unsigned int nesting;

static struct reader *reader_of_thread(void)
{
	struct reader *r;

	pthread_mutex_lock(&gp_lock);
	for (r = readers; r && r->used; r = r->next)
		;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			abort();
		r->next = readers;
		__atomic_store_n(&readers, r, __ATOMIC_RELEASE);
	}
	r->used = true;
	pthread_mutex_unlock(&gp_lock);
	self = r;
	return r;
}

#ifdef SHIM_NATIVE
__thread unsigned long shim_this_cpu_off;

/* A counter of the task's, behind a call, as with CONFIG_PREEMPT_RCU. */
void shim_rcu_lock(void)
{
	nesting++;
	barrier();
}

void shim_rcu_unlock(void)
{
	barrier();
	nesting--;
}
#else
void shim_rcu_lock(void)
{
	struct reader *r = self ?: reader_of_thread();

	if (!nesting++)
		__atomic_store_n(&r->since, __atomic_load_n(&grace_period, __ATOMIC_ACQUIRE),
				 __ATOMIC_SEQ_CST);
#ifndef SHIM_TSAN
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

void shim_rcu_unlock(void)
{
	WARN_ON(!nesting);
	if (!--nesting)
		__atomic_store_n(&self->since, 0, __ATOMIC_RELEASE);
}
#endif

bool shim_rcu_reading(void)
{
	return nesting;
}

static void wait_for_readers(void)
{
	unsigned long gp, since;
	struct reader *r;

	pthread_mutex_lock(&gp_lock);
	gp = __atomic_add_fetch(&grace_period, 1, __ATOMIC_SEQ_CST);
	for (r = readers; r; r = r->next)
		while ((since = __atomic_load_n(&r->since, __ATOMIC_SEQ_CST)) && since < gp)
			sched_yield();
	pthread_mutex_unlock(&gp_lock);
}

static void run_callbacks(struct rcu_head *head)
{
	while (head) {
		struct rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}

static struct rcu_head *take_callbacks(void)
{
	struct rcu_head *head;

	pthread_mutex_lock(&cb_lock);
	head = callbacks;
	callbacks = NULL;
	nr_callbacks = 0;
	pthread_mutex_unlock(&cb_lock);
	return head;
}

void synchronize_rcu(void)
{
	might_sleep();
	__atomic_fetch_add(&shim_nr_grace_periods, 1, __ATOMIC_RELAXED);
	wait_for_readers();
}

void rcu_barrier(void)
{
	struct rcu_head *head = take_callbacks();

	wait_for_readers();
	run_callbacks(head);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	bool many;

	head->func = func;
	pthread_mutex_lock(&cb_lock);
	head->next = callbacks;
	callbacks = head;
	many = ++nr_callbacks > 256;
	pthread_mutex_unlock(&cb_lock);
	if (nesting || shim_preempt)
		return;
	/* No thread of its own does it: whoever may wait, does when there are many. */
	if (many || __atomic_load_n(&nr_threads, __ATOMIC_RELAXED) == 1)
		rcu_barrier();
}

struct kfree_later {
	struct rcu_head head;
	void *p;
};

static void kfree_now(struct rcu_head *head)
{
	struct kfree_later *k = container_of(head, struct kfree_later, head);

	kfree(k->p);
	free(k);
}

void shim_kfree_rcu(struct rcu_head *head, size_t offset)
{
	struct kfree_later *k = malloc(sizeof(*k));

	if (!k)
		abort();
	k->p = (char *)head - offset;
	call_rcu(&k->head, kfree_now);
}

/* Per-CPU memory: blocks of one arena, the same offset in every CPU's part. */
static char *pcpu;
static size_t pcpu_next = 64;
static pthread_mutex_t pcpu_lock = PTHREAD_MUTEX_INITIALIZER;

struct pcpu_free {
	struct pcpu_free *next;
	char *p;
};

#define PCPU_SIZES	64
static struct pcpu_free *pcpu_freed[PCPU_SIZES];

static void pcpu_init(void)
{
	if (pcpu)
		return;
	pcpu = mmap(NULL, SHIM_PCPU_STRIDE * SHIM_MAX_CPUS, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pcpu == MAP_FAILED)
		abort();
	/* Static variables come first, as they are at the start of the program. */
	if (__start_shim_percpu) {
		size_t size = __stop_shim_percpu - __start_shim_percpu;
		unsigned int cpu;

		for (cpu = 0; cpu < SHIM_MAX_CPUS; cpu++)
			memcpy(pcpu + cpu * SHIM_PCPU_STRIDE + 64, __start_shim_percpu, size);
		pcpu_next += round_up(size, 64);
	}
}

__attribute__((constructor)) static void pcpu_constructor(void)
{
	pcpu_init();
}

void *shim_per_cpu(const void *p, int cpu)
{
	char *c = (char *)p;

	if (__start_shim_percpu && c >= __start_shim_percpu && c < __stop_shim_percpu)
		c = pcpu + 64 + (c - __start_shim_percpu);
	return c + cpu * SHIM_PCPU_STRIDE;
}

/* In front of each block, in the first CPU's part only, is its size in units of 64. */
void *shim_alloc_percpu(size_t size, size_t align, gfp_t gfp)
{
	size_t units = DIV_ROUND_UP(size, 64);
	struct pcpu_free *f;
	unsigned int cpu;
	char *p = NULL;

	if (shim_allocation_fails(gfp))
		return NULL;
	WARN_ON(units >= PCPU_SIZES || align > 64);
	pthread_mutex_lock(&pcpu_lock);
	f = pcpu_freed[units];
	if (f) {
		pcpu_freed[units] = f->next;
		p = f->p;
		free(f);
	} else {
		p = pcpu + pcpu_next + 64;
		pcpu_next += (units + 1) * 64;
		*(size_t *)(p - 64) = units;
	}
	pthread_mutex_unlock(&pcpu_lock);
	WARN_ON(pcpu_next > SHIM_PCPU_STRIDE);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		memset(p + cpu * SHIM_PCPU_STRIDE, 0, units * 64);
	__atomic_fetch_add(&shim_nr_objects, 1, __ATOMIC_RELAXED);
	return p;
}

void free_percpu(void *p)
{
	struct pcpu_free *f;
	size_t units;

	if (!p)
		return;
	f = malloc(sizeof(*f));
	if (!f)
		abort();
	units = *(size_t *)((char *)p - 64);
	f->p = p;
	pthread_mutex_lock(&pcpu_lock);
	f->next = pcpu_freed[units];
	pcpu_freed[units] = f;
	pthread_mutex_unlock(&pcpu_lock);
	__atomic_fetch_sub(&shim_nr_objects, 1, __ATOMIC_RELAXED);
}

/* Threads. */
static int next_cpu = 1;

struct start {
	int (*fn)(void *arg);
	void *arg;
	int cpu;
};

void shim_run_on(int cpu)
{
	WARN_ON(shim_preempt);
	shim_cpu_nr = cpu;
}

static void *thread_main(void *data)
{
	struct start start = *(struct start *)data;

	free(data);
	shim_cpu_nr = start.cpu;
	start.fn(start.arg);
	WARN_ON(nesting || shim_preempt || shim_irqs_off);
	if (self) {
		pthread_mutex_lock(&gp_lock);
		self->used = false;
		pthread_mutex_unlock(&gp_lock);
	}
	__atomic_fetch_sub(&nr_threads, 1, __ATOMIC_RELAXED);
	return NULL;
}

struct task_struct *shim_kthread(int (*fn)(void *arg), void *arg)
{
	static struct task_struct task;
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	pthread_t thread;

	if (!start)
		return ERR_PTR(-ENOMEM);
	*start = (struct start){ fn, arg };
	start->cpu = __atomic_fetch_add(&next_cpu, 1, __ATOMIC_RELAXED) % nr_cpu_ids;
	__atomic_fetch_add(&nr_threads, 1, __ATOMIC_RELAXED);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, thread_main, start))
		abort();
	pthread_attr_destroy(&attr);
	return &task;
}

u64 ktime_get_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

unsigned long shim_jiffies(void)
{
	return ktime_get_ns() / 1000000;
}

long schedule_timeout_uninterruptible(long ticks)
{
	struct timespec ts = { .tv_nsec = min(ticks, 100l) * 1000 };

	might_sleep();
	nanosleep(&ts, NULL);
	return 0;
}
