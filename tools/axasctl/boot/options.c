// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options of the command boot, and which of them exclude each other. Calls nothing of boot but
 * the declarations of boot.h.
 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	OPT_KERNEL = 0x200, OPT_INITRD, OPT_CMDLINE, OPT_CPUS, OPT_STATS, OPT_NO_REBOOT, OPT_RAM,
	OPT_SUPPLY, OPT_LOG, OPT_MOVE, OPT_DISK, OPT_BALLOON, OPT_FORK, OPT_FORK_AT, OPT_FORK_TYPE,
	OPT_FORK_AGAIN, OPT_FORK_ON, OPT_SAVE, OPT_SAVE_AT, OPT_FROM,
};

static const struct argp_option boot_options[] = {
	{ "kernel", OPT_KERNEL, "FILE", 0, "The kernel (default: the running kernel's)", 0 },
	{ "initrd", OPT_INITRD, "FILE", 0, "Its initial RAM disk (default: none)", 0 },
	{ "cmdline", OPT_CMDLINE, "TEXT", 0, "Its command line (default: " ARCH_CMDLINE ")", 0 },
	{ "mem", OPT_MEM, "SIZE", 0, "Memory of the machine (default: 256M)", 1 },
	{ "cpus", OPT_CPUS, "N", 0, "Number of vCPUs, 1 to 16 (default: 1)", 1 },
	{ "populate", OPT_POPULATE, NULL, 0, "Allocate all memory before the start", 2 },
	{ "lazy", OPT_LAZY, NULL, 0, "Allocate each frame on first touch (default)", 2 },
	{ "huge", OPT_HUGE, "WHEN", 0, "2 MiB frames: always, never or advise", 2 },
	{ "around", OPT_AROUND, "N", 0, "A fault fills 2^N pages, N from 0 to 9 (default: 0)", 2 },
	{ "ram", OPT_RAM, "FILE", 0,
	  "Memory begins as FILE, whose pages are shared until written", 2 },
	{ "supply", OPT_SUPPLY, "FILE", 0,
	  "A thread supplies its memory from FILE, then zeroes", 2 },
	{ "log", OPT_LOG, NULL, 0, "Keep a dirty log, read ten times a second", 2 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
	  "End the machine after this time (default: never)", 3 },
	{ "disk", OPT_DISK, "FILE", 0, "A disk: a file, or vhost:SOCKET of a back end", 3 },
	{ "balloon", OPT_BALLOON, NULL, 0, "Free the memory that the guest reports as free", 2 },
	{ "move", OPT_MOVE, "SECONDS", 0,
	  "Move it to new vCPUs and a new space at this interval", 3 },
	{ "fork", OPT_FORK, "N", 0, "Freeze it, and run N clones of it", 4 },
	{ "fork-at", OPT_FORK_AT, "TEXT", 0, "Fork when it prints TEXT (default: at Ctrl-A f)", 4 },
	{ "fork-type", OPT_FORK_TYPE, "TEXT", 0, "Type TEXT into each clone; % is its number", 4 },
	{ "fork-again", OPT_FORK_AGAIN, "K", 0, "Reset clone K at the end, and run it again", 4 },
	{ "fork-on", OPT_FORK_ON, NULL, 0, "Run the machine itself, too, as number 0", 4 },
	{ "save", OPT_SAVE, "FILE", 0, "Save it to FILE once, while it keeps running", 5 },
	{ "save-at", OPT_SAVE_AT, "TEXT", 0, "Save when it prints TEXT (default: at Ctrl-A f)", 5 },
	{ "from", OPT_FROM, "FILE", 0, "Continue a machine that was saved", 5 },
	{ "no-reboot", OPT_NO_REBOOT, NULL, 0, "A reset ends the machine", 3 },
	{ "stats", OPT_STATS, NULL, 0, "Show exits, faults and memory at the end", 3 },
	{ "trace", OPT_TRACE, NULL, 0, "Show accesses to system registers", 3 },
	{ 0 }
};

static error_t take_mem(struct boot_args *b, const char *text)
{
	if (take_number(&b->args, "memory", text, &b->m.mem))
		return -EINVAL;
	if (!memory_can_be(b->m.mem))
		return usage_error(&b->args,
				   "memory is a multiple of 2M, from 64M to 1T: '%s'", text);
	return 0;
}

