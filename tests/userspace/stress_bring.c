// SPDX-License-Identifier: GPL-2.0-only
/*
 * Missing and shared memory under stress: guests, which exit for a missing page, and changers, on
 * behalf of hosts that wait, supply it, often two of them the same page. Calls the API of spaces;
 * no locks.
 */
#include "stress.h"

struct content {
	const struct world *world;
	u64 gpa;
};

static int copy(void *arg, u64 offset, void *va, size_t len)
{
	const struct content *c = arg;
	u64 *words = va, i;

	for (i = 0; i < len / sizeof(u64); i++)
		words[i] = stamp(c->world, c->gpa + offset + i * sizeof(u64));
	return 0;
}

int bring_map(struct thread *t, struct world *w, struct axas_gpa_range range, u32 flags)
{
	struct world *other = &worlds[w == &worlds[0]];
	int err;

	switch (rnd(t, 4)) {
	case 0:
		flags = (flags & AXAS_MAP_POLICY) | AXAS_MAP_MISSING_FAIL;
		fallthrough;
	case 1:
		flags = (flags & ~AXAS_MAP_POPULATE) | AXAS_MAP_MISSING;
		fallthrough;
	case 2:
		return axas_space_map_alloc(w->space, range, AXAS_PROT_READ | AXAS_PROT_WRITE,
					    AXAS_TYPE_NORMAL, flags);
	default:
		err = axas_space_map_shared(w->space, range, other->space, range.start,
					    AXAS_PROT_READ | AXAS_PROT_WRITE,
					    flags & AXAS_MAP_POLICY);
		/* There it is missing, or itself shared. */
		return err == -EOPNOTSUPP ? 0 : err;
	}
}

void bring(struct thread *t, struct world *w, u64 gpa)
{
	u64 size = rnd(t, 32) ? (u64)SZ_4K << rnd(t, 5) : SZ_2M, done;
	struct content content = { w, gpa & ~(size - 1) };
	struct axas_source source = { copy, &content };
	int err = axas_space_supply(w->space, axas_gpa_range(axas_gpa(content.gpa), size),
				    rnd(t, 8) ? &source : NULL, rnd(t, 2), &done);

	if (err && err != -EEXIST && err != -ENOENT && err != -EOPNOTSUPP)
		die(t, "a supply that answers", gpa, err);
}

void bring_what_hosts_await(struct thread *t, struct world *w)
{
	u64 gpas[4];
	bool more;
	unsigned int n = axas_space_get_missing(w->space, !rnd(t, 8), gpas, ARRAY_SIZE(gpas),
						&more);

	while (n)
		bring(t, w, gpas[--n]);
}
