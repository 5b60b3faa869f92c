// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks that sleep, spinlocks, completions, wait queues.
 */
#include <time.h>
#include <unistd.h>
#include "shim/kernel.h"

void init_rwsem(struct rw_semaphore *s)
{
	*s = (struct rw_semaphore)SHIM_RWSEM_INIT;
}

#ifndef SHIM_NATIVE
/*
 * Writers first, as with the kernel's; and as there, who gives it up hands it to the readers
 * that wait: no writer who comes at once again takes it before they ran.
 */
void down_read(struct rw_semaphore *s)
{
	might_sleep();
	pthread_mutex_lock(&s->m);
	if (s->writing || s->waiting) {
		unsigned int turn = s->turn;

		for (s->queued++; s->turn == turn;)
			pthread_cond_wait(&s->c, &s->m);
	} else {
		s->readers++;
	}
	pthread_mutex_unlock(&s->m);
}

void up_read(struct rw_semaphore *s)
{
	pthread_mutex_lock(&s->m);
	WARN_ON(s->readers <= 0);
	if (!--s->readers)
		pthread_cond_broadcast(&s->c);
	pthread_mutex_unlock(&s->m);
}
#endif

/* Those that wait have it. */
static void hand_to_readers(struct rw_semaphore *s)
{
	s->readers += s->queued;
	s->queued = 0;
	s->turn++;
	pthread_cond_broadcast(&s->c);
}

int down_read_trylock(struct rw_semaphore *s)
{
	int got;

	pthread_mutex_lock(&s->m);
	got = !s->writing;
	s->readers += got;
	pthread_mutex_unlock(&s->m);
	return got;
}

void down_write(struct rw_semaphore *s)
{
	might_sleep();
	pthread_mutex_lock(&s->m);
	WARN_ON(s->writing && pthread_equal(s->writer, pthread_self()));
	s->waiting++;
	while (s->writing || s->readers)
		pthread_cond_wait(&s->c, &s->m);
	s->waiting--;
	s->writing = true;
	s->writer = pthread_self();
	pthread_mutex_unlock(&s->m);
}

int down_write_trylock(struct rw_semaphore *s)
{
	int got;

	pthread_mutex_lock(&s->m);
	got = !s->writing && !s->readers;
	if (got) {
		s->writing = true;
		s->writer = pthread_self();
	}
	pthread_mutex_unlock(&s->m);
	return got;
}

void up_write(struct rw_semaphore *s)
{
	pthread_mutex_lock(&s->m);
	WARN_ON(!s->writing || !pthread_equal(s->writer, pthread_self()));
	s->writing = false;
	hand_to_readers(s);
	pthread_mutex_unlock(&s->m);
}

void downgrade_write(struct rw_semaphore *s)
{
	pthread_mutex_lock(&s->m);
	WARN_ON(!s->writing);
	s->writing = false;
	s->readers++;
	hand_to_readers(s);
	pthread_mutex_unlock(&s->m);
}

/* As the kernel's: a lock that is free is taken, also by a task that is being killed. */
int down_read_killable(struct rw_semaphore *s)
{
	while (!down_read_trylock(s)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep(100);
	}
	return 0;
}

int down_write_killable(struct rw_semaphore *s)
{
	while (!down_write_trylock(s)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep(100);
	}
	return 0;
}

bool shim_rwsem_held(struct rw_semaphore *s, bool write)
{
	bool held;

	pthread_mutex_lock(&s->m);
	held = s->writing && pthread_equal(s->writer, pthread_self());
	if (!write)
		held |= s->readers > 0;
	pthread_mutex_unlock(&s->m);
	return held;
}

void spin_lock_init(spinlock_t *l)
{
	*l = (spinlock_t)__SPIN_LOCK_UNLOCKED(l);
}

void spin_lock(spinlock_t *l)
{
	preempt_disable();
	pthread_mutex_lock(&l->m);
	l->owner = pthread_self();
	__atomic_store_n(&l->held, true, __ATOMIC_RELAXED);
}

bool spin_trylock(spinlock_t *l)
{
	preempt_disable();
	if (pthread_mutex_trylock(&l->m)) {
		preempt_enable();
		return false;
	}
	l->owner = pthread_self();
	__atomic_store_n(&l->held, true, __ATOMIC_RELAXED);
	return true;
}

void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->held, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&l->m);
	preempt_enable();
}

bool shim_spin_held(spinlock_t *l)
{
	return __atomic_load_n(&l->held, __ATOMIC_RELAXED) &&
	       pthread_equal(l->owner, pthread_self());
}

void init_completion(struct completion *x)
{
	*x = (struct completion)SHIM_COMPLETION_INIT;
}

void complete(struct completion *x)
{
	pthread_mutex_lock(&x->m);
	x->done++;
	pthread_cond_broadcast(&x->c);
	pthread_mutex_unlock(&x->m);
}

void complete_all(struct completion *x)
{
	pthread_mutex_lock(&x->m);
	x->done = UINT_MAX / 2;
	pthread_cond_broadcast(&x->c);
	pthread_mutex_unlock(&x->m);
}

void wait_for_completion(struct completion *x)
{
	might_sleep();
	pthread_mutex_lock(&x->m);
	while (!x->done)
		pthread_cond_wait(&x->c, &x->m);
	if (x->done < UINT_MAX / 2)
		x->done--;
	pthread_mutex_unlock(&x->m);
}

static bool try_wait_for_completion(struct completion *x)
{
	bool done;

	pthread_mutex_lock(&x->m);
	done = x->done;
	if (done && x->done < UINT_MAX / 2)
		x->done--;
	pthread_mutex_unlock(&x->m);
	return done;
}

int wait_for_completion_killable(struct completion *x)
{
	while (!try_wait_for_completion(x)) {
		if (fatal_signal_pending(current))
			return -ERESTARTSYS;
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

unsigned long wait_for_completion_timeout(struct completion *x, unsigned long ticks)
{
	while (!try_wait_for_completion(x)) {
		if (!ticks--)
			return 0;
		schedule_timeout_uninterruptible(1);
	}
	return max(ticks, 1ul);
}

void init_waitqueue_head(wait_queue_head_t *q)
{
	pthread_mutex_init(&q->m, NULL);
	pthread_cond_init(&q->c, NULL);
}

void wake_up_all(wait_queue_head_t *q)
{
	pthread_mutex_lock(&q->m);
	pthread_cond_broadcast(&q->c);
	pthread_mutex_unlock(&q->m);
}

void shim_wait_a_bit(wait_queue_head_t *q)
{
	struct timespec until;

	might_sleep();
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&q->m);
	pthread_cond_timedwait(&q->c, &q->m, &until);
	pthread_mutex_unlock(&q->m);
}
