# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# reboot.sh: take the machine down, or to sleep, under running guests, in the way that the
# kernel's argument AXAS_WAY names. A second kernel, which kexec brought up, has
# AXAS_SECOND and shows that it can run guests, too. scripts/reboot.sh is the judge; the
# lines that it looks for start with "##axas".

load() { insmod "/axas/$1.ko"; }
mark() { echo "axas-down: $*" >/dev/kmsg; }

# Guests that never end: one on each CPU and one wherever there is room.
start_guests() {
	for mask in 1 2 3; do
		: >/tmp/beat$mask
		taskset $mask axasctl run --timeout 0 /axas/forever.elf >/tmp/beat$mask 2>/tmp/error$mask &
	done
}

# Each of them got on since we looked last.
guests_run() {
	for mask in 1 2 3; do
		_old=$(stat -c %s /tmp/beat$mask)
		_tries=0
		while [ "$(stat -c %s /tmp/beat$mask)" -le "$_old" ]; do
			_tries=$((_tries + 1))
			if [ $_tries -gt 600 ]; then
				echo "# the guest on CPUs $mask does not get on: $(cat /tmp/error$mask)"
				return 1
			fi
			usleep 100000
		done
	done
}

second_kernel() {
	load axas && load axvcpu && axasctl run /axas/hello.elf | grep 'hello from a guest' &&
		echo "##axas second kernel runs guests"
	poweroff -f
}

# What a second kernel has to be told of this machine.
machine_arguments() {
	case $(uname -m) in
	aarch64) echo "console=ttyAMA0 kvm-arm.mode=none AXAS_TTY=ttyS0" ;;
	*) echo "console=ttyS0 no_timer_check" ;;
	esac
}

# load_second load|crash: what kexec starts, now or at a crash.
load_second() {
	kexec "$1" /axas/vmlinuz /axas/second.gz "$(machine_arguments) panic=-1 oops=panic \
ignore_loglevel AXAS_SECOND=1" || echo "# kexec $1 failed"
}

way_reboot() { reboot -f; }
way_poweroff() { poweroff -f; }
way_kexec() { kexec go; }
way_sysrq_b() { echo b >/proc/sysrq-trigger; }
way_panic() { echo c >/proc/sysrq-trigger; }
way_crash() { echo c >/proc/sysrq-trigger; }

# A CPU goes and comes back, with a guest that wants to run there alone.
way_hotplug() {
	for _round in 1 2 3; do
		echo 0 >/sys/devices/system/cpu/cpu1/online && guests_run &&
			echo 1 >/sys/devices/system/cpu/cpu1/online && guests_run || return 1
	done
}

# Until the host wakes us.
way_freeze() { echo freeze >/sys/power/state && guests_run; }
way_mem() {
	echo deep >/sys/power/mem_sleep && echo mem >/sys/power/state && guests_run
}

[ -z "${AXAS_SECOND:-}" ] || second_kernel
load axas
load axvcpu
case $AXAS_WAY in
kexec) load_second load ;;
crash) load_second crash ;;
esac
start_guests
guests_run && echo "##axas guests run"
mark "$AXAS_WAY"
"way_$(echo "$AXAS_WAY" | tr - _)" && mark "back" && echo "##axas back"
