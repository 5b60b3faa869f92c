// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command run: options and report. Calls guest.c.
 */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run_args {
	struct args args;
	struct guest guest;
};

static const struct argp_option run_options[] = {
	{ "mem", OPT_MEM, "SIZE", 0, "Memory for the guest (default: 64M)", 0 },
	{ "populate", OPT_POPULATE, NULL, 0, "Allocate all frames before the guest starts", 0 },
	{ "lazy", OPT_LAZY, NULL, 0, "Allocate each frame on first touch (default)", 0 },
	{ "huge", OPT_HUGE, "WHEN", 0, "2 MiB frames: always, never or advise", 0 },
	{ "format", 'f', "NAME", 0, "The space's format (default: the host CPU's)", 0 },
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
	  "End it after this time (default: 60; 0: never)", 0 },
	{ "trace", OPT_TRACE, NULL, 0, "Show each exit on standard error", 0 },
	{ 0 }
};

static int take_mem(struct args *args, const char *text, u64 *mem)
{
	if (take_number(args, "memory", text, mem))
		return -EINVAL;
	if (!*mem || *mem % PAGE || *mem > GUEST_MEM_MAX)
		return usage_error(args, "memory is pages of 4 KiB, at most 3 GiB: '%s'", text);
	return 0;
}

static error_t run_parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *r = state->input;
	u32 seconds;

	switch (key) {
	case OPT_MEM:
		return take_mem(&r->args, arg, &r->guest.mem);
	case OPT_POPULATE:
		r->guest.map_flags |= AXAS_MAP_POPULATE;
		return 0;
	case OPT_LAZY:
		r->guest.map_flags &= ~AXAS_MAP_POPULATE;
		return 0;
	case OPT_HUGE:
		return take_huge(&r->args, arg, &r->guest.map_flags);
	case 'f':
		return take_format(&r->args, arg, &r->guest.format);
	case OPT_TIMEOUT:
		if (take_u32(&r->args, "timeout", arg, &seconds))
			return -EINVAL;
		r->guest.timeout = seconds * 1000ull;
		return 0;
	case OPT_TRACE:
		r->guest.trace = true;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp run_argp = {
	run_options, run_parse, "GUEST",
	"Run a guest, and show its use of memory.\n"
	"\vGUEST is an ELF file for this architecture, or code for address 0x100000. It starts\n"
	"with 4 GiB identity mapped, and the address and the size of its memory as arguments\n"
	"of a function. A byte that it writes to port 0xe9 is printed; a write to port 0xf4,\n"
	"or a HLT, ends it. Where there are no ports they are bytes from 0xf0000000 on. The\n"
	"exit status is 0 if it wrote 0 to port 0xf4, or halted.",
	common_options, NULL, NULL
};

static const char *how_it_ended(const struct guest *g, char *buf, size_t len)
{
	const struct axvcpu_exit *exit = &g->exit;
	u64 data;

	if (g->timed_out)
		return "it was still running when its time was over";
	if (guest_port(exit, &data) == PORT_END) {
		snprintf(buf, len, "it ended with status %llu", data);
		return buf;
	}
	switch (exit->reason) {
	case AXVCPU_EXIT_HALT:
		return "it halted";
	case AXVCPU_EXIT_NESTED_PAGE_FAULT:
		snprintf(buf, len, "at %#llx it wanted %s of %#llx: %s", exit->rip,
			 axas_prot_name(exit->nested_page_fault.access),
			 exit->nested_page_fault.gpa,
			 axas_fault_name(exit->nested_page_fault.result));
		return buf;
	case AXVCPU_EXIT_MMIO_READ:
	case AXVCPU_EXIT_MMIO_WRITE:
		/* The gpa is the first field of both exits. */
		snprintf(buf, len, "before %#llx it wanted %s of %#llx: hole", exit->rip,
			 axas_prot_name(exit->reason == AXVCPU_EXIT_MMIO_READ ? AXAS_PROT_READ :
								   AXAS_PROT_WRITE),
			 exit->mmio_read.gpa);
		return buf;
	case AXVCPU_EXIT_SYSTEM_DOWN:
		snprintf(buf, len, "at %#llx it went down", exit->rip);
		return buf;
	default:
		snprintf(buf, len, "at %#llx it came out with %s %#llx", exit->rip,
			 axvcpu_exit_name(exit->reason), exit->raw[0]);
		return buf;
	}
}

static int status_of(const struct guest *g)
{
	u64 data;

	if (g->timed_out)
		return 1;
	if (guest_port(&g->exit, &data) == PORT_END)
		return data != 0;
	return g->exit.reason != AXVCPU_EXIT_HALT;
}

static void report_text(const struct guest *g, const struct axas_info *in,
			const struct axvcpu_state *state)
{
	char buf[128];

	printf("guest    %s\n", how_it_ended(g, buf, sizeof(buf)));
	printf("exits    %llu entries:", state->entries);
	for (u32 i = 0; i < ARRAY_SIZE(state->exits); i++)
		if (state->exits[i])
			printf(" %s %llu", axvcpu_exit_name(i), state->exits[i]);
	putchar('\n');
	print_faults(in);
	printf("frames   %llu of 4 KiB\n", in->frames);
	print_leaves(in);
	printf("tables   %llu (%s)\n", in->tables, axas_format_name(in->format));
}

static void report_json(const struct guest *g, const struct axas_info *in,
			const struct axvcpu_state *state)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *exits = json_object_new_object();
	char buf[128];

	add_str(obj, "end", how_it_ended(g, buf, sizeof(buf)));
	add_num(obj, "status", status_of(g));
	json_object_object_add(obj, "console", json_object_new_string_len(g->console ?: "",
									  g->console_len));
	add_num(obj, "entries", state->entries);
	for (u32 i = 0; i < ARRAY_SIZE(state->exits); i++)
		if (state->exits[i])
			add_num(exits, axvcpu_exit_name(i), state->exits[i]);
	json_object_object_add(obj, "exits", exits);
	add_faults(obj, in);
	add_num(obj, "frames", in->frames);
	add_leaves(obj, in);
	add_num(obj, "tables", in->tables);
	add_str(obj, "format", axas_format_name(in->format));
	answer(obj);
}

static int run_guest(struct session *s, struct guest *g, const char *file)
{
	struct axvcpu_state state;
	struct axas_info in;
	const char *what;
	u64 entry;
	int err;

	err = guest_make(g, &what);
	if (!err)
		err = guest_load(g, file, &entry, &what);
	if (!err)
		err = guest_start(g, entry, &what);
	if (!err)
		err = guest_run(g, &what);
	if (!err)
		err = axas_get_info(g->space, &in);
	if (!err)
		err = axvcpu_get_state(g->vcpu, &state);
	if (err)
		return fail(s, -err, "%s: %s", what, explain(what, -err));
	if (s->json)
		report_json(g, &in, &state);
	else
		report_text(g, &in, &state);
	return status_of(g);
}

int cmd_run(struct session *s, int argc, char **argv)
{
	struct run_args r = {
		.args = { .min = 1, .max = 1 },
		.guest = { .space = -1, .vcpu = -1, .mem = 64ull << 20, .timeout = 60000 },
	};
	int status;

	if (parse_args(s, &run_argp, argc, argv, &r.args, &status))
		return status;
	r.guest.quiet = s->json;
	status = run_guest(s, &r.guest, r.args.arg[0]);
	guest_free(&r.guest);
	return status;
}
