/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests: declarations shared by cmd_run.c (options, report) and guest.c (memory, the vCPU).
 */
#ifndef AXASCTL_GUEST_H
#define AXASCTL_GUEST_H

#include "axasctl.h"

/* Guest-physical layout: below SYSTEM_SIZE tables (x86 only), stack and image. */
#define GUEST_TABLES		0x1000ull
#define GUEST_STACK		0x90000ull
#define GUEST_IMAGE		0x100000ull
#define GUEST_SYSTEM_SIZE	0x1000000ull
#define GUEST_MEM		0x40000000ull
#define GUEST_MEM_MAX		(3 * GUEST_MEM)	/* tables map 4 GiB */

#define PORT_CONSOLE		0xe9
#define PORT_END		0xf4
#define GUEST_DEVICES		0xf0000000ull	/* MMIO where there are no ports */

/**
 * struct guest - one guest
 * @space: its memory
 * @vcpu: its vCPU
 * @mem: bytes at GUEST_MEM
 * @format: AXAS_FORMAT_* of the space
 * @map_flags: AXAS_MAP_* of the memory
 * @timeout: time limit in milliseconds; 0: none
 * @trace: print each exit
 * @quiet: do not print the console, only store it in @console
 * @console: console output, @console_len bytes
 * @exit: the exit that ended the guest
 * @timed_out: the time limit ended the guest
 */
struct guest {
	int space;
	int vcpu;
	u64 mem;
	u32 format;
	u32 map_flags;
	u64 timeout;
	bool trace;
	bool quiet;
	char *console;
	size_t console_len;
	struct axvcpu_exit exit;
	bool timed_out;
};

/* 0, or -errno with the failed step in @what. */
int guest_make(struct guest *g, const char **what);
int guest_load(struct guest *g, const char *file, u64 *entry, const char **what);
int guest_start(struct guest *g, u64 entry, const char **what);
int guest_run(struct guest *g, const char **what);
void guest_free(struct guest *g);

/* The port of a write exit, with the value in @data; -1 for other exits. */
int guest_port(const struct axvcpu_exit *exit, u64 *data);

#endif /* AXASCTL_GUEST_H */
