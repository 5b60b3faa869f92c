# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# linux-guest.sh: what a guest of axvcpu runs. AXAS_RUN, a kernel argument, says how much: "tests",
# "busy", tests until it reads a line, "disk", "shell", a shell on the console that ends with its input, "reset", "demo", or "fork", which waits
# for a line, executes it and ends.

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

# Four programs at once write their part, past the page cache, and read it back.
write_part() {
	dd if=/dev/urandom of="/tmp/part$1" bs=64k count=16
	dd if="/tmp/part$1" of=/dev/vda bs=64k seek=$((16 * $1)) oflag=direct
}

part_is_kept() {
	dd if=/dev/vda bs=4k skip=$((256 * $1)) count=256 iflag=direct | cmp - "/tmp/part$1"
}

disk_keeps_its_contents() {
	for part in 0 1 2 3; do
		write_part $part &
	done 2>/dev/null
	wait
	sync
	echo 3 >/proc/sys/vm/drop_caches
	for part in 0 1 2 3; do
		part_is_kept $part || return 1
	done 2>/dev/null
	echo "# disk $(cat /tmp/part[0-3] | md5sum)"
}

disk_ends_where_the_file_does() {
	[ "$(cat /sys/block/vda/size)" = 8192 ] &&
		! dd if=/dev/zero of=/dev/vda bs=4k seek=1024 count=1 oflag=direct 2>/dev/null
}

# The balloon's driver reports free memory every two seconds.
disk_suite() {
	check disk_keeps_its_contents disk_keeps_its_contents
	check disk_ends_where_the_file_does disk_ends_where_the_file_does
	set -- /sys/bus/virtio/drivers/virtio_balloon/virtio*
	[ ! -e "$1" ] || sleep 6
	echo "1..$CHECKS"
}

tests() {
	suite "$AXAS_NAME-machine" machine_suite
	suite "$AXAS_NAME-module" module_suite
	suite "$AXAS_NAME" linux_test ${AXAS_PATTERN:+$(echo "$AXAS_PATTERN" | tr , ' ')}
}

wait_to_be_told() { read -r _ <"/dev/$AXAS_TTY" && : >/tmp/told; }

for name in virtio_ring virtio virtio_mmio virtio_blk virtio_balloon; do
	[ ! -f /axas/$name.ko ] || insmod /axas/$name.ko
done
case ${AXAS_RUN:-tests} in
busy)
	wait_to_be_told &
	tests
	while [ ! -e /tmp/told ]; do
		linux_test most_memory >/tmp/again || { cat /tmp/again; break; }
	done
	;;
disk)
	suite "$AXAS_NAME" disk_suite
	;;
shell)
	echo "# a shell"
	setsid sh -c 'exec sh -i <>/dev/ttyS0 >&0 2>&1'
	;;
reset)
	reboot -f
	;;
fork)
	stty -F "/dev/$AXAS_TTY" -echo
	while usleep 20000; do
		echo $((COUNT += 1)) >/tmp/next && mv /tmp/next /tmp/count
	done &
	sleep 1
	echo "# ready to be forked"
	read -r line <"/dev/$AXAS_TTY"
	eval "$line"
	# Waits until all was sent.
	stty -F "/dev/$AXAS_TTY" echo
	poweroff -f
	;;
demo)
	uname -a
	sed -n 's/^\(model name\|isa\|CPU part\).*: /a guest on: /p' /proc/cpuinfo
	dmesg | grep -E 'Machine model|Booting paravirt|smp: Brought up|GICv3: .* SPIs|SBI specification'
	free -m
	;;
*)
	tests
	;;
esac
grep -E 'LOC:|RES:|timer|ttyS0' /proc/interrupts | sed 's/^/# /'
poweroff -f
