/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The demo: what demo.c (options, report) and demo_steps.c (steps) share.
 */
#ifndef AXASCTL_DEMO_H
#define AXASCTL_DEMO_H

#include "axasctl.h"

#define SHA256_TEXT	65	/* a SHA-256 in hexadecimal digits, and a zero */

/**
 * struct demo - one run of the demo
 * @s: the session
 * @steps: the report for JSON
 * @failure: the first thing that was not as it should be, or ""
 * @fd: the space
 * @format: the format that was asked for
 * @file: name of the file, @data: its bytes, @len: how many, @sum: their SHA-256
 * @window: the reserved host-physical range, @window_size: its bytes, 0: none
 * @lazy: first address of the big lazy area, @lazy_len: its bytes
 * @touched: pages that have been touched, so frames that the space should hold
 * @secpagetables: the system's page-table memory before the demo in KiB, or -1
 */
struct demo {
	struct session *s;
	struct json_object *steps;
	char failure[256];
	int fd;
	u32 format;
	const char *file;
	u8 *data;
	u64 len;
	char sum[SHA256_TEXT];
	u64 window, window_size;
	u64 lazy, lazy_len;
	u64 touched;
	long secpagetables;
};

/* A step returns whether the steps after it make sense. */
struct demo_step {
	const char *title;
	bool (*run)(struct demo *d);
};

extern const struct demo_step demo_steps[];
extern const size_t nr_demo_steps;

__printf(3, 4) bool check(struct demo *d, bool ok, const char *fmt, ...);
__printf(2, 3) void note(struct demo *d, const char *fmt, ...);
long read_secpagetables(void);
void sha256_text(const void *buf, size_t len, char text[SHA256_TEXT]);

#endif /* AXASCTL_DEMO_H */
