// SPDX-License-Identifier: GPL-2.0-only
/*
 * Latency of operations in one area while another thread changes 1 GiB of 4 KiB leaves in
 * another area of the same space: two threads, on two CPUs if the machine has them.
 *
 *   waits [ROUNDS]
 *
 * One thread changes continuously. The other one faults on and translates random pages and
 * measures each operation. The shims' locks sleep and are handed to readers, as the kernel's;
 * the machine's scheduler wakes the threads.
 *
 * On a shared machine a thread also waits for a CPU: in the middle of an operation, or while the
 * other thread does and has the bar up. Linux counts that time for both (schedstat), and
 * "without" excludes it. Time that a host steals from a virtual machine is not counted, but does
 * not occur in each pass over the 1 GiB. Therefore the median of the maxima of the passes is
 * printed too: half of the passes had no longer wait. The shims' pages come from one unfair
 * mutex, where Linux has per-CPU lists: "without" excludes the time there, too.
 *
 * "(the bar)" is the CPU time for which the other thread has the bar up: most of the waits,
 * however busy the machine is. A first fault may meet two bars in a row: it looks up the area,
 * allocates its frame, and looks it up again.
 */
#include <axas/access.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "axas_space.h"

#define HERE		((u64)SZ_4G)
#define HERE_SIZE	((u64)SZ_512M)
#define THERE		((u64)SZ_1G)
#define THERE_SIZE	((u64)SZ_1G)
#define MOST_PASSES	4096

#define R		AXAS_PROT_READ
#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)

/* Operations of the changing thread, and of the measuring one. */
enum change { PROTECT, UNMAP, POPULATE, SPLIT, COLLAPSE, CLEAR, NR_CHANGES };
enum op { FIRST, SPURIOUS, HOLE, TRANSLATE, BAR, NR_OPS };

static const char *const change_names[] = {
	"protect", "unmap", "map and populate", "protect one page of 512", "collapse", "clear",
};

static const char *const op_names[] = {
	"first fault", "spurious fault", "no area", "translate", "(the bar)",
};

/* A logarithmic histogram: 16 buckets per doubling. */
#define BUCKETS		(64 * 16)

struct times {
	unsigned long n;
	unsigned long buckets[BUCKETS];
	u64 longest;
	/* Maximum of each pass, without the time for which either thread waited for a CPU. */
	u64 without[MOST_PASSES];
};

static struct times times[NR_CHANGES][NR_OPS];
static struct axas_space *space;
static enum change now;
/* Number of passes so far, and whether the other thread is changing. */
static unsigned int nr_passes;
static bool changing;

static void pin(int cpu)
{
	cpu_set_t set;

	shim_run_on(cpu);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Fails with fewer CPUs: the threads then share one. */
	sched_setaffinity(0, sizeof(set), &set);
}

/* schedstat of a thread: the second number is the time for which it waited for a CPU. */
static int open_stat(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/schedstat", syscall(SYS_gettid));
	return open(path, O_RDONLY);
}

static u64 waited_for_cpu(int fd)
{
	char buf[96], *end;
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return 0;
	buf[n] = 0;
	strtoull(buf, &end, 10);
	return strtoull(end, NULL, 10);
}

static unsigned int bucket_of(u64 ns)
{
	unsigned int log;

	if (ns < 16)
		return ns;
	log = 63 - __builtin_clzll(ns);
	return (log - 3) * 16 + (ns >> (log - 4) & 15);
}

/* Lower bound of a bucket. */
static u64 bucket_ns(unsigned int bucket)
{
	return bucket < 16 ? bucket : (16ull + bucket % 16) << (bucket / 16 - 1);
}

static u64 quantile(const struct times *t, double part)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < BUCKETS - 1; i++) {
		sum += t->buckets[i];
		if (sum >= part * t->n)
			break;
	}
	return bucket_ns(i);
}

static void ok(int err)
{
	if (err) {
		fprintf(stderr, "waits: an operation answers %d\n", err);
		abort();
	}
}

static struct axas_gpa_range there(void)
{
	return axas_gpa_range(axas_gpa(THERE), THERE_SIZE);
}

static void map_here(void)
{
	ok(axas_space_map_alloc(space, axas_gpa_range(axas_gpa(HERE), HERE_SIZE), RW,
				AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER));
}

