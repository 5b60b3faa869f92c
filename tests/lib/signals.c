// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to memory that may end in a signal. Calls the harness and libc.
 */
#include "harness.h"

#include <setjmp.h>
#include <signal.h>

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
