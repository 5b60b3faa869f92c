// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command boot: runs the machine, and reports. Calls options.c, fork.c, save.c, move.c,
 * machine.c and console.c.
 */
#include "options.h"

#include <stdio.h>

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
		err = m->memory.lost ? m->memory.lost : m->err;
		what = m->memory.lost ? "supply" : m->what;
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

int cmd_boot(struct session *s, int argc, char **argv)
{
	static struct boot_args b;
	int status;

	if (options_take(s, argc, argv, &b, &status))
		return status;
	return boot(s, &b);
}