static void map_there(u32 flags)
{
	ok(axas_space_map_alloc(space, there(), RW, AXAS_TYPE_NORMAL,
				flags | AXAS_MAP_POPULATE));
}

/* The passes, each over the whole 1 GiB. */
static void begin(enum change change)
{
	__atomic_store_n(&now, change, __ATOMIC_RELAXED);
}

static void protect_all(void)
{
	begin(PROTECT);
	ok(axas_space_protect(space, there(), R));
	ok(axas_space_protect(space, there(), RW));
}

static void unmap_all(void)
{
	begin(UNMAP);
	ok(axas_space_unmap(space, there()));
	begin(POPULATE);
	map_there(AXAS_MAP_HUGE_NEVER);
}

static void clear_all(void)
{
	begin(CLEAR);
	axas_space_clear(space);
	begin(POPULATE);
	map_here();
	map_there(AXAS_MAP_HUGE_NEVER);
}

/* Split 2 MiB leaves into tables of 4 KiB leaves, and collapse them again. */
static void collapse_all(void)
{
	struct axas_gpa_range page;
	u64 gpa, n;

	begin(SPLIT);
	for (gpa = THERE; gpa < THERE + THERE_SIZE; gpa += SZ_2M) {
		page = axas_gpa_range(axas_gpa(gpa + SZ_64K), SZ_4K);
		ok(axas_space_protect(space, page, R));
		ok(axas_space_protect(space, page, RW));
	}
	begin(COLLAPSE);
	ok(axas_space_collapse(space, there(), &n));
	if (n != THERE_SIZE / SZ_2M)
		ok(-ENOENT);
}

static const struct pass {
	void (*run)(void);
	unsigned int n;
	u32 flags;
} passes[] = {
	{ protect_all, 30, AXAS_MAP_HUGE_NEVER },
	{ unmap_all, 2, AXAS_MAP_HUGE_NEVER },
	{ collapse_all, 10, 0 },
	{ clear_all, 2, AXAS_MAP_HUGE_NEVER },
};

static void count(struct times *t, u64 ns, u64 without, unsigned int pass)
{
	t->n++;
	t->buckets[bucket_of(ns)]++;
	t->longest = max(t->longest, ns);
	t->without[pass] = max(t->without[pass], without);
}

/* The linker (--wrap) replaces the functions of the shims and of axas_area.c by these. */
typeof(alloc_pages) __real_alloc_pages, __wrap_alloc_pages;
typeof(axas_bar_begin) __real_axas_bar_begin, __wrap_axas_bar_begin;
typeof(axas_bar_end) __real_axas_bar_end, __wrap_axas_bar_end;

static u64 bar_began;
static __thread u64 in_allocator;

struct page *__wrap_alloc_pages(gfp_t gfp, unsigned int order)
{
	u64 start = ktime_get_ns();
	struct page *page = __real_alloc_pages(gfp, order);

	in_allocator += ktime_get_ns() - start;
	return page;
}

static u64 cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void __wrap_axas_bar_begin(struct axas_space *space)
{
	bar_began = cpu_time();
	__real_axas_bar_begin(space);
}

void __wrap_axas_bar_end(struct axas_space *space)
{
	u64 ns;

	__real_axas_bar_end(space);
	ns = cpu_time() - bar_began;
	count(&times[now][BAR], ns, ns, nr_passes % MOST_PASSES);
}

static int changer_stat;

