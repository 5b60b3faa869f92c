# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# riscv64.sh: what a riscv64 machine is to show: with the hypervisor extension, that
# hardware walks our tables as we do, and that guests run; without it, that there are no
# vCPUs and all else works.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

load() { insmod "/axas/$1.ko"; }
walk() { load axas_gstage_test && rmmod axas_gstage_test; }

has_extension() { sed -n 's/^isa.*: rv64\([a-z]*\).*/\1/p' /proc/cpuinfo | grep -q h; }

load_unload() {
	i=0
	while [ $i -lt "$1" ]; do
		load axas && load axvcpu || return 1
		[ $((i % 10)) != 0 ] || axvcpu_test halt_comes_out >/dev/null || return 1
		rmmod axvcpu && rmmod axas || return 1
		i=$((i + 1))
	done
}

module_suite() {
	check loads_and_unloads_often load_unload $LOADS
	echo "1..$CHECKS"
}

load axas
load axvcpu
if has_extension; then
	suite gstage walk
	suite vcpu axvcpu_test
	# Instructions from the guest's memory, where htinst would say nothing.
	echo 1 >/sys/module/axvcpu/parameters/fetch_insn
	suite fetched axvcpu_test mmio
	for bits in 1 0; do
		echo $bits >/sys/module/axvcpu/parameters/vmid_bits
		suite vmids-of-$bits-bits axvcpu_test take_turns two_ cpus_go
	done
	echo 14 >/sys/module/axvcpu/parameters/vmid_bits
	# Timers as on a CPU without a comparator for guests.
	echo 0 >/sys/module/axvcpu/parameters/sstc
	suite without-sstc axvcpu_test timer_by_sbi timer_interrupts timer_is reset_begins
	echo 1 >/sys/module/axvcpu/parameters/sstc
	suite guests guest_suite
	suite unload unload_suite
	suite module module_suite
else
	suite without axvcpu_test no_extension
fi
