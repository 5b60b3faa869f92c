# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# linux-guest.sh: what a guest of axvcpu runs. AXAS_RUN, a kernel argument, says how much: "tests",
# "shell", a shell on the console that ends with its input, or "demo".

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

module_loads() { insmod /axas/dummy.ko && grep -q '^dummy ' /proc/modules; }
module_unloads() { rmmod dummy && ! grep -q '^dummy ' /proc/modules; }

module_suite() {
	check module_loads module_loads
	check module_unloads module_unloads
	echo "1..$CHECKS"
}

all_cpus_run() { [ "$(nproc)" = "${AXAS_NCPU:-1}" ]; }

machine_suite() {
	check all_cpus_run all_cpus_run
	check clock_is_the_tsc grep -q '^tsc$' /sys/devices/system/clocksource/clocksource0/current_clocksource
	echo "1..$CHECKS"
}

case ${AXAS_RUN:-tests} in
shell)
	echo "# a shell"
	setsid sh -c 'exec sh -i <>/dev/ttyS0 >&0 2>&1'
	;;
demo)
	sed -n 's/^model name.*: /a guest on: /p' /proc/cpuinfo
	dmesg | grep -E 'Booting paravirt|smp: Brought up'
	free -m
	;;
*)
	suite "$AXAS_NAME-machine" machine_suite
	suite "$AXAS_NAME-module" module_suite
	suite "$AXAS_NAME" linux_test ${AXAS_PATTERN:+$(echo "$AXAS_PATTERN" | tr , ' ')}
	;;
esac
grep -E 'LOC:|RES:|timer|ttyS0' /proc/interrupts | sed 's/^/# /'
poweroff -f
