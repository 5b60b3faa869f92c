/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything at once: declarations shared by test_fire.c (threads, what is checked) and
 * fire_ops.c (what a host thread does).
 *
 * Spaces, images, files and vCPUs are descriptors of fixed numbers, which are replaced by others
 * while threads use them. Each belongs to one of two families, which share nothing: every word at
 * an address is 0 or the one value that its family has there, whoever wrote, cloned, supplied or
 * shared it.
 */
#ifndef AXVCPU_TEST_FIRE_H
#define AXVCPU_TEST_FIRE_H

#include "vm.h"

#define AREA_SIZE	(16 * MIB)
#define AREA_PAGES	(AREA_SIZE / PAGE)
#define HOT_SIZE	(16 * PAGE)

#define FAMILY(n)	((n) % 2)
#define NR_SPACES	6	/* the last two are never replaced, and may wait for pages */
#define NR_CLONES	4	/* vCPUs run on these: their first MiB always has the guest */
#define NR_IMAGES	6	/* the first two are never replaced */
#define NR_RUNNERS	4
#define NR_HOSTS	4
#define CPU_THAT_GOES	1	/* and comes */

#define SPACE(n)	(200 + (int)(n))
#define IMAGE(n)	(210 + (int)(n))
#define VCPU(n)		(220 + (int)(n))
#define CONTENT(n)	(230 + (int)(n))

/* Counters, in memory that children share. */
#define NR_OPS		40

struct fire {
	atomic_bool stop, serve;
	atomic_ullong done[NR_OPS], refused[NR_OPS], by_host[NR_HOSTS];
	atomic_ullong entered, ended, faults, kicked, met, signals, supplied, hotplugs;
};

extern struct fire *fire;

/**
 * struct actor - one thread
 * @seed: of its random numbers
 * @child: it is the only thread of a child process, and does not fork
 */
struct actor {
	u32 seed;
	bool child;
};

static inline u32 below(struct actor *a, u32 n)
{
	a->seed ^= a->seed << 13;
	a->seed ^= a->seed >> 17;
	a->seed ^= a->seed << 5;
	return a->seed % n;
}

static inline u64 key_of(u32 family)
{
	return family ? 0x5a4b3c2d1e0f0000 : 0xa1b2c3d4e5f60000;
}

static inline u64 word_at(u32 family, u64 gpa)
{
	return key_of(family) ^ gpa;
}

/* Of a space's area, aligned to @unit bytes. Most are in few pages, so that threads meet there. */
static inline u64 any_gpa(struct actor *a, u32 unit)
{
	u64 size = unit <= PAGE && below(a, 4) ? HOT_SIZE : AREA_SIZE;

	return VM_TEST + (u64)below(a, size / unit) * unit;
}

/* Fail the test, unless each byte of @word is 0 or that of its family. */
void check_word(u32 family, u64 gpa, u64 word, const char *who);
/* Content of @len bytes at @gpa. */
void fill_words(u32 family, u64 gpa, u64 *words, u64 len);
/* Fail the test, unless a call may end so: with a result, or an error that is no defect. */
int allow(int ret, const char *what);
/* Replace descriptor @to by @fd, which is closed. */
void replace(int fd, int to);

/*
 * fire_ops.c: one operation, chosen at random; print how often each was done, and fail the test if
 * one of them never was; let go of all that the operations hold but the descriptors.
 */
void fire_prepare(void);
void fire_op(struct actor *a);
void fire_report(void);
void fire_end(void);

#endif /* AXVCPU_TEST_FIRE_H */
