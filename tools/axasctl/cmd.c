// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of commands and argument parsing: argp, with help and errors handled here because the
 * shell must survive both. Calls the commands, parse.c and report.c.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
	{ "create", cmd_create, "make a space, for a command or in the shell" },
	{ "mem", cmd_mem, "run a command, such as QEMU, that maps guest memory as a file" },
	{ "map", cmd_map, "map memory: from the allocator, or a fixed range" },
	{ "unmap", cmd_unmap, "unmap a range" },
	{ "protect", cmd_protect, "change the protection of a range" },
	{ "clear", cmd_clear, "remove every area" },
	{ "discard", cmd_discard, "free the frames of a range" },
	{ "log", cmd_log, "log which pages are written" },
	{ "supply", cmd_supply, "supply missing pages" },
	{ "populate", cmd_populate, "allocate the frames of a range now" },
	{ "collapse", cmd_collapse, "replace small leaves by larger ones" },
	{ "fault", cmd_fault, "handle a guest access as a vCPU would" },
	{ "translate", cmd_translate, "show what an address maps to" },
	{ "read", cmd_read, "read guest memory" },
	{ "write", cmd_write, "write guest memory" },
	{ "load", cmd_load, "write a file into guest memory" },
	{ "info", cmd_info, "show parameters and counters of the space" },
	{ "areas", cmd_areas, "list the areas" },
	{ "dump", cmd_dump, "show the mappings of the page table" },
	{ "show", cmd_show, "draw the map of guest memory, in the terminal or as SVG" },
	{ "top", cmd_top, "list all spaces: memory, faults and exits per second" },
	{ "latency", cmd_latency, "show how long faults take" },
	{ "formats", cmd_formats, "list the page-table formats of this build" },
	{ "image", cmd_image, "images: freeze, save, load, differences, reset" },
	{ "run", cmd_run, "run a guest on a vCPU" },
#ifdef AXASCTL_BOOT
	{ "boot", cmd_boot, "boot Linux on vCPUs" },
#endif
	{ "shell", cmd_shell, "run many commands on one space" },
	{ "demo", cmd_demo, "demonstrate and check the main functions" },
};

const size_t nr_commands = ARRAY_SIZE(commands);

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < nr_commands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/**
 * run_command() - run one command
 * @s: the session; --json, --fd and --pid apply to this command only
 * @argc: number of words
 * @argv: the words, the command's name first
 *
 * Return: the command's exit status; EXIT_USAGE instead of 1 if its arguments were wrong.
 */
int run_command(struct session *s, int argc, char **argv)
{
	const struct command *c = find_command(argv[0]);
	const char *outer = s->command;
	bool json = s->json;
	int fd_once = s->fd_once, fd_of_pid = s->fd_of_pid;
	int status;

	if (!c) {
		fail(s, EINVAL, "no command '%s'; see %s", argv[0],
		     s->in_shell ? "help" : "axasctl --help");
		return EXIT_USAGE;
	}
	s->command = c->name;
	s->misused = false;
	status = c->run(s, argc, argv);
	if (status == 1 && s->misused)
		status = EXIT_USAGE;
	s->misused = false;
	s->command = outer;
	s->json = json;
	s->fd_once = fd_once;
	if (s->fd_of_pid != fd_of_pid)
		close(s->fd_of_pid);
	s->fd_of_pid = fd_of_pid;
	fflush(stdout);
	return status;
}

const char *device_path(void)
{
	return getenv("AXAS_DEVICE");
}

/* The descriptor of the space to use; -1 after reporting an error. */
int need_space(struct session *s)
{
	const char *env = getenv("AXAS_FD");
	u64 n;

	if (s->fd_once >= 0)
		return s->fd_once;
	if (s->fd >= 0)
		return s->fd;
	if (!env) {
		fail(s, EBADF, "no space: %s", s->in_shell ? "create one first" :
		     "use axasctl shell, axasctl create -- COMMAND, --fd or --pid");
		return -1;
	}
	if (parse_number(env, &n) || n > INT32_MAX) {
		fail(s, EINVAL, "AXAS_FD: '%s' is not a descriptor", env);
		return -1;
	}
	return n;
}

