/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of tests share: suites that are run as TAP, a process for each test,
 * and words for what a test expects.
 *
 *   harness.c   runs the tests: a child process each, a limit of time
 *   expect.c    how a test says that something is not as it should be
 *   machine.c   the machine that they run on: its clock, kernel and reserved memory
 *   program.mk  how their programs are built
 *
 * A test is a function that returns when all is well. It runs in a process group of its
 * own, so it need not tidy up, and may drop capabilities.
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
 * @name: by which all of it can be asked for; NULL: it has none
 * @tests: they, in their order
 * @nr: how many
 * @every_format: of the user API's tests: they run once for each format of the build
 */
struct suite {
	const char *name;
	const struct test *tests;
	size_t nr;
	bool every_format;
};

/**
 * struct harness_options - what a program takes beside -l, -t SECONDS and parts of names
 * @letters: as getopt() takes them
 * @usage: the same for people
 * @take: is called for each that is given
 */
struct harness_options {
	const char *letters;
	const char *usage;
	void (*take)(int letter, const char *arg);
};

/**
 * harness_begin() - read the options, and begin with the output
 * @argc: main()'s
 * @argv: main()'s
 * @more: options of this program, or NULL
 *
 * Return: true if tests will run, false if -l asks for their names alone.
 */
bool harness_begin(int argc, char **argv, const struct harness_options *more);

/**
 * harness_suite() - run those of a suite that were asked for
 * @suite: the suite
 * @variant: what is told in brackets behind each name, or NULL
 */
void harness_suite(const struct suite *suite, const char *variant);

/**
 * harness_end() - say how many tests there were
 *
 * Return: the program's status.
 */
int harness_end(void);

/* expect.c: each ends the test when it does not hold */
_Noreturn __printf(3, 4) void fail_at(const char *file, int line, const char *fmt, ...);
_Noreturn __printf(1, 2) void skip(const char *fmt, ...);
__printf(1, 2) void note(const char *fmt, ...);	/* a comment in the output */
void equal_at(const char *file, int line, const char *what, long long got, long long want);

#define fail(...)		fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define expect(cond)		((cond) ? (void)0 : fail("%s does not hold", #cond))
#define expect_eq(got, want)	equal_at(__FILE__, __LINE__, #got, got, want)
#define expect_ok(call)		equal_at(__FILE__, __LINE__, #call, call, 0)
#define expect_libc(call) \
	((call) >= 0 ? (void)0 : fail("%s: %s", #call, strerror(errno)))

/* Run @run in a child; the test fails when it does. */
void in_child(void (*run)(void *arg), void *arg);

/* How a test's process ends, and what it has to say then, shared with the parent. */
enum { TEST_OK, TEST_FAILED, TEST_SKIPPED };

struct outcome {
	char reason[512];
};

extern struct outcome *outcome;
extern char test_context[128];	/* what a failure begins with */

/* machine.c */
u64 now_ms(void);
void sleep_ms(unsigned int ms);
unsigned int kernel_version(void);	/* 6012 is 6.12 */

/* Host-physical memory that the kernel leaves alone. */
struct window {
	u64 hpa;
	u64 size;
};

/**
 * find_window() - memory that is reserved for tests
 * @size: how many bytes at least
 * @align: of what its address is a multiple
 * @w: where it is
 *
 * AXAS_WINDOW=HPA,SIZE says where, or memmap=SIZE$HPA on the kernel's command line.
 *
 * Return: whether there is such memory.
 */
bool find_window(u64 size, u64 align, struct window *w);

#endif /* AXAS_TEST_HARNESS_H */
