// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers for host mappings of a space: making them, and accesses that may end in a signal. Calls
 * the harness, libaxas and libc.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int new_kind(bool pinnable)
{
	struct axas_create c = {
		.format = test_format, .flags = pinnable ? AXAS_CREATE_PINNABLE : 0,
	};
	int fd = axas_open_space(NULL, &c);

	if (fd < 0)
		fail("no space could be made: %s", strerror(-fd));
	return fd;
}

u8 *map_at(int fd, u64 gpa, u64 len, int prot)
{
	u8 *p = mmap(NULL, len, prot, MAP_SHARED, fd, gpa);

	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return p;
}

u8 *map_rw(int fd, u64 gpa, u64 len)
{
	return map_at(fd, gpa, len, PROT_READ | PROT_WRITE);
}

int punch(int fd, u64 gpa, u64 len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, gpa, len);
}

int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static __thread sigjmp_buf caught;
static __thread int code_caught;

static void on_signal(int nr, siginfo_t *info, void *context)
{
	(void)context;
	code_caught = info->si_code;
	siglongjmp(caught, nr);
}

void catch_bus(void)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_NODEFER | SA_SIGINFO };

	expect_libc(sigaction(SIGBUS, &act, NULL));
	expect_libc(sigaction(SIGSEGV, &act, NULL));
}

int signal_code(void)
{
	return code_caught;
}

int read_signal(const void *p)
{
	int nr = sigsetjmp(caught, 0);

	if (!nr)
		(void)__atomic_load_n((const u8 *)p, __ATOMIC_RELAXED);
	return nr;
}

int write_signal(void *p, u8 val)
{
	int nr = sigsetjmp(caught, 0);

	if (!nr)
		__atomic_store_n((u8 *)p, val, __ATOMIC_RELAXED);
	return nr;
}

int try_load(const u64 *p, u64 *val)
{
	int nr = sigsetjmp(caught, 0);

	if (!nr)
		*val = __atomic_load_n(p, __ATOMIC_RELAXED);
	return nr;
}

int try_store(u64 *p, u64 val)
{
	int nr = sigsetjmp(caught, 0);

	if (!nr)
		__atomic_store_n(p, val, __ATOMIC_RELAXED);
	return nr;
}
