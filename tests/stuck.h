/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program of tests does with a test that does not end. Asks nothing of the rest of
 * the program, so that each of them can have it.
 */
#ifndef AXAS_TESTS_STUCK_H
#define AXAS_TESTS_STUCK_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define STUCK_SECONDS	60	/* that a killed process may take to end */

static inline void stuck_sysrq(char key)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, &key, 1) != 1)
		perror("/proc/sysrq-trigger");
	close(fd);
}

/**
 * stuck_end() - kill a process group whose leader has not ended in its time
 * @pid: the leader, a child
 *
 * What each CPU does and which tasks wait goes to the kernel's log first. A process that a
 * signal does not end is in the kernel for good: nothing that came after it could be
 * trusted, so the program ends, and tells why in the words of TAP.
 */
static inline void stuck_end(pid_t pid)
{
	int status;

	stuck_sysrq('l');
	stuck_sysrq('w');
	kill(-pid, SIGKILL);
	for (int i = 0; i < STUCK_SECONDS * 10; i++) {
		if (waitpid(pid, &status, WNOHANG))
			return;
		usleep(100000);
	}
	puts("Bail out! A test cannot be ended: see the kernel's log");
	fflush(stdout);
	_exit(1);
}

#endif
