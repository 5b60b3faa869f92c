// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forks a machine, whose threads have stopped: an image of its space, clones of that, and for each
 * a machine of its own in the saved state, all of which run at once until all have ended. The
 * machine itself goes on as one more, on its space. Calls machine.c, state.c, console.c, uart.c and
 * libaxas.
 *
 * Locks: a clone's lock while its input is typed.
 */
#include "boot.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/**
 * struct forks - a machine and its clones
 * @m: the machine
 * @state: its state
 * @image: its memory, or -1
 * @clone: the clones, then the machine itself if it goes on
 * @space: their spaces
 * @nr: how many clones have been made
 * @nr_run: how many @clone there are
 * @forked: when this began, in ns
 * @save_ns: how long it took to save @state
 * @freeze_ns: to make @image
 * @clone_ns: to make all of @space
 * @make_ns: to make all of @clone
 * @run_ns: from the first one's start until the last one's end
 * @reset_ns: AXAS_RESET of one
 * @again_ns: until it had its state, too
 */
struct forks {
	struct machine *m;
	struct machine_state *state;
	int image;
	struct machine *clone;
	int *space;
	u32 nr;
	u32 nr_run;
	u64 forked;
	u64 save_ns;
	u64 freeze_ns;
	u64 clone_ns;
	u64 make_ns;
	u64 run_ns;
	u64 reset_ns;
	u64 again_ns;
};

static int freeze(struct forks *f, const char **what)
{
	u64 start = f->forked = now_ns();
	int err;

	*what = "save";
	err = machine_save(f->m, &f->state);
	if (err)
		return err;
	f->save_ns = now_ns() - start;
	*what = "freeze";
	start = now_ns();
	f->image = axas_freeze(f->m->space);
	f->freeze_ns = now_ns() - start;
	return f->image < 0 ? f->image : 0;
}

/* Each clone has descriptors of its space, its vCPUs and its end. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* On @space, with the number @id. */
static void add_machine(struct forks *f, int space, u32 id)
{
	struct machine *c = &f->clone[f->nr_run++];

	*c = *f->m;
	machine_init(c);
	c->space = space;
	memset(c->exits, 0, sizeof(c->exits));
	c->out = (struct output){ .lines = true, .clone = id };
}

/* Other vCPUs on the same space: what is signalled to the machine ends all. */
static int add_self(struct forks *f)
{
	int space = dup(f->m->space);

	if (space < 0)
		return -errno;
	machine_close_cpus(f->m);
	add_machine(f, space, 0);
	return 0;
}

static int make_spaces(struct forks *f, const char **what)
{
	u32 nr = f->m->fork.nr;
	u64 start;
	int err;

	*what = "clone";
	allow_files();
	f->clone = calloc(nr + 1, sizeof(*f->clone));
	f->space = calloc(nr, sizeof(*f->space));
	if (!f->clone || !f->space)
		return -ENOMEM;
	start = now_ns();
	err = axas_clone(f->image, 0, 0, f->space, nr);
	f->clone_ns = now_ns() - start;
	for (u32 i = 0; i < nr && !err; i++)
		add_machine(f, f->space[i], i + 1);
	f->nr = f->nr_run;
	return !err && f->m->fork.on ? add_self(f) : err;
}

static int make_machines(struct forks *f, const char **what)
{
	u64 start = now_ns();
	int err = 0;

	for (u32 i = 0; i < f->nr_run && !err; i++) {
		*what = "vcpu";
		err = machine_open_cpus(&f->clone[i]);
		*what = err ? *what : "resume";
		if (!err)
			err = machine_resume(&f->clone[i], f->state);
	}
	f->make_ns = now_ns() - start;
	return err;
}

/* The lock is held. False: the buffer is full. */
static bool type_byte(struct machine *c, char byte)
{
	char number[16];
	bool sent = true;

	if (byte != '%')
		return uart_receive(c, byte);
	snprintf(number, sizeof(number), "%u", c->out.clone);
	for (u32 i = 0; number[i] && sent; i++)
		sent = uart_receive(c, number[i]);
	return sent;
}

/* Each % is the clone's number; a line end comes last. */
static int type_line(struct machine *c)
{
	const char *text = c->fork.type;
	bool sent = true;

	pthread_mutex_lock(&c->lock);
	for (; text && *text && sent; text++)
		sent = type_byte(c, *text);
	if (text && sent)
		sent = type_byte(c, '\n');
	pthread_mutex_unlock(&c->lock);
	return sent ? 0 : -ENOSPC;
}

static int start(struct machine *c, const char **what)
{
	int err = type_line(c);

	*what = "the text to type";
	return err ? err : machine_start(c, what);
}

/* Until it ends, its time is over, or a signal ends all. */
static void wait_for(struct forks *f, struct machine *c)
{
	struct pollfd fds[2] = {
		{ .fd = c->end_fd, .events = POLLIN }, { .fd = f->m->end_fd, .events = POLLIN },
	};
	int left;

	while (!machine_stopping(c)) {
		left = console_time_left(c->timeout ? c->started + c->timeout * NSEC : NEVER);
		if (!left)
			machine_end(c, TIMED_OUT);
		else if (f->m->ending != PAUSED)
			machine_end(c, QUIT);
		else
			poll(fds, 2, left);
	}
	machine_stop(c);
	console_flush(c);
}

