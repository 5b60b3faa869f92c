/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of the command boot: declarations of options.c for cmd_boot.c. */
#ifndef AXASCTL_BOOT_OPTIONS_H
#define AXASCTL_BOOT_OPTIONS_H

#include "boot.h"

/**
 * struct boot_args - what was given on the command line
 * @args: of every command
 * @m: the machine, as far as options describe it
 * @stats: show exits, faults and memory at its end
 * @no_reboot: a reset ends it
 * @disk: a file's path, or vhost:SOCKET, or NULL
 * @default_kernel: where the path of the running kernel is
 */
struct boot_args {
	struct args args;
	struct machine m;
	bool stats;
	bool no_reboot;
	const char *disk;
	char default_kernel[256];
};

/* 0, or another value if @status is the command's already. */
int options_take(struct session *s, int argc, char **argv, struct boot_args *b, int *status);

#endif /* AXASCTL_BOOT_OPTIONS_H */
