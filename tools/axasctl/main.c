// SPDX-License-Identifier: GPL-2.0-only
/*
 * axasctl: the command line of axas. This file parses the options before the command; cmd.c has
 * the commands.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct argp_option options[] = {
	{ "version", OPT_VERSION, NULL, 0, "Show the version", 99 },
	{ 0 }
};

struct main_args {
	struct args args;
	int first;	/* index of the command's name */
	bool version;	/* --version was printed */
};

static void list_commands(void)
{
	puts("\nCommands:");
	for (size_t i = 0; i < nr_commands; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].what);
	puts("\nA space lives as long as a descriptor of it is open. Two ways to keep it open:\n"
	     "  axasctl shell                    commands on one space, typed or from a script\n"
	     "  axasctl create -- COMMAND ...    COMMAND runs with the space in $AXAS_FD,\n"
	     "                                   where each command finds it\n"
	     "axasctl --pid PID COMMAND works on the space that another process has open.\n"
	     "`axasctl COMMAND --help' shows the options of a command.");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct main_args *m = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		m->first = state->next - 1;
		state->next = state->argc;
		return 0;
	case OPT_VERSION:
		m->args.helped = true;
		m->version = true;
		printf("axasctl %s, API version %d\n", AXASCTL_VERSION, AXAS_API_VERSION);
		return -ECANCELED;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp argp = {
	options, parse, "COMMAND [ARG...]",
	"Create and inspect guest-physical address spaces.",
	common_options, NULL, NULL
};

static int misused(struct session *s)
{
	fail(s, EINVAL, "no command (see axasctl --help)");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct session s = { .fd = -1, .fd_once = -1, .fd_of_pid = -1, .image = -1 };
	struct main_args m = { .args = { .s = &s } };
	int status;

	if (argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP | ARGP_IN_ORDER, NULL,
		       &m.args))
		status = m.args.helped ? 0 : m.args.reported && !s.misused ? 1 : EXIT_USAGE;
	else if (!m.first)
		status = misused(&s);
	else
		status = run_command(&s, argc - m.first, argv + m.first);
	if (m.args.helped && !m.version)
		list_commands();
	if (fflush(stdout) || ferror(stdout))
		status = fail(&s, errno, "standard output: %s", strerror(errno));
	return status;
}