/* The first failure of a clone is that of the machine. */
static void take_ending(struct machine *m, const struct machine *c)
{
	pthread_mutex_lock(&m->lock);
	switch (c->ending) {
	case CRASHED:
	case FAILED:
		machine_fail(m, c->err, c->what, "%s %u: %.120s",
			     c->out.clone ? "clone" : "parent", c->out.clone, c->msg);
		break;
	case TIMED_OUT:
		machine_end(m, TIMED_OUT);
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&m->lock);
}

static int run_all(struct forks *f, const char **what)
{
	u64 begin = now_ns(), count;
	int err = 0;

	/* That it was paused is known: what comes now ends all. */
	if (read(f->m->end_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	for (u32 i = 0; i < f->nr_run && !err; i++)
		err = start(&f->clone[i], what);
	if (err)
		machine_end(f->m, FAILED);
	for (u32 i = 0; i < f->nr_run; i++)
		wait_for(f, &f->clone[i]);
	for (u32 i = 0; i < f->nr_run && !err; i++)
		take_ending(f->m, &f->clone[i]);
	f->run_ns = now_ns() - begin;
	return err;
}

static void show_clone(const struct machine *c)
{
	struct axas_info in;

	if (axas_get_info(c->space, &in))
		return;
	if (c->out.clone)
		printf("clone %-3u ", c->out.clone);
	else
		printf("parent   ");
	printf("%llu pages of its own, %llu borrowed, %llu tables\n", in.frames, in.borrowed,
	       in.tables);
}

/* Reset it to the image, and run it from there. */
static int run_again(struct forks *f, const char **what)
{
	struct machine *c = &f->clone[f->m->fork.again - 1];
	u64 begin = now_ns();
	int err;

	if (f->m->fork.each)
		show_clone(c);
	fflush(stdout);
	*what = "reset";
	err = axas_reset(c->space, f->image, 0);
	f->reset_ns = now_ns() - begin;
	if (!err)
		err = machine_reset(c);
	if (!err)
		err = machine_resume(c, f->state);
	f->again_ns = now_ns() - begin;
	if (err)
		return err;
	c->ending = PAUSED;
	err = start(c, what);
	if (err)
		return err;
	wait_for(f, c);
	take_ending(f->m, c);
	return 0;
}

/* Sum up what the clones have of their own. */
static void show_sum(const struct forks *f)
{
	u64 frames = 0, borrowed = 0, tables = 0;
	struct axas_info in;

	for (u32 i = 0; i < f->nr; i++) {
		if (axas_get_info(f->clone[i].space, &in))
			continue;
		frames += in.frames;
		borrowed += in.borrowed;
		tables += in.tables;
	}
	printf("clones   %u ran at once for %.1f s\n", f->nr, f->run_ns / 1e9);
	printf("         on average %llu pages of their own, %llu borrowed, %llu tables\n",
	       frames / f->nr, borrowed / f->nr, tables / f->nr);
}

static void report(const struct forks *f)
{
	struct axas_image_info in;

	printf("forked   after %.1f s: vCPUs stopped in %llu us, state saved in %llu us\n",
	       (f->forked - f->m->started) / 1e9, (f->forked - f->m->fork.asked) / 1000,
	       f->save_ns / 1000);
	printf("         memory frozen in %llu us, none of it mapped by this host\n",
	       f->freeze_ns / 1000);
	printf("         %u clones in %llu us, their vCPUs and devices in %llu us\n", f->nr,
	       f->clone_ns / 1000, f->make_ns / 1000);
	if (!axas_get_image_info(f->image, &in))
		printf("image    %llu frames of 4 KiB, %llu tables\n", in.frames, in.tables);
	show_sum(f);
	if (f->m->fork.each)
		for (u32 i = 0; i < f->nr_run; i++)
			show_clone(&f->clone[i]);
	if (f->again_ns)
		printf("reset    clone %u in %llu us, with its vCPUs and devices in %llu us\n",
		       f->m->fork.again, f->reset_ns / 1000, f->again_ns / 1000);
}

static void end(struct forks *f)
{
	for (u32 i = 0; i < f->nr_run; i++)
		machine_free(&f->clone[i]);
	if (f->image >= 0)
		close(f->image);
	free(f->clone);
	free(f->space);
	free(f->state);
}

int machine_fork(struct machine *m, const char **what)
{
	struct forks f = { .m = m, .image = -1 };
	int err = freeze(&f, what);

	/* The terminal is not the clones': its Ctrl-C ends them. Their lines begin on a new one. */
	console_end();
	console_put(m, '\n');
	if (!err)
		err = make_spaces(&f, what);
	if (!err)
		err = make_machines(&f, what);
	if (!err)
		err = run_all(&f, what);
	if (!err && m->fork.again && m->ending == PAUSED)
		err = run_again(&f, what);
	if (!err)
		report(&f);
	end(&f);
	machine_end(m, FORKED);
	return err;
}
