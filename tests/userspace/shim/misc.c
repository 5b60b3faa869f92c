// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small functions of the kernel's library.
 */
#include "shim/kernel.h"

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	/* All are as the first one if each is as the next: libc compares fast. */
	if (!n || (*b == (u8)c && !memcmp(b, b + 1, n - 1)))
		return NULL;
	while (*b == (u8)c)
		b++;
	return (void *)b;
}

/* Tausworthe's generator with four states, as lib/random32.c has it. */
static u32 step(u32 s, int a, int b, u32 c, int d)
{
	return ((s & c) << d) ^ (((s << a) ^ s) >> b);
}

u32 prandom_u32_state(struct rnd_state *state)
{
	state->s1 = step(state->s1, 6, 13, ~1u, 18);
	state->s2 = step(state->s2, 2, 27, ~7u, 2);
	state->s3 = step(state->s3, 13, 21, ~15u, 7);
	state->s4 = step(state->s4, 3, 12, ~127u, 13);
	return state->s1 ^ state->s2 ^ state->s3 ^ state->s4;
}

static u32 at_least(u32 x, u32 m)
{
	return x < m ? x + m : x;
}

void prandom_seed_state(struct rnd_state *state, u64 seed)
{
	u32 i = ((seed >> 32) ^ (seed << 10) ^ seed) & 0xffffffffu;

	state->s1 = at_least(i, 2);
	state->s2 = at_least(i, 8);
	state->s3 = at_least(i, 16);
	state->s4 = at_least(i, 128);
	for (i = 0; i < 10; i++)
		prandom_u32_state(state);
}

void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(m->buf ? m->buf + m->count : NULL, m->size - m->count, fmt, args);
	va_end(args);
	m->count = min(m->count + (size_t)n, m->size);
}

bool shim_tracing;

bool shim_set_param(const char *name, unsigned long val)
{
	const struct shim_param *p;

	for (p = __start_shim_params; p && p < __stop_shim_params; p++) {
		if (strcmp(p->name, name))
			continue;
		if (!strcmp(p->type, "ulong"))
			*(unsigned long *)p->val = val;
		else if (!strcmp(p->type, "bool"))
			*(bool *)p->val = val;
		else
			*(unsigned int *)p->val = val;
		return true;
	}
	return false;
}

__thread unsigned int shim_pagefault_disabled;

/* Bytes; user memory may fault, and a fault sleeps if nobody forbade it. */
static size_t shim_copy_iter(u8 *addr, size_t bytes, struct iov_iter *i, bool to_iter)
{
	size_t done = 0, n;
	u8 *user;

	if (!shim_pagefault_disabled)
		might_sleep();
	WARN_ON(i->source == to_iter);
	for (bytes = min(bytes, i->count); done < bytes; done += n) {
		user = (u8 *)i->kvec->iov_base + i->skip;
		n = min(bytes - done, i->kvec->iov_len - i->skip);
		memcpy(to_iter ? user : addr + done, to_iter ? addr + done : user, n);
		i->skip += n;
		if (i->skip == i->kvec->iov_len) {
			i->kvec++;
			i->skip = 0;
		}
	}
	i->count -= done;
	return done;
}

size_t _copy_to_iter(const void *addr, size_t bytes, struct iov_iter *i)
{
	return shim_copy_iter((u8 *)addr, bytes, i, true);
}

size_t iov_iter_zero(size_t bytes, struct iov_iter *i)
{
	static const char zeroes[4096];

	return _copy_to_iter(zeroes, bytes < sizeof(zeroes) ? bytes : sizeof(zeroes), i);
}

size_t _copy_from_iter(void *addr, size_t bytes, struct iov_iter *i)
{
	return shim_copy_iter(addr, bytes, i, false);
}