void set_space(struct session *s, int fd, int image, u64 image_id)
{
	if (s->fd >= 0 && s->fd != fd)
		close(s->fd);
	if (s->image >= 0)
		close(s->image);
	s->fd = fd;
	s->image = image;
	s->image_id = image_id;
}

/* Report an error in the arguments, only the first one. */
int usage_error(struct args *args, const char *fmt, ...)
{
	struct session *s = args->s;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (args->reported)
		return -EINVAL;
	args->reported = true;
	s->misused = true;
	if (s->json)
		fail(s, EINVAL, "%s", text);
	else
		fail(s, EINVAL, "%s (see %s%s --help)", text,
		     s->in_shell ? "" : "axasctl ", s->command);
	return -EINVAL;
}

static error_t parse_operand(struct args *args, char *arg, struct argp_state *state)
{
	if (args->nr < args->max) {
		args->arg[args->nr++] = arg;
		return 0;
	}
	if (!args->take_rest)
		return usage_error(args, "too many arguments: '%s'", arg);
	args->rest = &state->argv[state->next - 1];
	state->next = state->argc;
	return 0;
}

static error_t parse_fd(struct args *args, const char *arg)
{
	u64 n;

	if (take_number(args, "descriptor", arg, &n))
		return -EINVAL;
	if (n > INT32_MAX)
		return usage_error(args, "descriptor '%s' is too big", arg);
	args->s->fd_once = n;
	return 0;
}

static error_t parse_pid(struct args *args, const char *arg)
{
	u64 pid;
	int fd;

	if (take_number(args, "process", arg, &pid))
		return -EINVAL;
	fd = open_space_of(pid);
	if (fd < 0) {
		usage_error(args, "process %s: %s", arg, fd == -ENOENT ?
			    "it has no space open" : strerror(-fd));
		args->s->misused = false;
		return -EINVAL;
	}
	args->s->fd_of_pid = fd;
	args->s->fd_once = fd;
	return 0;
}

static const struct argp_option common_option_list[] = {
	{ "json", 'j', NULL, 0, "Answer with one JSON object on standard output", 90 },
	{ "fd", OPT_FD, "N", 0, "Use the space open as descriptor N (default: $AXAS_FD)", 90 },
	{ "pid", OPT_PID, "PID", 0, "Use the space that this process has open", 90 },
	{ "help", 'h', NULL, 0, "Show this help", 99 },
	{ 0 }
};

static const struct argp common_argp = {
	common_option_list, parse_common, NULL, NULL, NULL, NULL, NULL
};

const struct argp_child common_options[] = { { &common_argp, 0, NULL, 0 }, { 0 } };

/* Keys common to all commands: called by each command's parser and by the child parser. */
error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		if (state->child_inputs)
			state->child_inputs[0] = args;
		return 0;
	case 'j':
		args->s->json = true;
		return 0;
	case OPT_FD:
		return parse_fd(args, arg);
	case OPT_PID:
		return parse_pid(args, arg);
	case 'h':
		argp_help(state->root_argp, stdout, ARGP_HELP_LONG | ARGP_HELP_USAGE |
			  ARGP_HELP_DOC, state->name);
		args->helped = true;
		return -ECANCELED;
	case ARGP_KEY_ARG:
		return parse_operand(args, arg, state);
	case ARGP_KEY_END:
		if (args->nr < args->min)
			return usage_error(args, "an argument is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool wants_json(struct session *s, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			return true;
	return s->json;
}

/*
 * Documentation is one paragraph, which argp fills: join its lines. Empty and indented lines stay.
 */
