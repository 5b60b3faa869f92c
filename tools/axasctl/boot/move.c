// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves a machine, whose threads have stopped, to other vCPUs on another space, to which its memory
 * is copied. Calls machine.c, state.c, memory.c and libaxas. No locks.
 */
#include "boot.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK	0x10000ull

static int copy_range(int from, int to, u64 gpa, u64 end)
{
	static u8 buf[CHUNK];
	int err = 0;

	while (gpa < end && !err) {
		u64 len = end - gpa < CHUNK ? end - gpa : CHUNK;

		err = axas_read_all(from, gpa, buf, len, NULL);
		if (!err)
			err = axas_write_all(to, gpa, buf, len, NULL);
		gpa += len;
	}
	return err;
}

/* Memory without frames is zero in both. */
static int copy_memory(int from, int to)
{
	off_t gpa = 0, end;
	int err = 0;

	while (!err) {
		gpa = lseek(from, gpa, SEEK_DATA);
		if (gpa < 0)
			return errno == ENXIO ? 0 : -errno;
		end = lseek(from, gpa, SEEK_HOLE);
		if (end < 0)
			return -errno;
		err = copy_range(from, to, gpa, end);
		gpa = end;
	}
	return err;
}

/* The vCPUs on the old space are closed, and others take their place. */
static int take_place(struct machine *m, const struct machine_state *state, int old,
		      const char **what)
{
	struct axas_create create = { 0 };
	int err;

	*what = "open";
	m->space = axas_open_space(device_path(), &create);
	if (m->space < 0)
		return m->space;
	err = memory_map(m, what);
	if (err)
		return err;
	*what = "copy";
	err = copy_memory(old, m->space);
	*what = err ? *what : "vcpu";
	if (!err)
		err = machine_open_cpus(m);
	*what = err ? *what : "resume";
	return err ? err : machine_resume(m, state);
}

int machine_move(struct machine *m, const char **what)
{
	struct machine_state *state;
	int old = m->space, err;

	*what = "save";
	err = machine_save(m, &state);
	if (err)
		return err;
	memory_free(m);
	machine_close_cpus(m);
	err = take_place(m, state, old, what);
	close(old);
	free(state);
	m->moves++;
	return err;
}
