# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh: what scripts/bench.sh measures, inside a stock kernel.

# Charged is what is charged to a cgroup: in the root one nothing is.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/bench
echo $$ >/sys/fs/cgroup/bench/cgroup.procs

insmod /axas/axas.ko
insmod /axas/axas_bench.ko || echo "# axas_bench.ko does not load"
rmmod axas_bench
dmesg | sed -n 's/^.*axas_bench: //p'