static error_t take_cpus(struct boot_args *b, const char *text)
{
	if (take_u32(&b->args, "number of vCPUs", text, &b->m.nr_cpus))
		return -EINVAL;
	if (!b->m.nr_cpus || b->m.nr_cpus > MAX_CPUS)
		return usage_error(&b->args, "there may be 1 to %u vCPUs, not %s", MAX_CPUS, text);
	return 0;
}

static error_t take_around(struct boot_args *b, const char *text)
{
	u64 order;

	if (take_number(&b->args, "N", text, &order))
		return -EINVAL;
	if (order > 9)
		return usage_error(&b->args, "--around takes a number from 0 to 9");
	b->m.map_flags &= ~AXAS_MAP_AROUND_MASK;
	b->m.map_flags |= AXAS_MAP_AROUND((u32)order);
	return 0;
}

static error_t parse_memory(int key, char *arg, struct argp_state *state)
{
	struct boot_args *b = state->input;

	switch (key) {
	case OPT_MEM:
		return take_mem(b, arg);
	case OPT_POPULATE:
		b->m.map_flags |= AXAS_MAP_POPULATE;
		return 0;
	case OPT_LAZY:
		b->m.map_flags &= ~AXAS_MAP_POPULATE;
		return 0;
	case OPT_HUGE:
		return take_huge(&b->args, arg, &b->m.map_flags);
	case OPT_AROUND:
		return take_around(b, arg);
	case OPT_RAM:
		b->m.ram_file = arg;
		return 0;
	case OPT_SUPPLY:
		b->m.supply = arg;
		return 0;
	case OPT_LOG:
		b->m.log = true;
		return 0;
	case OPT_BALLOON:
		b->m.balloon = true;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static error_t take_clones(struct boot_args *b, const char *text)
{
	if (take_u32(&b->args, "number of clones", text, &b->m.fork.nr))
		return -EINVAL;
	if (!b->m.fork.nr || b->m.fork.nr > AXAS_CLONE_MAX)
		return usage_error(&b->args, "there may be 1 to %u clones, not %s", AXAS_CLONE_MAX,
				   text);
	return 0;
}

static error_t parse_fork(int key, char *arg, struct argp_state *state)
{
	struct boot_args *b = state->input;

	switch (key) {
	case OPT_FORK:
		return take_clones(b, arg);
	case OPT_FORK_AT:
		b->m.fork.at = arg;
		return 0;
	case OPT_FORK_TYPE:
		b->m.fork.type = arg;
		return 0;
	case OPT_FORK_AGAIN:
		return take_u32(&b->args, "clone", arg, &b->m.fork.again);
	case OPT_FORK_ON:
		b->m.fork.on = true;
		return 0;
	case OPT_SAVE:
		b->m.saver.path = arg;
		return 0;
	case OPT_SAVE_AT:
		b->m.fork.at = arg;
		return 0;
	case OPT_FROM:
		b->m.from = arg;
		return 0;
	default:
		return parse_memory(key, arg, state);
	}
}

static error_t boot_parse(int key, char *arg, struct argp_state *state)
{
	struct boot_args *b = state->input;

	switch (key) {
	case OPT_KERNEL:
		b->m.kernel = arg;
		return 0;
	case OPT_INITRD:
		b->m.initrd = arg;
		return 0;
	case OPT_CMDLINE:
		b->m.cmdline = arg;
		return 0;
	case OPT_CPUS:
		return take_cpus(b, arg);
	case OPT_TIMEOUT:
		return take_u32(&b->args, "timeout", arg, &b->m.timeout);
	case OPT_DISK:
		b->disk = arg;
		return 0;
	case OPT_MOVE:
		return take_u32(&b->args, "interval", arg, &b->m.move_every);
	case OPT_NO_REBOOT:
		b->no_reboot = true;
		return 0;
	case OPT_STATS:
		b->stats = true;
		return 0;
	case OPT_TRACE:
		b->m.trace = true;
		return 0;
	default:
		return parse_fork(key, arg, state);
	}
}

static const struct argp boot_argp = {
	boot_options, boot_parse, "",
	"Boot Linux on vCPUs of this host.\n"
	"\v" ARCH_HELP "\n"
	"Ctrl-A x ends the machine, Ctrl-A h shows the other keys. The exit status is 0 if it\n"
	"powered off, or was ended by a key or a signal.",
	common_options, NULL, NULL
};

/* A space that is given, by --fd, $AXAS_FD or the shell's create, or -1. */
static int given_space(struct session *s)
{
	return s->fd_once >= 0 || s->fd >= 0 || getenv("AXAS_FD") ? need_space(s) : -1;
}

/* Debian names an uncompressed one vmlinux. */
static void set_default_kernel(struct boot_args *b)
{
	static const char *const names[] = { "vmlinux", "vmlinuz" };
	struct utsname name;

	uname(&name);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(b->default_kernel, sizeof(b->default_kernel), "/boot/%s-%s", names[i],
			 name.release);
		if (!access(b->default_kernel, R_OK))
			break;
	}
	b->m.kernel = b->default_kernel;
}

/* What was said of clones. 0 or -EINVAL. */
static error_t check_fork(struct boot_args *b)
{
	const struct fork_options *o = &b->m.fork;

	if (!o->nr && !b->m.saver.path && o->at)
		return usage_error(&b->args, "--fork-at and --save-at need --fork or --save");
	if (!o->nr && (o->type || o->again || o->on))
		return usage_error(&b->args, "--fork-type, --fork-again and --fork-on need --fork");
	if (o->again > o->nr)
		return usage_error(&b->args, "there is no clone %u", o->again);
	if (o->at && (!*o->at || strlen(o->at) > sizeof(b->m.out.line)))
		return usage_error(&b->args, "the text to wait for has 1 to %zu bytes",
				   sizeof(b->m.out.line));
	if (o->nr && !o->at && !isatty(STDIN_FILENO))
		return usage_error(&b->args, "--fork needs --fork-at where there are no keys");
	if (o->nr && (b->m.supply || b->m.log || b->m.move_every))
		return usage_error(&b->args, "--fork has neither --supply, --log nor --move");
	if (o->nr && b->disk)
		return usage_error(&b->args, "--fork has no --disk: all clones would write to it");
	b->m.out.until = o->at;
	b->m.fork.each = b->stats;
	return 0;
}

/* What was said of files of machines. 0 or -EINVAL. */
static error_t check_save(struct boot_args *b)
{
	const struct machine *m = &b->m;

	if (!m->saver.path && !m->from)
		return 0;
	if (m->saver.path && m->fork.nr)
		return usage_error(&b->args, "--save and --fork exclude each other");
	if (m->saver.path && !m->fork.at && !isatty(STDIN_FILENO))
		return usage_error(&b->args, "--save needs --save-at where there are no keys");
	if (m->supply || m->log || m->move_every || b->disk)
		return usage_error(&b->args,
				   "--save and --from have neither --supply, --log, --move nor --disk");
	if (m->from && m->ram_file)
		return usage_error(&b->args, "--from has no --ram");
	/* Which kernel it was is not known. */
	b->no_reboot |= !!m->from;
	return 0;
}

/* What was said of the memory and of moves. 0 or -EINVAL. */
static error_t check_memory(struct boot_args *b)
{
	const struct machine *m = &b->m;

	if (m->ram_file && (m->supply || m->log))
		return usage_error(&b->args, "--ram has neither --supply nor --log");
	if (m->move_every && b->disk && !strncmp(b->disk, "vhost:", 6))
		return usage_error(&b->args, "--move has no disk of another process");
	if (m->move_every && (m->given >= 0 || m->ram_file || m->supply))
		return usage_error(&b->args, "--move is for memory of its own");
	return 0;
}

int options_take(struct session *s, int argc, char **argv, struct boot_args *b, int *status)
{
	*b = (struct boot_args){
		.m = { .mem = 256ull << 20, .nr_cpus = 1, .cmdline = ARCH_CMDLINE,
		       .disk = -1 },
	};
	set_default_kernel(b);
	if (parse_args(s, &boot_argp, argc, argv, &b->args, status))
		return -EINVAL;
	b->m.given = given_space(s);
	*status = 1;
	if (check_memory(b) || check_fork(b) || check_save(b))
		return -EINVAL;
	/* The shell's image would not be the space's any more. */
	if (b->m.given >= 0 && b->m.given == s->fd && (b->m.fork.nr || b->m.saver.path))
		set_space(s, s->fd, -1, 0);
	return 0;
}
