// SPDX-License-Identifier: GPL-2.0-only
/*
 * axas_bench_rcu.ko: the numbers of normal and expedited RCU grace periods, as a parameter, for
 * bench/user/disturb.c, which counts those caused by an operation.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

/* The low two bits of the sequence number are the phase of the grace period. */
#define PHASES	2

static int get(char *buf, const struct kernel_param *kp)
{
	struct rcu_gp_oldstate now;

	get_state_synchronize_rcu_full(&now);
	return sysfs_emit(buf, "%lu %lu\n", now.rgos_norm >> PHASES, now.rgos_exp >> PHASES);
}

static const struct kernel_param_ops ops = { .get = get };

module_param_cb(grace_periods, &ops, NULL, 0444);
MODULE_PARM_DESC(grace_periods, "Normal and expedited grace periods that have passed");

static int __init axas_bench_rcu_init(void)
{
	return 0;
}

static void __exit axas_bench_rcu_exit(void)
{
}

module_init(axas_bench_rcu_init);
module_exit(axas_bench_rcu_exit);

MODULE_DESCRIPTION("Grace periods that have passed");
MODULE_LICENSE("GPL");
