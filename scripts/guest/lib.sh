# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts that run in a virtual machine: suites and single checks, in the
# form that scripts/results.sh reads.

CHECKS=0

# How much of what can be done without end: the kernel's argument AXAS_EFFORT is full or
# short, AXAS_ROUNDS may say more.
if [ "${AXAS_EFFORT:-short}" = full ]; then
	LOADS=100 AXAS_ROUNDS=${AXAS_ROUNDS:-10000}
else
	LOADS=20 AXAS_ROUNDS=${AXAS_ROUNDS:-1000}
fi
export AXAS_ROUNDS LOADS

# suite NAME COMMAND...: a program that prints TAP.
suite() {
	_suite=$1
	CHECKS=0
	shift
	echo "##axas begin $_suite"
	echo "axas-suite: begin $_suite" >/dev/kmsg
	_start=$(cut -d. -f1 /proc/uptime)
	"$@"
	_rc=$?
	echo "axas-suite: end $_suite" >/dev/kmsg
	echo "# $_suite took $(($(cut -d. -f1 /proc/uptime) - _start)) s"
	echo "##axas end $_suite $_rc"
	return $_rc
}

# check NAME COMMAND...: one test of its own.
check() {
	_name=$1
	shift
	CHECKS=$((CHECKS + 1))
	if "$@"; then
		echo "ok $CHECKS $_name"
	else
		echo "not ok $CHECKS $_name"
	fi
}

# What gcov counted in our modules, unloaded or not, by names from the folder in which they were
# built: a tar file, in base64. tar would take files of debugfs for empty.
counts() {
	_counts=$(find /sys/kernel/debug/gcov -name axas_main.gcda 2>/dev/null)
	[ -n "$_counts" ] || return 0
	(
		cd "${_counts%/*}" || exit
		find . -name '*.gcda' | while read -r _file; do
			mkdir -p "/tmp/counts/${_file%/*}"
			cat "$_file" >"/tmp/counts/$_file"
		done
	)
	tar -C /tmp/counts -czf - . | base64 | sed 's/^/##counts /'
}

# Guests of "axasctl run": what one prints, and that the tool tells how it ended.
guest_says_hello() { axasctl run /axas/hello.elf | grep 'hello from a guest'; }
guest_in_a_hole_is_told() {
	axasctl run /axas/fault.elf >/tmp/fault
	[ $? = 1 ] && grep '0x44000000: hole' /tmp/fault
}

# one_run LEAVES OPTION...: the checksum is the one of every format, and the report tells of
# these leaves.
one_run() {
	_leaves=$1
	shift
	axasctl run "$@" /axas/demo.elf >/tmp/demo || return 1
	grep -E "checksum|leaves" /tmp/demo | sed "s/^/# $*: /"
	grep -q 'checksum 0x6cd473b1d6aedd9$' /tmp/demo && grep -q "^leaves .* $_leaves " /tmp/demo
}

# However its memory comes: 64 MiB, of which it touches 9216 pages.
guest_memory_is_the_same() {
	one_run '2M 0' --lazy && one_run '2M 32' --populate &&
		one_run '2M 32' --huge always && one_run '2M 0' --huge never
}

guest_suite() {
	check guest_says_hello guest_says_hello
	check guest_in_a_hole_is_told guest_in_a_hole_is_told
	check guest_memory_is_the_same guest_memory_is_the_same
	echo "1..$CHECKS"
}

unload_suite() {
	check axvcpu_unloads rmmod axvcpu
	check axas_unloads rmmod axas
	echo "1..$CHECKS"
}

# Modules that supply memory, each after it has passed the conformance suite, and of a region that
# no test maps by its address.
backends_conform() {
	insmod /axas/axas_late.ko && rmmod axas_late &&
		insmod /axas/axas_late.ko check=1 &&
		insmod /axas/axas_reserved.ko check=1 base="$1" size=0x400000
}

backend_tests() { axas_uapi_test backend >/tmp/backend || { cat /tmp/backend && false; }; }

backends_unload() { rmmod axas_late && rmmod axas_reserved; }

# backend_suite ADDRESS: of 4 MiB that the kernel does not use.
backend_suite() {
	check backends_conform backends_conform "$1"
	check late_memory_holds_nobody_up backend_tests
	check backends_unload backends_unload
	echo "1..$CHECKS"
}
