// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shell: reads commands and runs them on one space, which lives until the shell ends or
 * `create` replaces it.
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
	{ "command", 'c', "COMMANDS", 0, "Run COMMANDS, then exit", 0 },
	{ "keep-going", 'k', NULL, 0, "Continue after a command that fails", 0 },
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
	"Run commands on one space: from SCRIPT, -c, or standard input.\n"
	"\vThe commands are those of axasctl, one per line or separated by ;. # begins a\n"
	"comment, '...' and \"...\" group words. `create` creates the space, which is closed by\n"
	"the next `create` or at the end. Also: help, exit. Unless the input is a terminal, the\n"
	"first command that fails ends the shell with status 1; with -k the shell continues,\n"
	"and its status is still 1.", common_options, NULL, NULL
};

/* State of splitting a line into words: @in is the rest of it, @out receives words. */
struct lexer {
	const char *in;
	char *out;
};

static void skip_blanks(struct lexer *l)
{
	l->in += strspn(l->in, " \t\r\n");
}

/**
 * next_word() - split one word off a line
 * @l: the line; @l->out has room for all of it
 * @word: out: the word, without its quotes
 *
 * Return: 1 for a word, 0 at the end of a command, -1 for an open quote.
 */
static int next_word(struct lexer *l, char **word)
{
	char quote = 0;

	skip_blanks(l);
	if (!*l->in || *l->in == ';' || *l->in == '#')
		return 0;
	*word = l->out;
	for (; *l->in && (quote || !strchr(" \t\r\n;", *l->in)); l->in++) {
		if (quote ? *l->in == quote : *l->in == '"' || *l->in == '\'') {
			quote = quote ? 0 : *l->in;
			continue;
		}
		if (*l->in == '\\' && quote != '\'' && l->in[1])
			l->in++;
		*l->out++ = *l->in;
	}
	*l->out++ = '\0';
	return quote ? -1 : 1;
}

static int show_help(struct session *s)
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
		return show_help(s);
	if (!strcmp(argv[0], "shell"))
		return fail(s, EINVAL, "this is the shell");
	return run_command(s, argc, argv);
}

/* Split the words of one command off the line; -1 on error. */
static int next_command(struct session *s, struct lexer *l, char **words)
{
	int nr, ret;

	for (nr = 0; nr < MAX_WORDS; nr++) {
		ret = next_word(l, &words[nr]);
		if (ret < 0) {
			fail(s, EINVAL, "a quote is not closed");
			return -1;
		}
		if (!ret)
			break;
	}
	if (nr == MAX_WORDS) {
		fail(s, EINVAL, "a command has more than %d words", MAX_WORDS - 1);
		return -1;
	}
	words[nr] = NULL;
	if (*l->in == '#')
		l->in += strlen(l->in);
	if (*l->in == ';')
		l->in++;
	return nr;
}

/* Run the commands of one line; return 1 if one failed. */
static int run_line(struct session *s, const char *line, bool keep_going)
{
	char *words[MAX_WORDS + 1], *room = malloc(strlen(line) + 1);
	struct lexer l = { line, room };
	int nr, status = 0;

	if (!room)
		return fail(s, ENOMEM, "%s", strerror(ENOMEM));
	while (*l.in && !s->leave && (!status || keep_going)) {
		l.out = room;
		nr = next_command(s, &l, words);
		if (nr < 0) {
			status = 1;
			break;
		}
		if (nr)
			status |= !!run_words(s, nr, words);
	}
	free(room);
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

	if (parse_args(s, &shell_argp, argc, argv, &sh.args, &status))
		return status;
	s->in_shell = true;
	s->command = NULL;
	status = sh.commands ? run_line(s, sh.commands, sh.keep_going) : run_script(s, &sh);
	if (s->fd >= 0)
		close(s->fd);
	if (s->image >= 0)
		close(s->image);
	s->fd = -1;
	s->image = -1;
	s->in_shell = false;
	return status;
}