static void *changer(void *arg)
{
	const struct pass *pass = arg;
	unsigned int i;

	pin(1);
	changer_stat = open_stat();
	__atomic_store_n(&changing, true, __ATOMIC_RELEASE);
	for (i = 0; i < pass->n; i++) {
		pass->run();
		__atomic_fetch_add(&nr_passes, 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&changing, false, __ATOMIC_RELEASE);
	return NULL;
}

/* A random page of the first half, which is touched, or of the second. */
static u64 random_page(struct rnd_state *rnd, bool touched)
{
	u32 half = HERE_SIZE / SZ_4K / 2;

	return HERE + (prandom_u32_state(rnd) % half + (touched ? 0 : half)) * (u64)SZ_4K;
}

static void touch_here(void)
{
	u64 done;

	ok(axas_space_populate(space, axas_gpa_range(axas_gpa(HERE), HERE_SIZE / 2), &done));
}

/* One operation; its result tells the kind of fault. */
static enum op operate(struct rnd_state *rnd)
{
	struct axas_translation to;
	u32 kind = prandom_u32_state(rnd) % 4;
	int result;

	if (!kind) {
		result = axas_space_translate(space, axas_gpa(random_page(rnd, true)), &to);
		return TRANSLATE;
	}
	result = axas_space_fault(space, axas_gpa(random_page(rnd, kind == 1)), RW, NULL);
	switch (result) {
	case AXAS_FAULT_FIXED:
		return FIRST;
	case AXAS_FAULT_SPURIOUS:
		return SPURIOUS;
	case AXAS_FAULT_HOLE:
		return HOLE;
	default:
		ok(result);
		return HOLE;
	}
}

static void measure(struct rnd_state *rnd, int stat)
{
	u64 preempted = waited_for_cpu(stat) + waited_for_cpu(changer_stat);
	unsigned int pass = __atomic_load_n(&nr_passes, __ATOMIC_RELAXED) % MOST_PASSES;
	enum change change = __atomic_load_n(&now, __ATOMIC_RELAXED);
	u64 allocator = in_allocator;
	u64 start = ktime_get_ns();
	enum op op = operate(rnd);
	u64 ns = ktime_get_ns() - start;

	preempted = waited_for_cpu(stat) + waited_for_cpu(changer_stat) - preempted;
	/* The two times may overlap: subtract the larger only. */
	preempted = max(preempted, in_allocator - allocator);
	count(&times[change][op], ns, ns - min(ns - 1, preempted), pass);
}

static void run_round(const struct pass *pass, struct rnd_state *rnd, int stat)
{
	pthread_t thread;

	axas_space_clear(space);
	map_here();
	touch_here();
	map_there(pass->flags);
	if (pthread_create(&thread, NULL, changer, (void *)pass))
		abort();
	while (!__atomic_load_n(&changing, __ATOMIC_ACQUIRE))
		sched_yield();
	while (__atomic_load_n(&changing, __ATOMIC_ACQUIRE))
		measure(rnd, stat);
	pthread_join(thread, NULL);
	close(changer_stat);
}

static int compare(const void *a, const void *b)
{
	u64 x = *(u64 *)a, y = *(u64 *)b;

	return (x > y) - (x < y);
}

static void report(struct times *t, const char *change, const char *op)
{
	u64 *first = t->without, *end = t->without + MOST_PASSES;

	/* Passes without this operation under this change are 0 and sort first. */
	qsort(t->without, MOST_PASSES, sizeof(u64), compare);
	while (!*first)
		first++;
	printf("%-24s %-15s %8lu %8.2f %9.1f %9.1f %9.1f %9.1f\n", change, op, t->n,
	       quantile(t, 0.5) / 1e3, quantile(t, 0.9999) / 1e3, t->longest / 1e3, end[-1] / 1e3,
	       first[(end - first) / 2] / 1e3);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
	struct axas_npt_caps caps = axas_npt_svm.caps;
	struct axas_space_params params = {};
	struct rnd_state rnd;
	int stat = open_stat();
	unsigned int i, j;

	if (!rounds || argc > 2 || stat < 0)
		return 2;
	prandom_seed_state(&rnd, 1);
	space = axas_space_create_fmt(&params, &axas_npt_svm, &caps);
	if (IS_ERR(space))
		return 1;
	pin(0);
	/* Warm up: the first round faults in the arena's pages. */
	run_round(&passes[1], &rnd, stat);
	memset(times, 0, sizeof(times));
	for (i = 0; i < rounds; i++)
		for (j = 0; j < ARRAY_SIZE(passes); j++)
			run_round(&passes[j], &rnd, stat);
	printf("%-24s %-15s %8s %8s %9s %9s %9s %9s\n", "us; meanwhile", "here", "n", "median",
	       "99.99 %", "longest", "without", "half");
	for (i = 0; i < NR_CHANGES; i++)
		for (j = 0; j < NR_OPS; j++)
			if (times[i][j].n >= 100 || (j == BAR && times[i][j].n))
				report(&times[i][j], change_names[i], op_names[j]);
	axas_space_put(space);
	return 0;
}
