// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command boot: options and report. Calls fork.c, save.c, move.c, machine.c and console.c.
 */
#include "boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MEM_MIN		0x4000000ull
#define MEM_MAX		0x10000000000ull

enum {
	OPT_KERNEL = 0x200, OPT_INITRD, OPT_CMDLINE, OPT_CPUS, OPT_STATS, OPT_NO_REBOOT, OPT_RAM,
	OPT_SUPPLY, OPT_LOG, OPT_MOVE, OPT_DISK, OPT_BALLOON, OPT_FORK, OPT_FORK_AT, OPT_FORK_TYPE,
	OPT_FORK_AGAIN, OPT_SAVE, OPT_SAVE_AT, OPT_FROM,
};

struct boot_args {
	struct args args;
	struct machine m;
	bool stats;
	bool no_reboot;
	const char *disk;
	char default_kernel[256];
};

static const struct argp_option boot_options[] = {
	{ "kernel", OPT_KERNEL, "FILE", 0, "The kernel (default: the running kernel's)", 0 },
	{ "initrd", OPT_INITRD, "FILE", 0, "Its initial RAM disk (default: none)", 0 },
	{ "cmdline", OPT_CMDLINE, "TEXT", 0, "Its command line (default: " ARCH_CMDLINE ")", 0 },
	{ "mem", OPT_MEM, "SIZE", 0, "Memory of the machine (default: 256M)", 1 },
	{ "cpus", OPT_CPUS, "N", 0, "Number of vCPUs, 1 to 16 (default: 1)", 1 },
	{ "populate", OPT_POPULATE, NULL, 0, "Give it all its memory before it starts", 2 },
	{ "lazy", OPT_LAZY, NULL, 0, "Give each frame on first touch (default)", 2 },
	{ "huge", OPT_HUGE, "WHEN", 0, "2 MiB frames: always, never or advise", 2 },
	{ "around", OPT_AROUND, "N", 0, "A fault fills 2^N pages, N from 0 to 9 (default: 0)", 2 },
	{ "ram", OPT_RAM, "FILE", 0, "It begins as FILE, whose pages are shared until written", 2 },
	{ "supply", OPT_SUPPLY, "FILE", 0, "A thread brings its pages from FILE, then zeroes", 2 },
	{ "log", OPT_LOG, NULL, 0, "Collect which pages are written, ten times a second", 2 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "End it after so long (default: never)", 3 },
	{ "disk", OPT_DISK, "FILE", 0, "A disk, or vhost:SOCKET of its back end", 3 },
	{ "balloon", OPT_BALLOON, NULL, 0, "Take back what it reports as free", 2 },
	{ "move", OPT_MOVE, "SECONDS", 0, "Move it to other vCPUs and another space so often", 3 },
	{ "fork", OPT_FORK, "N", 0, "Freeze it, and run N clones of it instead", 4 },
	{ "fork-at", OPT_FORK_AT, "TEXT", 0, "That when it prints TEXT (default: at Ctrl-A f)", 4 },
	{ "fork-type", OPT_FORK_TYPE, "TEXT", 0, "Type TEXT into each; % is its number", 4 },
	{ "fork-again", OPT_FORK_AGAIN, "K", 0, "Reset clone K at the end, and run it again", 4 },
	{ "save", OPT_SAVE, "FILE", 0, "Save it to FILE once, while it runs on", 5 },
	{ "save-at", OPT_SAVE_AT, "TEXT", 0, "That when it prints TEXT (default: at Ctrl-A f)", 5 },
	{ "from", OPT_FROM, "FILE", 0, "It goes on as one that was saved", 5 },
	{ "no-reboot", OPT_NO_REBOOT, NULL, 0, "A reset ends the machine", 3 },
	{ "stats", OPT_STATS, NULL, 0, "Show exits, faults and memory at its end", 3 },
	{ "trace", OPT_TRACE, NULL, 0, "Show accesses to system registers", 3 },
	{ 0 }
};

static error_t take_mem(struct boot_args *b, const char *text)
{
	if (take_number(&b->args, "memory", text, &b->m.mem))
		return -EINVAL;
	if (b->m.mem < MEM_MIN || b->m.mem > MEM_MAX || b->m.mem % (2ull << 20))
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
	"Ctrl-A x ends it, Ctrl-A h shows the other keys. The status is 0 when it powered\n"
	"off, or was ended by a key or a signal.",
	common_options, NULL, NULL
};

static const char *how_it_ended(const struct machine *m)
{
	switch (m->ending) {
	case POWERED_OFF:
		return "it powered off";
	case RESET:
		return "it was reset";
	case FORKED:
		return "it was forked";
	case QUIT:
		return "it was ended";
	case TIMED_OUT:
		return "it was still running when its time was over";
	case CRASHED:
		return m->msg;
	default:
		return "it failed";
	}
}

