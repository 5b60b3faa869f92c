// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine in a file: its state and an image of its memory, which a thread writes while the
 * machine goes on; and a machine that begins as one that was saved. Calls state.c, image_save.c,
 * image_load.c and libaxas.
 *
 * Locks: none; the thread has the members of struct saver that it fills.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * struct file_state - the machine's state in a file
 * @boot_id: of the host, whose clocks the machine's times are of
 * @balloon: it has a memory balloon
 * @state: the rest
 */
struct file_state {
	char boot_id[40];
	u64 balloon;
	struct machine_state state;
};

static int get_boot_id(char id[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	memset(id, 0, 40);
	n = read(fd, id, 39);
	close(fd);
	return n > 0 ? 0 : -EIO;
}

/* The state as the file has it. */
static int make_state(const struct machine *m, struct to_save *save)
{
	struct machine_state *state;
	struct file_state *s;
	int err = machine_save(m, &state);

	if (err)
		return err;
	save->state_size = offsetof(struct file_state, state) + state->size;
	s = calloc(1, save->state_size);
	if (s) {
		memcpy(&s->state, state, state->size);
		s->balloon = m->balloon;
		err = get_boot_id(s->boot_id);
	} else {
		err = -ENOMEM;
	}
	save->state = s;
	free(state);
	return err;
}

static void *write_file(void *arg)
{
	struct saver *saver = arg;
	u64 begin = now_ns();

	saver->err = image_save(saver->path, &saver->save);
	saver->write_ns = now_ns() - begin;
	return NULL;
}

int save_begin(struct machine *m, const char **what)
{
	struct saver *saver = &m->saver;
	u64 begin = now_ns();
	int err;

	saver->done = true;
	saver->save.from = -1;
	*what = "save";
	err = make_state(m, &saver->save);
	if (err)
		return err;
	saver->stop_ns = begin - m->fork.asked;
	saver->state_ns = now_ns() - begin;
	*what = "freeze";
	begin = now_ns();
	saver->save.from = axas_freeze(m->space);
	saver->freeze_ns = now_ns() - begin;
	if (saver->save.from < 0)
		return saver->save.from;
	*what = "thread";
	err = -pthread_create(&saver->thread, NULL, write_file, saver);
	saver->runs = !err;
	return err;
}

int save_end(struct machine *m, const char **what)
{
	struct saver *saver = &m->saver;

	if (saver->runs)
		pthread_join(saver->thread, NULL);
	if (saver->done && saver->save.from >= 0)
		close(saver->save.from);
	free((void *)saver->save.state);
	free(saver->save.areas);
	saver->save = (struct to_save){ .from = -1, .bytes = saver->save.bytes };
	saver->runs = false;
	*what = saver->path;
	return saver->err;
}

void save_report(const struct machine *m)
{
	const struct saver *saver = &m->saver;

	printf("saved    vCPUs stopped in %llu us, state saved in %llu us\n",
	       saver->stop_ns / 1000, saver->state_ns / 1000);
	printf("         memory frozen in %llu us\n", saver->freeze_ns / 1000);
	printf("         %llu pages written in %llu ms, while it ran on\n",
	       saver->save.bytes / PAGE, saver->write_ns / 1000000);
}

/* -EHOSTDOWN: of a host that has booted since. */
static int check_state(const struct saved *saved)
{
	const struct file_state *s = saved->state;
	u64 size = saved->head.state_size;
	char boot_id[40];
	int err;

	if (size < sizeof(*s) ||
	    !machine_can_be(&s->state, size - offsetof(struct file_state, state)))
		return -ENOEXEC;
	err = get_boot_id(boot_id);
	if (err)
		return err;
	return memcmp(boot_id, s->boot_id, sizeof(boot_id)) ? -EHOSTDOWN : 0;
}

int from_open(struct machine *m)
{
	const struct file_state *s;
	int err = saved_open(m->from, &m->begin);

	if (err)
		return err;
	err = m->begin.head.parent ? -ESTALE : check_state(&m->begin);
	if (err)
		return err;
	s = m->begin.state;
	m->mem = s->state.mem;
	m->nr_cpus = s->state.nr_cpus;
	m->balloon = s->balloon;
	return 0;
}

int from_resume(struct machine *m)
{
	const struct file_state *s = m->begin.state;
	int err = machine_resume(m, &s->state);

	/* The space keeps the file. */
	saved_close(&m->begin);
	return err;
}
