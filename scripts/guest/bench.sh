# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh: what scripts/bench.sh measures, inside a stock kernel. The kernel's argument
# AXAS_BENCH chooses: "all" is on one CPU, "spaces" only what spaces cost by their descriptor,
# "large" the dirty log's start on 8 GiB, "parallel" faults on all CPUs, "disturb" what other
# CPUs notice, "axas-profile", "kvm-profile" and "bridge-profile" what scripts/bench-profile.sh
# looks at.

# The rows, "NAME MEAN CLEAN DIRTY", are kept until the end: the serial line's interrupts
# would be part of what is measured next.
ROWS=/tmp/rows

# machine NAME: a group once for a process that nobody's memory is charged to, which is
# what the root of the cgroups means, and once for one in a cgroup, as all are elsewhere.
machine() {
	case $AXAS_BENCH in
	parallel | disturb) axas_bench "$1-$AXAS_BENCH" ;;
	"$1-profile")
		echo 0 >/sys/fs/cgroup/bench/cgroup.procs
		axas_bench "$1-profile"
		# Where the functions are, modules included.
		echo "symbols $(grep -i ' [tw] ' /proc/kallsyms | gzip | base64 -w 0)"
		;;
	*-profile) ;;
	*)
		echo 0 >/sys/fs/cgroup/cgroup.procs
		axas_bench "$1-uncharged"
		echo 0 >/sys/fs/cgroup/bench/cgroup.procs
		axas_bench "$1"
		[ "$AXAS_BENCH" != all ] || axas_bench "$1-supply"
		;;
	esac >>$ROWS
}

# load MODULE...
load() {
	for module in "$@"; do
		insmod "/axas/$module.ko" || echo "failed: $module.ko does not load" >>$ROWS
	done
}

mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/bench

if [ "$AXAS_BENCH" = spaces ]; then
	load axas
	axas_bench spaces | sed 's/^/##bench /'
	exit
fi
if [ "$AXAS_BENCH" = large ]; then
	load axas axvcpu
	echo 0 >/sys/fs/cgroup/bench/cgroup.procs
	axas_bench axas-log-large | sed 's/^/##bench /'
	axas_bench axas-image-large | sed 's/^/##bench /'
	exit
fi
[ "$AXAS_BENCH" != disturb ] || load axas_bench_rcu

# KVM first, and gone before axvcpu comes: a CPU has one hypervisor.
load irqbypass ccp kvm kvm-amd
machine kvm
if [ "$AXAS_BENCH" = all ]; then
	# Two slots of 32 MiB, for a moment.
	echo 40 >/proc/sys/vm/nr_hugepages
	axas_bench kvm-memory >>$ROWS
	echo 0 >/proc/sys/vm/nr_hugepages
	axas_bench kvm-log kvm-image >>$ROWS
	load axas
	axas_bench bridge >>$ROWS
	rmmod axas
fi
if [ "$AXAS_BENCH" = bridge-profile ]; then
	load axas
	machine bridge
	rmmod axas
fi
rmmod kvm-amd
rmmod kvm

load axas axvcpu
machine axas
if [ "$AXAS_BENCH" = all ]; then
	echo 0 >/sys/fs/cgroup/bench/cgroup.procs
	axas_bench axas-log axas-image paths mappings >>$ROWS
	rmmod axvcpu
	load axas_bench
	dmesg | sed -n 's/^.*axas_bench: //p' >>$ROWS
fi
sed 's/^/##bench /' $ROWS
