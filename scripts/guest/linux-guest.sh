# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# linux-guest.sh: what a guest of axvcpu runs. AXAS_RUN, a kernel argument, says how much: "tests",
# "shell", a shell on the console that ends with its input, "reset", or "demo".

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

# The clock that needs no exit.
case $(uname -m) in
riscv64) CLOCK=riscv_clocksource ;;
aarch64) CLOCK=arch_sys_counter ;;
*) CLOCK=tsc ;;
esac

clock_needs_no_exit() {
	grep -q "^$CLOCK\$" /sys/devices/system/clocksource/clocksource0/current_clocksource
}

# Each CPU but the first goes and comes back.
cpus_go_and_come() {
	for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
		[ -f "$cpu" ] || continue
		echo 0 >"$cpu" && [ "$(cat "$cpu")" = 0 ] && [ "$(nproc)" = $((AXAS_NCPU - 1)) ] &&
			sleep 0.1 && echo 1 >"$cpu" || return 1
	done
	all_cpus_run
}

machine_suite() {
	check all_cpus_run all_cpus_run
	check clock_needs_no_exit clock_needs_no_exit
	check cpus_go_and_come cpus_go_and_come
	echo "1..$CHECKS"
}

case ${AXAS_RUN:-tests} in
shell)
	echo "# a shell"
	setsid sh -c 'exec sh -i <>/dev/ttyS0 >&0 2>&1'
	;;
reset)
	reboot -f
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
