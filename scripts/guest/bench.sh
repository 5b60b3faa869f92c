# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh: what scripts/bench.sh measures, inside a stock kernel. The kernel's argument
# AXAS_BENCH chooses: "all" is on one CPU, "parallel" faults on all CPUs.

# The rows: "##bench NAME MEAN CLEAN DIRTY".
rows() { sed 's/^/##bench /'; }

# machine NAME: a group once for a process that nobody's memory is charged to, which is
# what the root of the cgroups means, and once for one in a cgroup, as all are elsewhere.
machine() {
	case $AXAS_BENCH in
	parallel) axas_bench "$1-parallel" ;;
	*)
		echo 0 >/sys/fs/cgroup/cgroup.procs
		axas_bench "$1-uncharged"
		echo 0 >/sys/fs/cgroup/bench/cgroup.procs
		axas_bench "$1"
		;;
	esac | rows
}

mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/bench

# KVM first, and gone before axvcpu comes: a CPU has one hypervisor.
for module in irqbypass ccp kvm kvm-amd; do
	insmod "/axas/$module.ko" || echo "##bench failed: $module.ko does not load"
done
machine kvm
rmmod kvm-amd
rmmod kvm

for module in axas axvcpu; do
	insmod "/axas/$module.ko" || echo "##bench failed: $module.ko does not load"
done
machine axas
if [ "$AXAS_BENCH" = all ]; then
	echo 0 >/sys/fs/cgroup/bench/cgroup.procs
	axas_bench paths | rows
	rmmod axvcpu
	insmod /axas/axas_bench.ko || echo "##bench failed: axas_bench.ko does not load"
	dmesg | sed -n 's/^.*axas_bench: //p' | rows
fi
