// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal: raw mode, the keys after Ctrl-A, signals that end the machine. The mode is restored
 * on every way out but SIGKILL. Calls uart_receive() and machine_end().
 */
#include "boot.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_A	1

static struct termios before;
static atomic_bool is_raw;
static struct machine *machine;

static void write_all(const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n = 0;

	while (done < len && (n >= 0 || errno == EINTR)) {
		n = write(STDOUT_FILENO, (const char *)buf + done, len - done);
		done += n > 0 ? n : 0;
	}
}

void console_flush(struct machine *m)
{
	char line[sizeof(m->out.line) + 32], who[24] = "parent";
	int n;

	if (m->out.clone)
		snprintf(who, sizeof(who), "clone %u", m->out.clone);
	if (m->out.lines && m->out.len) {
		n = snprintf(line, sizeof(line), "[%s] %.*s\n", who, (int)m->out.len, m->out.line);
		write_all(line, n);
	}
	m->out.len = 0;
}

static bool ends_with(const struct output *out, const char *text)
{
	size_t len = strlen(text);

	return out->len >= len && !memcmp(out->line + out->len - len, text, len);
}

/* Unbuffered output, except of whole lines: a prompt has no newline. */
void console_put(struct machine *m, u8 byte)
{
	struct output *out = &m->out;

	if (!out->lines)
		write_all(&byte, 1);
	if (byte == '\n' || out->len == sizeof(out->line))
		console_flush(m);
	if (byte == '\n' || byte == '\r')
		return;
	out->line[out->len++] = byte;
	if (out->until && ends_with(out, out->until)) {
		out->until = NULL;
		m->fork.asked = now_ns();
		machine_end(m, PAUSED);
	}
}

/* Async-signal-safe. */
void console_end(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	is_raw = false;
}

static void on_end(int sig)
{
	(void)sig;
	machine_end(machine, QUIT);
}

static void on_fatal(int sig)
{
	console_end();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = on_end };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &action, NULL);
	action.sa_handler = on_fatal;
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int console_begin(struct machine *m)
{
	struct termios raw;

	machine = m;
	catch_signals();
	m->keys = isatty(STDIN_FILENO);
	if (!m->keys)
		return 0;
	if (tcgetattr(STDIN_FILENO, &before))
		return -errno;
	atexit(console_end);
	raw = before;
	cfmakeraw(&raw);
	/* Newlines of our own messages still return the carriage. */
	raw.c_oflag |= OPOST | ONLCR;
	is_raw = true;
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) ? -errno : 0;
}

static void show_keys(void)
{
	fputs("\nCtrl-A h    this help\n"
	      "Ctrl-A x    end the machine\n"
	      "Ctrl-A r    reset it\n"
	      "Ctrl-A s    show its memory\n"
	      "Ctrl-A f    fork or save it, with --fork or --save\n"
	      "Ctrl-A Ctrl-A    send Ctrl-A\n", stderr);
}

static void show_memory(struct machine *m)
{
	struct axas_info in;

	if (axas_get_info(m->space, &in))
		return;
	fprintf(stderr, "\nframes %llu of 4 KiB, tables %llu\n", in.frames, in.tables);
}

static void send(struct machine *m, u8 byte)
{
	bool sent = false;

	while (!sent && !machine_stopping(m)) {
		pthread_mutex_lock(&m->lock);
		sent = uart_receive(m, byte);
		pthread_mutex_unlock(&m->lock);
		/* The guest does not read: wait for it. */
		if (!sent)
			usleep(1000);
	}
}

static void command(struct machine *m, u8 key)
{
	switch (key) {
	case CTRL_A:
		send(m, CTRL_A);
		break;
	case 'x':
		machine_end(m, QUIT);
		break;
	case 'r':
		machine_end(m, RESET);
		break;
	case 's':
		show_memory(m);
		break;
	case 'f':
		m->fork.asked = now_ns();
		if (m->fork.nr || (m->saver.path && !m->saver.done))
			machine_end(m, PAUSED);
		break;
	default:
		show_keys();
	}
}

static void take_key(struct machine *m, u8 key, bool *escaped)
{
	if (*escaped) {
		*escaped = false;
		command(m, key);
	} else if (m->keys && key == CTRL_A) {
		*escaped = true;
	} else {
		send(m, key);
	}
}

/* False at the end of the input: the machine goes on without. */
static bool take_input(struct machine *m, bool *escaped)
{
	u8 buf[256];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++)
		take_key(m, buf[i], escaped);
	return n > 0 || (n < 0 && errno == EINTR);
}

int console_time_left(u64 end)
{
	u64 now = now_ns(), ms;

	if (end == NEVER)
		return INT_MAX;
	ms = now >= end ? 0 : (end - now) / 1000000 + 1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* Of the machine's time, and until its next move. */
static int check_time(struct machine *m)
{
	int end = console_time_left(m->timeout ? m->started + m->timeout * NSEC : NEVER);
	int move = console_time_left(m->move_every ? m->next_move : NEVER);

	if (!end)
		machine_end(m, TIMED_OUT);
	else if (!move)
		machine_end(m, PAUSED);
	return end < move ? end : move;
}

void console_loop(struct machine *m)
{
	struct pollfd fds[2] = {
		{ .fd = m->end_fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN },
	};
	bool escaped = false;
	int left;

	m->next_move = now_ns() + m->move_every * NSEC;
	while (!machine_stopping(m)) {
		left = check_time(m);
		if (poll(fds, 2, left) > 0 && fds[1].revents && !take_input(m, &escaped))
			fds[1].fd = -1;
	}
}
