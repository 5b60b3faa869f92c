// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shell: reads commands and runs them on one space, which lives until the
 * shell ends or `create` makes another.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS	64

struct shell_args {
	struct args args;
	const char *commands;
	bool keep_going;
};

static const struct argp_option shell_options[] = {
	{ "command", 'c', "COMMANDS", 0, "Run COMMANDS and leave", 0 },
	{ "keep-going", 'k', NULL, 0, "Go on after a command that fails", 0 },
	COMMON_OPTIONS,
	{ 0 }
};

static error_t shell_parse(int key, char *arg, struct argp_state *state)
{
	struct shell_args *sh = state->input;

	switch (key) {
	case 'c':
		sh->commands = arg;
		return 0;
	case 'k':
		sh->keep_going = true;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp shell_argp = {
	shell_options, shell_parse, "[SCRIPT]",
	"Run commands on one space: from SCRIPT, -c, or standard input.\v"
	"The commands are those of axasctl, one a line or with ; between them; # begins a "
	"comment, '...' and \"...\" hold words together. `create` makes the space; it lives "
	"until the next `create` or the end. Also: help, exit. Unless a terminal is typing, "
	"the first command that fails ends the shell with status 1; with -k it goes on, and "
	"the status is still 1.", NULL, NULL, NULL
};

/**
 * next_word() - take one word off a line, in place
 * @p: where to go on; moved behind the word
 * @word: the word, without its quotes
 *
 * Return: 1 for a word, 0 for the end of a command, -1 for an open quote.
 */
static int next_word(char **p, char **word)
{
	char *in = *p, *out, quote = 0;

	while (*in == ' ' || *in == '\t' || *in == '\n' || *in == '\r')
		in++;
	*p = in;
	if (!*in || *in == ';' || *in == '#')
		return 0;
	*word = out = in;
	for (; *in && (quote || !strchr(" \t\r\n;", *in)); in++) {
		if (quote ? *in == quote : *in == '"' || *in == '\'') {
			quote = quote ? 0 : *in;
			continue;
		}
		if (*in == '\\' && quote != '\'' && in[1])
			in++;
		*out++ = *in;
	}
	*p = in;
	if (quote)
		return -1;
	/* a ; that ends the word also ends the command: keep it for the caller */
	if (*in && *in != ';')
		(*p)++;
	if (out != in || *in != ';')
		*out = '\0';
	return 1;
}

static int help(struct session *s)
{
	if (s->json)
		return fail(s, EINVAL, "help is text");
	for (size_t i = 0; i < nr_commands; i++)
		if (commands[i].run != cmd_shell)
			printf("  %-10s %s\n", commands[i].name, commands[i].what);
	puts("  exit       leave the shell, and with it the space\n"
	     "Each command answers --help.");
	return 0;
}

static int run_words(struct session *s, int argc, char **argv)
{
	if (!strcmp(argv[0], "exit") || !strcmp(argv[0], "quit")) {
		s->leave = true;
		return 0;
	}
	if (!strcmp(argv[0], "help"))
		return help(s);
	if (!strcmp(argv[0], "shell"))
		return fail(s, EINVAL, "this is the shell");
	return run_command(s, argc, argv);
}

/* Split off the next command of *@p into @words; see next_word(). */
static int next_command(char **p, char **words, int *nr)
{
	bool last = false;
	int ret;

	for (*nr = 0; !last && *nr < MAX_WORDS; (*nr)++) {
		ret = next_word(p, &words[*nr]);
		if (ret <= 0)
			break;
		/* the terminator of "word;" is written over the ; */
		last = **p == ';';
		if (last)
			*(*p)++ = '\0';
	}
	words[*nr] = NULL;
	if (!last && **p == ';')
		(*p)++;
	return *nr == MAX_WORDS ? -2 : ret < 0 ? -1 : 0;
}

/* Run the commands of one line. Returns 1 when one failed. */
static int run_line(struct session *s, char *line, bool keep_going)
{
	char *words[MAX_WORDS + 1];
	int nr, ret, status = 0;

	while (*line && *line != '#' && !s->leave && (!status || keep_going)) {
		ret = next_command(&line, words, &nr);
		if (ret)
			return fail(s, EINVAL, ret == -2 ? "too many words" :
				    "a quote is not closed");
		if (nr)
			status |= run_words(s, nr, words);
		else if (*line == '#')
			break;
	}
	return status;
}

static int run_file(struct session *s, FILE *in, const char *name, bool keep_going)
{
	bool tty = in == stdin && isatty(STDIN_FILENO);
	unsigned long nr = 0;
	char *line = NULL;
	size_t size = 0;
	int status = 0;

	keep_going |= tty;
	while (!s->leave && (!status || keep_going)) {
		if (tty) {
			fputs("axas> ", stdout);
			fflush(stdout);
		}
		if (getline(&line, &size, in) < 0)
			break;
		if (!tty)
			snprintf(s->where, sizeof(s->where), "%.40s:%lu: ", name, ++nr);
		status |= run_line(s, line, keep_going);
	}
	s->where[0] = '\0';
	if (ferror(in))
		status = fail(s, EIO, "%s: cannot be read", name);
	free(line);
	return tty ? 0 : status;
}

static int run_script(struct session *s, struct shell_args *sh)
{
	FILE *in = stdin;
	int status;

	if (sh->args.nr)
		in = fopen(sh->args.arg[0], "re");
	if (!in)
		return fail(s, errno, "%s: %s", sh->args.arg[0], strerror(errno));
	status = run_file(s, in, sh->args.nr ? sh->args.arg[0] : "-", sh->keep_going);
	if (in != stdin)
		fclose(in);
	return status;
}

int cmd_shell(struct session *s, int argc, char **argv)
{
	struct shell_args sh = { .args = { .max = 1 } };
	int status;
	char *line;

	if (parse_args(s, &shell_argp, argc, argv, &sh.args, &status))
		return status;
	s->in_shell = true;
	s->command = NULL;
	if (!sh.commands) {
		status = run_script(s, &sh);
	} else {
		line = strdup(sh.commands);
		status = line ? run_line(s, line, sh.keep_going) :
			 fail(s, ENOMEM, "%s", strerror(ENOMEM));
		free(line);
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->in_shell = false;
	return status;
}
