// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of the suites, and threads for tests.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_test.h"

struct running {
	struct test_thread *thread;
	struct completion *go;
	struct completion done;
	struct task_struct *task;
};

static int run_one(void *data)
{
	struct running *r = data;

	wait_for_completion(r->go);
	r->thread->result = r->thread->fn(r->thread->arg);
	complete(&r->done);
	return 0;
}

int test_run_threads(struct test_thread *threads, unsigned int n)
{
	struct running *running = kcalloc(n, sizeof(*running), GFP_KERNEL);
	DECLARE_COMPLETION_ONSTACK(go);
	unsigned int i, started;
	int err = 0;

	if (!running)
		return -ENOMEM;
	for (started = 0; started < n && !err; started++) {
		struct running *r = &running[started];

		*r = (struct running){ .thread = &threads[started], .go = &go };
		init_completion(&r->done);
		r->task = kthread_run(run_one, r, "axas_kunit/%u", started);
		err = PTR_ERR_OR_ZERO(r->task);
	}
	started -= !!err;
	complete_all(&go);
	for (i = 0; i < started; i++)
		wait_for_completion(&running[i].done);
	kfree(running);
	return err ? -ENOMEM : 0;
}

#undef SUITE
#define SUITE(name)	(&name##_suite)
#define FORMAT_SUITE(NAME, name)	, SUITE(axas_npt_##name)
#ifdef __KERNEL__
kunit_test_suites(SUITES_UNWRAP AXAS_SUITES AXAS_NPT_FORMATS(FORMAT_SUITE),
		  SUITES_UNWRAP AXAS_LINUX_SUITES);
#else
RUN_SUITES(AXAS_SUITES AXAS_NPT_FORMATS(FORMAT_SUITE));
#endif

MODULE_DESCRIPTION("KUnit tests of axas");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
