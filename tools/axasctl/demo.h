/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The demo: declarations shared by demo.c (options, report) and demo_steps.c (steps).
 */
#ifndef AXASCTL_DEMO_H
#define AXASCTL_DEMO_H

#include "axasctl.h"

#define SHA256_TEXT	65	/* a SHA-256 in hexadecimal digits, NUL-terminated */

/**
 * struct demo - one run of the demo
 * @s: the session
 * @steps: the report for JSON
 * @failure: the first check that failed, or ""
 * @fd: the space
 * @format: the format requested
 * @file: name of the file, @data: its bytes, @len: their number, @sum: their SHA-256
 * @window: the reserved host-physical range, @window_size: its bytes, 0: none
 * @lazy: first address of the large lazy area, @lazy_len: its bytes
 * @touched: pages touched, and so frames that the space should hold
 * @secpagetables: SecPageTables of the system before the demo in KiB, or -1
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

/* A step returns true if the following steps can run. */
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
