# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# arm64.sh: what an arm64 machine is to show. At EL2: that hardware walks our tables as we
# do, and that guests run. At EL1, or beside KVM: that there are no vCPUs, that this is
# said, and that all else works. AXAS_CASE, a kernel argument, says how much.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

load() { insmod "/axas/$1.ko"; }
walk() { load axas_s2_test && rmmod axas_s2_test; }
consumer() { load axas_consumer && rmmod axas_consumer; }

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
	check consumer_module_is_content consumer
	check axvcpu_unloads rmmod axvcpu
	check axas_unloads rmmod axas
	check loads_and_unloads_often load_unload $LOADS
	echo "1..$CHECKS"
}

# We find the CPU in need of it where the kernel does.
history_is_cleared() {
	grep . /sys/devices/system/cpu/vulnerabilities/spectre_v2 | sed 's/^/# /'
	if grep -q 'BHB' /sys/devices/system/cpu/vulnerabilities/spectre_v2; then
		dmesg | grep -q 'axvcpu: exits clear the branch history'
	else
		! dmesg | grep -q 'axvcpu: exits clear the branch history'
	fi
}

# The same with so few VMIDs that they run out all the time.
few_vmids() {
	rmmod axvcpu && insmod /axas/axvcpu.ko vmid_bits=8 || return 1
	axvcpu_test vmid tlbi rollovers
	_result=$?
	rmmod axvcpu && load axvcpu && return $_result
}

mitigation_suite() {
	check history_is_cleared_where_the_kernel_does history_is_cleared
	echo "1..$CHECKS"
}

# The parts that do not depend on how fast the machine is.
no_vcpus() { axvcpu_test there_are_no_vcpus; }

# Once, and with what to do (S7).
kvm_is_named() {
	[ "$(dmesg | grep -c 'axvcpu: .*KVM')" = 1 ] &&
		dmesg | grep 'axvcpu: KVM, .* has the CPUs: boot with kvm-arm.mode=none'
}

kvm_suite() {
	check kvm_is_named kvm_is_named
	echo "1..$CHECKS"
}

load axas
load axvcpu
case $AXAS_CASE in
all)
	suite walk walk
	load axas_el2
	suite vcpu axvcpu_test
	suite few_vmids few_vmids
	rmmod axas_el2
	suite guests guest_suite
	suite backends backend_suite 0x80800000
	suite mitigations mitigation_suite
	suite module module_suite
	;;
some)
	suite walk walk
	load axas_el2
	suite vcpu axvcpu_test come stay mmio stage1 paging matrix space real round \
		refused undefined aarch32 tlbi watchpoints el2 pstate tables_of survive_faults
	rmmod axas_el2
	suite guests guest_suite
	suite mitigations mitigation_suite
	;;
tags)
	load axas_el2
	suite vcpu axvcpu_test real tco pstate watchpoints_s hypercall hidden
	;;
none)
	suite vcpu no_vcpus
	[ ! -e /dev/kvm ] || suite kvm kvm_suite
	suite axas consumer
	;;
esac