static char *join_lines(int key, const char *text, void *input)
{
	bool indented = false;
	char *copy;

	(void)input;
	if (!text || (key != ARGP_KEY_HELP_PRE_DOC && key != ARGP_KEY_HELP_POST_DOC))
		return (char *)text;
	copy = strdup(text);
	for (char *c = copy; c && *c; c++) {
		if (c == copy || c[-1] == '\n')
			indented = *c == ' ';
		if (*c == '\n' && !indented && c != copy && c[-1] != '\n' &&
		    c[1] && c[1] != '\n' && c[1] != ' ')
			*c = ' ';
	}
	return copy ?: (char *)text;
}

/**
 * parse_args() - read a command's arguments
 * @s: the session
 * @argp: the command's options; its parser ends in parse_common()
 * @argc: number of words
 * @argv: the words, the command's name first
 * @args: in: operands that the command takes; out: their values
 * @status: out: exit status, if the command shall return
 *
 * Return: 0 to continue; else the command returns *@status.
 */
int parse_args(struct session *s, const struct argp *argp, int argc, char **argv,
	       struct args *args, int *status)
{
	unsigned int flags = ARGP_NO_EXIT | ARGP_NO_HELP;
	struct argp filtered = *argp;
	char *own[argc + 1];
	char name[64];
	error_t err;

	args->s = s;
	/* argp prints errors as text: for JSON, fail() below replaces them */
	s->json = wants_json(s, argc, argv);
	if (s->json)
		flags |= ARGP_NO_ERRS;
	memcpy(own, argv, (argc + 1) * sizeof(*own));
	snprintf(name, sizeof(name), "%s%s", s->in_shell ? "" : "axasctl ", argv[0]);
	own[0] = name;
	filtered.help_filter = join_lines;
	err = argp_parse(&filtered, argc, own, flags, NULL, args);
	/* the words themselves outlive @own */
	if (args->rest)
		args->rest = argv + (args->rest - own);
	if (!err)
		return 0;
	*status = !args->helped;
	s->misused |= !args->helped && !args->reported;
	if (!args->helped && !args->reported && s->json)
		fail(s, EINVAL, "unknown option, or its value is missing");
	return err;
}

int take_number(struct args *args, const char *what, const char *text, u64 *val)
{
	switch (parse_number(text, val)) {
	case 0:
		return 0;
	case -ERANGE:
		return usage_error(args, "%s '%s' does not fit 64 bits", what, text);
	default:
		return usage_error(args, "%s '%s' is not a number", what, text);
	}
}

int take_u32(struct args *args, const char *what, const char *text, u32 *val)
{
	u64 n;

	if (take_number(args, what, text, &n))
		return -EINVAL;
	if (n > UINT32_MAX)
		return usage_error(args, "%s '%s' is too big", what, text);
	*val = n;
	return 0;
}

int take_prot(struct args *args, const char *text, u32 *prot)
{
	if (!axas_parse_prot(text, prot))
		return 0;
	return usage_error(args, "protection '%s' is not made of r, w, x and -", text);
}

int take_type(struct args *args, const char *text, u32 *type)
{
	if (!axas_parse_type(text, type))
		return 0;
	return usage_error(args, "type '%s' is not normal, device or uncached", text);
}

/* Parse the policy for 2 MiB leaves into AXAS_MAP_HUGE_* of *@flags. */
int take_huge(struct args *args, const char *text, u32 *flags)
{
	*flags &= ~(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER);
	if (!strcmp(text, "always"))
		*flags |= AXAS_MAP_HUGE_ALWAYS;
	else if (!strcmp(text, "never"))
		*flags |= AXAS_MAP_HUGE_NEVER;
	else if (strcmp(text, "advise"))
		return usage_error(args, "huge '%s' is not advise, always or never", text);
	return 0;
}

int take_format(struct args *args, const char *text, u32 *format)
{
	if (!axas_parse_format(text, format))
		return 0;
	return usage_error(args, "format '%s' is not ept, svm, s2, gstage or default", text);
}
