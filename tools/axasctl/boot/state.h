/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine's state, and how it goes on: declarations of state.c, move.c, save.c and fork.c.
 * Included by boot.h.
 */
#ifndef AXASCTL_BOOT_STATE_H
#define AXASCTL_BOOT_STATE_H

#include <pthread.h>

#include "../image_file.h"
#include "console.h"
#include "virtio.h"

/* The architecture's folder is in the search path. */
#include "arch.h"

/**
 * struct cpu_state - all of a CPU
 * @wait: as in struct cpu, and so the following
 * @reset: as in struct cpu
 * @start: as in struct cpu
 * @set_up: as in struct cpu
 * @entry: as in struct cpu
 * @arg: as in struct cpu
 * @arch: what its architecture adds
 * @vcpu: if @set_up: of AXVCPU_SAVE
 */
struct cpu_state {
	bool wait;
	bool reset;
	bool start;
	bool set_up;
	u64 entry;
	u64 arg;
	struct arch_cpu arch;
	struct arch_vcpu_state vcpu;
};

#define STATE_VERSION	1

/**
 * struct machine_state - all of a machine but its memory; it has no pointers
 * @version: STATE_VERSION
 * @size: bytes of it all
 * @name: ARCH_NAME
 * @mem: bytes of RAM
 * @nr_cpus: elements of @cpu
 * @uart: the serial line
 * @virtio: registers of virtio's devices
 * @arch: the other devices
 * @cpu: the CPUs
 */
struct machine_state {
	u32 version;
	u32 size;
	char name[8];
	u64 mem;
	u32 nr_cpus;
	struct uart uart;
	struct virtio virtio[NR_VIRTIO];
	struct arch_machine arch;
	struct cpu_state cpu[];
};

/**
 * struct fork_options - how it is forked
 * @nr: number of clones, or 0: not at all
 * @at: when it has printed this; or NULL: by a key; when it is saved, too
 * @on: it goes on itself, beside its clones
 * @type: what is typed into each clone, or NULL
 * @again: number of the clone that is reset and runs again, or 0
 * @each: show figures of each clone
 * @asked: when the pause for it began, in ns
 */
struct fork_options {
	u32 nr;
	const char *at;
	bool on;
	const char *type;
	u32 again;
	bool each;
	u64 asked;
};

/**
 * struct saver - a machine that is saved to a file
 * @path: the file, or NULL
 * @done: it has begun
 * @save: what is written
 * @thread: writes it, valid if @runs
 * @runs: the thread has been created
 * @err: its result
 * @stop_ns: how long the vCPUs took to stop
 * @state_ns: to save their state and that of the devices
 * @freeze_ns: to make the image
 * @write_ns: to write it
 */
struct saver {
	const char *path;
	bool done;
	struct to_save save;
	pthread_t thread;
	bool runs;
	int err;
	u64 stop_ns;
	u64 state_ns;
	u64 freeze_ns;
	u64 write_ns;
};

/* state.c: 0 or -errno. No thread runs. The caller frees *@state. */
int machine_save(const struct machine *m, struct machine_state **state);
int machine_resume(struct machine *m, const struct machine_state *state);
/* A machine can have been so: true for all that machine_save() makes, of @bytes. */
bool machine_can_be(const struct machine_state *state, u64 bytes);
/* A byte of a file need not be one: to read it as one would be undefined. */
static inline bool is_bool(const bool *val)
{
	return *(const u8 *)val <= 1;
}

/* fork.c: as machine_move(). Returns when all clones have ended. */
int machine_fork(struct machine *m, const char **what);

/*
 * save.c: 0, or -errno with what failed in @what. No thread runs when it begins; it ends when the
 * file is whole, also if it has not begun.
 */
int save_begin(struct machine *m, const char **what);
int save_end(struct machine *m, const char **what);
void save_report(const struct machine *m);
/* Before machine_create(), and in the place of machine_load(): 0 or -errno. */
int from_open(struct machine *m);
int from_resume(struct machine *m);

/* move.c: 0, or -errno with what failed in @what. No thread runs. */
int machine_move(struct machine *m, const char **what);

#endif /* AXASCTL_BOOT_STATE_H */