static void report(const struct machine *m, const struct axas_info *in)
{
	u64 total = 0;

	for (u32 i = 0; i < AXVCPU_NR_EXITS; i++)
		total += m->exits[i];
	printf("guest    %s after %.1f s\n", how_it_ended(m), (now_ns() - m->started) / 1e9);
	printf("exits    %llu:", total);
	for (u32 i = 0; i < AXVCPU_NR_EXITS; i++)
		if (m->exits[i])
			printf(" %s %llu", axvcpu_exit_name(i), m->exits[i]);
	putchar('\n');
	print_faults(in);
	if (m->disk >= 0)
		printf("disk     %llu %s\n", m->disk_requests,
		       m->vhost.there ? "kicks" : "requests");
	if (m->balloon)
		printf("reported %llu pages as free\n", m->reported);
	if (m->saver.done)
		save_report(m);
	if (m->moves)
		printf("moved    %u times\n", m->moves);
	if (m->memory.serves)
		printf("supplied %llu blocks of 64 KiB\n", m->memory.blocks);
	if (m->memory.logs)
		printf("logged   %llu pages written, in %llu rounds\n", m->memory.logged,
		       m->memory.rounds);
	printf("frames   %llu of 4 KiB, of %llu\n", in->frames, m->mem / PAGE);
	print_leaves(in);
	printf("tables   %llu (%s), %.2f %% of the memory\n", in->tables,
	       axas_format_name(in->format), in->tables * PAGE * 100.0 / m->mem);
}

static int run_machine(struct boot_args *b, const char **what)
{
	struct machine *m = &b->m;
	int err;

	*what = "resume";
	err = m->from ? from_resume(m) : machine_load(m, what);
	while (!err) {
		err = machine_start(m, what);
		if (err)
			break;
		console_loop(m);
		machine_stop(m);
		if (m->ending == PAUSED && m->fork.nr)
			return machine_fork(m, what);
		if (m->ending == PAUSED) {
			err = m->saver.path ? save_begin(m, what) : machine_move(m, what);
			continue;
		}
		if (m->ending != RESET || b->no_reboot)
			break;
		*what = "reset";
		err = machine_reset(m);
		if (!err)
			err = machine_load(m, what);
	}
	return err;
}

/* A space that is given, by --fd, $AXAS_FD or the shell's create, or -1. */
static int given_space(struct session *s)
{
	return s->fd_once >= 0 || s->fd >= 0 || getenv("AXAS_FD") ? need_space(s) : -1;
}

static int open_files(struct boot_args *b, const char **what)
{
	struct machine *m = &b->m;
	int err;

	*what = b->disk;
	err = b->disk ? blk_open(m, b->disk) : 0;
	if (err || !m->from)
		return err;
	*what = m->from;
	err = from_open(m);
	if (err)
		saved_close(&m->begin);
	return err;
}

static int boot(struct session *s, struct boot_args *b)
{
	struct machine *m = &b->m;
	struct axas_info in;
	const char *what, *ignored;
	int err = open_files(b, &what);

	if (err)
		return fail(s, -err, "%s: %s", what, explain("image", -err));
	err = machine_create(m, &what);
	m->started = now_ns();
	if (!err)
		err = console_begin(m);
	if (!err)
		err = run_machine(b, &what);
	console_end();
	err = err ? err : save_end(m, &what);
	if (!err && m->ending == FAILED) {
		err = m->err;
		what = m->what;
	}
	if (!err)
		err = axas_get_info(m->space, &in);
	save_end(m, &ignored);
	machine_free(m);
	if (err)
		return fail(s, -err, "%s: %s", what, explain(what, -err));
	fflush(stdout);
	if (b->stats)
		report(m, &in);
	else if (m->ending != POWERED_OFF)
		fprintf(stderr, "axasctl boot: %s\n", how_it_ended(m));
	if (m->fork.at && m->out.until && m->ending != QUIT)
		fprintf(stderr, "axasctl boot: it did not print '%s'\n", m->fork.at);
	return m->ending == CRASHED || m->ending == TIMED_OUT || (m->fork.at && m->out.until);
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
	if (!o->nr && (o->type || o->again))
		return usage_error(&b->args, "--fork-type and --fork-again need --fork");
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

int cmd_boot(struct session *s, int argc, char **argv)
{
	static struct boot_args b;
	int status;

	b = (struct boot_args){
		.m = { .mem = 256ull << 20, .nr_cpus = 1, .cmdline = ARCH_CMDLINE,
		       .disk = -1 },
	};
	set_default_kernel(&b);
	if (parse_args(s, &boot_argp, argc, argv, &b.args, &status))
		return status;
	if (b.m.ram_file && (b.m.supply || b.m.log))
		return !!usage_error(&b.args, "--ram has neither --supply nor --log");
	b.m.given = given_space(s);
	if (check_fork(&b) || check_save(&b))
		return 1;
	/* The shell's image would not be the space's any more. */
	if (b.m.given >= 0 && b.m.given == s->fd && (b.m.fork.nr || b.m.saver.path))
		set_space(s, s->fd, -1, 0);
	if (b.m.move_every && b.disk && !strncmp(b.disk, "vhost:", 6))
		return !!usage_error(&b.args, "--move has no disk of another process");
	if (b.m.move_every && (b.m.given >= 0 || b.m.ram_file || b.m.supply))
		return !!usage_error(&b.args, "--move is for memory of its own");
	return boot(s, &b);
}
