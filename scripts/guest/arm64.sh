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
		[ $((i % 10)) != 0 ] || axvcpu_arm64_test wfi_comes_out >/dev/null || return 1
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

mitigation_suite() {
	check history_is_cleared_where_the_kernel_does history_is_cleared
	echo "1..$CHECKS"
}

# The parts that do not depend on how fast the machine is.
no_vcpus() { axvcpu_arm64_test there_are_no_vcpus; }

load axas
load axvcpu
case $AXAS_CASE in
all)
	suite walk walk
	suite vcpu axvcpu_arm64_test
	suite guests guest_suite
	suite mitigations mitigation_suite
	suite module module_suite
	;;
some)
	suite walk walk
	suite vcpu axvcpu_arm64_test come stay mmio stage1 paging matrix space
	suite guests guest_suite
	suite mitigations mitigation_suite
	;;
none)
	suite vcpu no_vcpus
	suite axas consumer
	;;
esac
