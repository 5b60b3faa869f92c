/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test harness in user space: suites run as TAP with one process per test, and the
 * expect macros.
 *
 *   harness.c   the runner: one child process per test, time limit
 *   expect.c    fail, skip, note, compare
 *   failnth.c   the n-th allocation fails
 *   machine.c   the machine under test: clock, kernel version, reserved memory
 *   signals.c   accesses to memory that may end in a signal
 *   trace.c     events of the kernel's tracing
 *   program.mk  build rules of the test programs
 *
 * A test is a function that returns on success. It runs in its own process group, so it need
 * not clean up, and may drop capabilities.
 */
#ifndef AXAS_TEST_HARNESS_H
#define AXAS_TEST_HARNESS_H

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define PAGE	4096ull
#define MIB	0x100000ull
#define GIB	0x40000000ull
#define TIB	0x10000000000ull

struct test {
	const char *name;
	void (*run)(void);
};

/**
 * struct suite - tests of one subject
 * @name: selects the whole suite on the command line; NULL: it has no name
 * @tests: the tests, in the order in which they run
 * @nr: number of @tests
 * @every_format: run the suite once for each format of the build (user API tests only)
 */
struct suite {
	const char *name;
	const struct test *tests;
	size_t nr;
	bool every_format;
};

/**
 * struct harness_options - options of a program besides -l, -t SECONDS and parts of names
 * @letters: option string for getopt()
 * @usage: the options in the usage message
 * @take: called for each option given
 */
struct harness_options {
	const char *letters;
	const char *usage;
	void (*take)(int letter, const char *arg);
};

/**
 * harness_begin() - parse the options and start the output
 * @argc: main()'s
 * @argv: main()'s
 * @more: further options of the program, or NULL
 *
 * Return: true to run the tests, false if -l only lists their names.
 */
bool harness_begin(int argc, char **argv, const struct harness_options *more);

/**
 * harness_suite() - run or list the selected tests of a suite
 * @suite: the suite
 * @variant: appended to each name in brackets, or NULL
 */
void harness_suite(const struct suite *suite, const char *variant);

/**
 * harness_end() - print the TAP plan
 *
 * Return: exit status of the program: 1 if a test failed, else 0.
 */
int harness_end(void);

/* expect.c: a check that does not hold ends the test */
_Noreturn __printf(3, 4) void fail_at(const char *file, int line, const char *fmt, ...);
_Noreturn __printf(1, 2) void skip(const char *fmt, ...);
__printf(1, 2) void note(const char *fmt, ...);	/* a TAP comment */
void equal_at(const char *file, int line, const char *what, long long got, long long want);

#define fail(...)		fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define expect(cond)		((cond) ? (void)0 : fail("%s does not hold", #cond))
#define expect_eq(got, want)	equal_at(__FILE__, __LINE__, #got, got, want)
#define expect_ok(call)		equal_at(__FILE__, __LINE__, #call, call, 0)
#define expect_libc(call) \
	((call) >= 0 ? (void)0 : fail("%s: %s", #call, strerror(errno)))

/* Run @run in a child process; its failure is the test's. */
void in_child(void (*run)(void *arg), void *arg);

/* Exit status of a test's process, and its reason in memory shared with the parent. */
enum { TEST_OK, TEST_FAILED, TEST_SKIPPED };

struct outcome {
	char reason[512];
};

extern struct outcome *outcome;
extern char test_context[128];	/* prefix of failure reasons */

/* machine.c */
u64 now_ms(void);
void sleep_ms(unsigned int ms);
unsigned int kernel_version(void);	/* 6012 is 6.12 */

/* Host-physical memory reserved from the kernel. */
struct window {
	u64 hpa;
	u64 size;
};

/**
 * find_window() - find host-physical memory reserved for tests
 * @size: minimum size in bytes
 * @align: alignment of its address in bytes
 * @w: out: the memory
 *
 * AXAS_WINDOW=HPA,SIZE in the environment gives it, or memmap=SIZE$HPA on the kernel's command
 * line.
 *
 * Return: true if there is such memory.
 */
bool find_window(u64 size, u64 align, struct window *w);

/* signals.c: SIGBUS and SIGSEGV of these do not kill, once they are caught */
void catch_bus(void);
int read_signal(const void *p);		/* the signal that the access ends in, or 0 */
int write_signal(void *p, u8 val);
int signal_code(void);			/* si_code of this thread's last signal */
int try_load(const u64 *p, u64 *val);	/* of a word: a single access */
int try_store(u64 *p, u64 val);

/* failnth.c: skips the test if this kernel cannot do it; limit of allocations per call */
#define FAIL_NTH_LIMIT	2000
int fail_nth_open(void);
void fail_nth_arm(int nth, int n);
bool fail_nth_disarm(int nth);		/* whether a failure was injected */
/* Each ioctl that @fd has is one that @is_tested() knows. */
void expect_calls_tested(int fd, bool (*is_tested)(unsigned long nr));
bool is_injected_error(int err);	/* ENOMEM; with CONFIG_FAIL_USERCOPY also EFAULT */

/* trace.c: the number of a space or an image, as its fdinfo tells */
unsigned int space_id(int fd);

/* Events of this process. Ends the test if the kernel has no tracing. */
void trace_begin(const char *event);	/* SYSTEM or SYSTEM/EVENT */
void trace_end(void);
/* How many such events there are, whose fields begin with @fields. */
unsigned int trace_count(const char *event, const char *fields);
/* There is such an event, whose fields begin with these; its " ns=" is a number. */
__printf(4, 5) void trace_expect_at(const char *file, int line, const char *event,
				    const char *fmt, ...);
#define trace_expect(...)	trace_expect_at(__FILE__, __LINE__, __VA_ARGS__)

#endif /* AXAS_TEST_HARNESS_H */
