// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c on a terminal of its own, without a guest: prints TAP. Has the functions of machine.c
 * and uart.c that it calls.
 */
#include "boot.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* What the child with the terminal shares: how it ended, and what the guest got. */
static struct shared {
	enum ending ending;
	char got[64];
	u32 nr;
	bool began;
} *shared;

u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

bool machine_stopping(struct machine *m)
{
	return m->ending != RUNNING;
}

void machine_end(struct machine *m, enum ending ending)
{
	u64 one = 1;

	m->ending = ending;
	if (write(m->end_fd, &one, sizeof(one)) < 0)
		_exit(1);
}

bool uart_receive(struct machine *m, u8 byte)
{
	(void)m;
	if (shared->nr < sizeof(shared->got) - 1)
		shared->got[shared->nr++] = byte;
	return true;
}

static void child(int terminal)
{
	struct machine m = { .end_fd = eventfd(0, EFD_NONBLOCK), .space = -1 };

	setsid();
	dup2(terminal, STDIN_FILENO);
	dup2(terminal, STDERR_FILENO);
	pthread_mutex_init(&m.lock, NULL);
	m.started = now_ns();
	m.timeout = 20;
	if (console_begin(&m))
		_exit(1);
	shared->began = true;
	console_loop(&m);
	shared->ending = m.ending;
	/* atexit() has the rest. */
	exit(0);
}

static bool is_raw(int terminal)
{
	struct termios t;

	return !tcgetattr(terminal, &t) && !(t.c_lflag & (ICANON | ECHO | ISIG));
}

/* Run the console until @keys or @sig end it. Its terminal must be raw meanwhile, not after it. */
static void run(const char *what, const char *keys, int sig)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), terminal, status;
	/* Static: compared with their padding. */
	static struct termios before, after;
	bool was_raw;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	if (master < 0 || grantpt(master) || unlockpt(master))
		exit(1);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	tcgetattr(terminal, &before);
	fflush(stdout);
	pid = fork();
	if (!pid)
		child(terminal);
	for (int i = 0; i < 500 && !shared->began; i++)
		usleep(10000);
	was_raw = is_raw(terminal);
	if (write(master, keys, strlen(keys)) < 0)
		exit(1);
	if (sig)
		kill(pid, sig);
	waitpid(pid, &status, 0);
	tcgetattr(terminal, &after);
	ok(was_raw && !memcmp(&before, &after, sizeof(before)), what);
	close(terminal);
	close(master);
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	puts("TAP version 13");
	run("Ctrl-A x restores the terminal", "ab\001\001c\001x", 0);
	ok(shared->ending == QUIT, "Ctrl-A x ends the machine");
	ok(!strcmp(shared->got, "ab\001c"), "other keys, and Ctrl-A twice, go to the guest");
	run("Ctrl-A r restores the terminal", "\003\004\032\001r", 0);
	ok(shared->ending == RESET, "Ctrl-A r resets it");
	ok(!strcmp(shared->got, "\003\004\032"), "Ctrl-C, Ctrl-D and Ctrl-Z go to the guest");
	run("SIGTERM restores the terminal", "", SIGTERM);
	ok(shared->ending == QUIT, "SIGTERM ends the machine");
	run("SIGHUP restores the terminal", "", SIGHUP);
	run("SIGSEGV restores the terminal", "", SIGSEGV);
	run("SIGABRT restores the terminal", "", SIGABRT);
	printf("1..%d\n", nr);
	return failures != 0;
}
