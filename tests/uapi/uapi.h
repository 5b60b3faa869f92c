/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axas_uapi_test: declarations shared by its files.
 *
 *   ../lib/          the harness and the expect macros
 *   main.c           list of suites; runs them for each format
 *   space.c          helpers for spaces on top of libaxas; snapshots of a space
 *   host.c           the machine: memory counters, reserved window, capabilities
 *   mapping.c        a descriptor as a file: mappings, holes, opening again
 *   fuse.c           a file system whose server does as it is told
 *   test_SUBJECT.c   one suite each
 */
#ifndef AXAS_UAPI_TEST_H
#define AXAS_UAPI_TEST_H

#include <libaxas.h>
#include <sys/types.h>

#include "harness.h"

#define RO	AXAS_PROT_READ
#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)
#define RX	(AXAS_PROT_READ | AXAS_PROT_EXEC)
#define RWX	AXAS_PROT_MASK

/* main.c */
extern u32 test_format;		/* format of new spaces */
extern u32 test_seed;
extern u32 test_ops;		/* random calls per format; 0: default */
extern u32 taint_before;	/* kernel taint at the start of the tests */
u32 read_taint(void);		/* now */

extern const struct suite suite_system, suite_envelope, suite_refuse, suite_map,
	suite_areas, suite_many, suite_fault, suite_huge, suite_discard, suite_filemem,
	suite_fuse, suite_log, suite_supply, suite_crowd, suite_image, suite_image_life,
	suite_image_mmap,
	suite_shared, suite_backend, suite_access,
	suite_buffer, suite_single, suite_file, suite_mmap, suite_mmap_race, suite_hostile,
	suite_words, suite_rules, suite_rights, suite_account, suite_stock, suite_life,
	suite_threads, suite_random, suite_model, suite_model_mmap, suite_watch, suite_trace,
	suite_failnth, suite_garbage, suite_last;

/* space.c: functions without an error result fail the test on error */
int dev_open(void);
int new_space(void);		/* format under test, default size */
int image_of(int fd);		/* freezes */
int clone_of(int image);
int populate(int fd, u64 gpa, u64 len);		/* axas_populate() that checks each step */
struct axas_info info(int fd);
u64 mapped_pages(const struct axas_info *info);	/* mapped by all leaves, in 4 KiB pages */
u32 areas_from(int fd, u64 start, struct axas_area_info *buf, u32 room, u32 *more);
u64 space_end(int fd);		/* first address after the space */
bool prot_possible(int fd, u32 prot);

/* Snapshot of a space, for comparison. */
#define STATE_AREAS	64

struct state {
	struct axas_info info;
	struct axas_area_info areas[STATE_AREAS];
	u32 nr;
};

enum {
	SAME_ALL = 0,
	TABLES_MAY_STAY = 1,	/* empty tables may stay until the range is unmapped */
	FAULTS_MAY_COUNT = 2,	/* fault counters may change */
	LEAVES_MAY_SPLIT = 4,	/* the same memory may be mapped by smaller leaves */
	TABLES_MAY_GO = 8,	/* what the dirty log has put aside may be back in its place */
};

void take_state(int fd, struct state *st);
void same_at(const char *file, int line, int fd, const struct state *before, int flags);
void refused_at(const char *file, int line, int fd, unsigned long nr, void *arg, int err,
		const char *what);

#define expect_same(fd, before, flags)	same_at(__FILE__, __LINE__, fd, before, flags)
/* The call returns -@err and changes nothing. */
#define expect_refused(fd, nr, arg, err, what) \
	refused_at(__FILE__, __LINE__, fd, nr, arg, err, what)

/* host.c */
struct window window(void);		/* fails the test if there is none */
long meminfo(const char *key);		/* KiB, or -1 */
long locked_kib(pid_t pid);		/* VmLck; needs no lock of the process */
bool read_file(const char *path, char *buf, size_t len);
bool write_file(const char *path, const char *text);
void drop_cap(int cap);
void become_nobody(void);
int count_fds(void);
void *guarded_pages(size_t pages);	/* with an unmapped page on either side */
u32 random_u32(u32 *seed);

/* mapping.c: functions without an error result fail the test on error */
int new_kind(bool pinnable);	/* a space whose mappings are pinnable, or watched */
u8 *map_at(int fd, u64 gpa, u64 len, int prot);
u8 *map_rw(int fd, u64 gpa, u64 len);
int punch(int fd, u64 gpa, u64 len);		/* discard by fallocate() */
int reopen(int fd, int flags);			/* by /proc/self/fd */

#endif /* AXAS_UAPI_TEST_H */
