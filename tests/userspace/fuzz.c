// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer: random programs for the model, each from its own seed.
 *
 *   fuzz [--seconds N] [--programs N] [--operations N]	search for a failing program, until
 *	[--seed N] [--ops N]				the first of these is reached; N a program
 *	[--shrink 0|1]					default 1
 *	[--model space|family]				default space; first of all options
 *   fuzz --replay FILE						run a program again, with a trace
 *   fuzz --write FILE --seed N [--ops N]			write a program to FILE
 *
 * A program that fails (or crashes: each batch runs in a child) is minimized and written to
 * crash-SEED.axas for --replay. The last line counts the programs run.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model.h"

#define MOST_OPS	4096

/* Seconds; a program takes a fraction of one. */
#define HANGS_AFTER	300

/* Progress of the child, in shared memory. */
struct progress {
	u64 seed;
	u64 ops;
	u64 programs;
};

static struct progress *progress;
static unsigned int ops_each = 300;
static bool shrinks = true;
static const char *argv0;

/* What the programs are for: model_run() or family_run(). */
static const char *(*run)(const struct model_op *ops, unsigned int n, bool trace) = model_run;

static const char *model_name(void)
{
	return run == model_run ? "space" : "family";
}

static unsigned int generate(struct model_op *ops, u64 seed)
{
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, seed * 0x9e3779b97f4a7c15ull + 1);
	for (i = 0; i < ops_each; i++) {
		u32 x = prandom_u32_state(&rnd), y = prandom_u32_state(&rnd);
		u32 near = prandom_u32_state(&rnd);

		ops[i] = (struct model_op){ x, x >> 8, x >> 16, y, y >> 16 };
		/* Prefer pages near the previous operation or a boundary. */
		if (i && near % 4 < 2)
			ops[i].page = ops[i - 1].page + near / 4 % 16 - 8;
		else if (near % 4 == 2)
			ops[i].page = (near / 4 % 5) * 512 + near / 32 % 8 - 4;
	}
	return ops_each;
}

static double now(void)
{
	return ktime_get_ns() / 1e9;
}

/* Run a program in a child; 0 if it passes. */
static int run_quietly(const struct model_op *ops, unsigned int n)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		alarm(20);
		_exit(run(ops, n, false) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* Minimize a failing program: remove halves, quarters, ..., single operations. */
static unsigned int shrink(struct model_op *ops, unsigned int n)
{
	static struct model_op trial[MOST_OPS];
	double end = now() + 120;
	unsigned int size, at;

	for (size = n / 2; size && now() < end; size /= 2) {
		for (at = 1; at < n && now() < end;) {
			unsigned int cut = min(size, n - at);

			memcpy(trial, ops, at * sizeof(*ops));
			memcpy(trial + at, ops + at + cut, (n - at - cut) * sizeof(*ops));
			if (run_quietly(trial, n - cut)) {
				n -= cut;
				memcpy(ops, trial, n * sizeof(*ops));
			} else {
				at += cut;
			}
		}
	}
	return n;
}

static void write_file(const char *name, const struct model_op *ops, unsigned int n)
{
	FILE *file = fopen(name, "w");

	if (!file || fwrite(ops, sizeof(*ops), n, file) != n || fclose(file))
		perror(name);
}

static int replay(const char *name)
{
	static struct model_op ops[MOST_OPS];
	FILE *file = fopen(name, "r");
	const char *why;
	size_t n;

	if (!file) {
		perror(name);
		return 2;
	}
	n = fread(ops, sizeof(*ops), MOST_OPS, file);
	fclose(file);
	why = n ? run(ops, n, true) : NULL;
	printf("%s\n", why ?: "all agreed");
	return !!why;
}

static void report(u64 seed)
{
	static struct model_op ops[MOST_OPS];
	unsigned int n = generate(ops, seed);
	char name[64];

	printf("seed %llu fails; making it smaller\n", seed);
	n = shrink(ops, n);
	snprintf(name, sizeof(name), "crash-%llu.axas", seed);
	write_file(name, ops, n);
	printf("%u operations are left: %s --model %s --replay %s\n", n - 1, argv0, model_name(),
	       name);
	fflush(stdout);
	if (!fork()) {
		dup2(1, 2);
		replay(name);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

/* Of a program that is built to count lines: see scripts/coverage.sh. A child's end does it not. */
extern int __llvm_profile_write_file(void) __attribute__((weak));

/* In the child: run consecutive seeds until one of these is reached. */
static int batch(u64 seed, u64 programs, u64 operations, double end)
{
	static struct model_op ops[MOST_OPS];

	for (; programs-- && progress->ops < operations && now() < end; seed++) {
		const char *why;

		progress->seed = seed;
		/* One that hangs. */
		alarm(HANGS_AFTER);
		why = run(ops, generate(ops, seed), false);
		progress->ops += model_nr_ops;
		model_nr_ops = 0;
		progress->programs++;
		if (why) {
			printf("seed %llu: %s\n", seed, why);
			fflush(stdout);
			return 1;
		}
	}
	if (__llvm_profile_write_file)
		__llvm_profile_write_file();
	return 0;
}

static int fuzz(u64 seed, u64 programs, u64 operations, double seconds)
{
	double start = now();
	int status, failed;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(batch(seed, programs, operations, start + seconds));
	waitpid(pid, &status, 0);
	failed = !!status;
	if (failed && shrinks)
		report(progress->seed);
	printf("fuzz: %s: %llu operations in %llu programs, %.0f a second, ", model_name(),
	       progress->ops, progress->programs, progress->ops / (now() - start));
	printf("seeds %llu to %llu, %d failed\n", seed, progress->seed, failed);
	return failed;
}

int main(int argc, char **argv)
{
	u64 seed = 1, programs = ~0ull, operations = ~0ull;
	const char *write = NULL;
	double seconds = 1e9;
	int i;

	argv0 = argv[0];
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 1; i + 1 < argc; i += 2) {
		const char *val = argv[i + 1];

		if (!strcmp(argv[i], "--seconds"))
			seconds = strtod(val, NULL);
		else if (!strcmp(argv[i], "--programs"))
			programs = strtoull(val, NULL, 0);
		else if (!strcmp(argv[i], "--operations"))
			operations = strtoull(val, NULL, 0);
		else if (!strcmp(argv[i], "--ops"))
			ops_each = min(strtoul(val, NULL, 0), (unsigned long)MOST_OPS);
		else if (!strcmp(argv[i], "--shrink"))
			shrinks = strtoul(val, NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(val, NULL, 0);
		else if (!strcmp(argv[i], "--model"))
			run = strcmp(val, "family") ? model_run : family_run;
		else if (!strcmp(argv[i], "--replay"))
			return replay(val);
		else if (!strcmp(argv[i], "--write"))
			write = val;
		else
			break;
	}
	if (i < argc) {
		fprintf(stderr, "see the top of fuzz.c for how to call it\n");
		return 2;
	}
	if (write) {
		static struct model_op ops[MOST_OPS];

		write_file(write, ops, generate(ops, seed));
		return 0;
	}
	return fuzz(seed, programs, operations, seconds);
}
