# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: every test of the module that needs a booted kernel. Modules and programs
# that were not given (a stock kernel has no KUnit) are not asked for. AXAS_CASE, a kernel
# argument, asks for less: "la57" and "small" are machines for vCPUs alone, whose CPU is
# said to be so, "kvm" is one with KVM's modules; "wide", "nohz", "preempt" and "rt" are
# those on which removals wait otherwise; "fire" is random calls for a long time; "device" and
# "vcpu" are the suites by which mutate.sh judges a change in the files of a device.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

KMEMLEAK=/sys/kernel/debug/kmemleak

load() { insmod "/axas/$1.ko"; }
loaded() { grep -q "^$1 " /proc/modules; }

# Make what the kernel leaked before us none of our business.
kmemleak_clear() {
	[ -e $KMEMLEAK ] || return 0
	echo scan=off >$KMEMLEAK
	echo scan >$KMEMLEAK
	echo clear >$KMEMLEAK
}

# An object is reported from the age of five seconds on, and by the second scan.
kmemleak_none() {
	sleep 6
	echo scan >$KMEMLEAK
	sleep 1
	echo scan >$KMEMLEAK
	cat $KMEMLEAK
	! grep -q 'unreferenced object' $KMEMLEAK
}

# A space that a process holds keeps the module in.
held_space_refuses_rmmod() {
	axasctl create -- sleep 5 &
	sleep 2
	! rmmod axas && loaded axas
	_held=$?
	wait
	return $_held
}

load_unload() {
	i=0
	while [ $i -lt "$1" ]; do
		load axas && rmmod axas || return 1
		i=$((i + 1))
	done
}

# Debian's KVM, beside which we never run. From 6.12 on it would take the CPUs at once;
# before, it ignores what it does not know.
load_kvm() {
	load irqbypass && load ccp && insmod /axas/kvm.ko enable_virt_at_load=0 && load kvm-amd
}

unload_kvm() { rmmod kvm_amd kvm ccp irqbypass; }

kunit_suites() { load axas_kunit && rmmod axas_kunit; }
vcpu_kunit_suites() { load axvcpu_kunit && rmmod axvcpu_kunit; }

consumer() { load axas_consumer && rmmod axas_consumer; }

VULNERABILITIES=/sys/devices/system/cpu/vulnerabilities

# The names of /proc/cpuinfo, by which axvcpu tells, for those of the files there that
# differ. Nothing for what is not for guests.
bug_of() {
	case $1 in
	reg_file_data_sampling) echo rfds ;;
	spec_rstack_overflow) echo srso ;;
	tsx_async_abort) echo taa ;;
	indirect_target_selection) echo its ;;
	meltdown | spectre_v1 | srbds | gather_data_sampling | ghostwrite) ;;
	*) echo "$1" ;;
	esac
}

# S5: what the kernel says is open is named by the first vCPU, and what is closed is not.
what_is_open_is_told() {
	for file in "$VULNERABILITIES"/*; do
		bug=$(bug_of "${file##*/}")
		[ -n "$bug" ] || continue
		echo "# $bug: $(cat "$file")"
		told=
		dmesg | grep -q "axvcpu: guests are not kept.*[ ,]$bug (" && told=told
		case $told$(cat "$file") in
		Vulnerable*) return 1 ;;
		toldVulnerable* | *"SMT vulnerable"* | *"SMT Host state unknown"*) ;;
		*", no microcode"*) [ -n "$told" ] || return 1 ;;
		told*) return 1 ;;
		esac
	done
}

every_bug_is_known() {
	dmesg | grep 'axvcpu: mitigations: ' && ! dmesg | grep 'newer than this module'
}

before_user_space() {
	case $(cat "$VULNERABILITIES/vmscape" 2>/dev/null) in
	*"IBPB before exit to userspace"*) dmesg | grep -q 'mitigations: .*IBPB to user space' ;;
	*) ! dmesg | grep -q 'mitigations: .*IBPB to user space' ;;
	esac
}

mitigation_suite() {
	check what_is_open_is_told what_is_open_is_told
	check every_bug_is_known every_bug_is_known
	check before_user_space before_user_space
	echo "1..$CHECKS"
}

# The examples of the documentation do what they say.
example_user_runs() { example_user | tee /tmp/example && grep -q 'write to code: .*may not' /tmp/example; }
example_mmap_runs() {
	example_mmap | tee /tmp/example && [ "$(cat /tmp/example)" = 'data: 0x80000000, 4096 bytes
data: 0x80010000, 4096 bytes
data: 0x80000000, 4096 bytes
in the hole: ""
the reader sees "first page"' ]
}

example_restore_runs() {
	example_restore | tee /tmp/example && [ "$(cat /tmp/example)" = \
'64 pages read: the rest is still in the file
all pages read: 4096 of 4096 are there' ]
}

# Two of three clients write their clones; none sees what another wrote.
example_snapshot_runs() {
	example_snapshot serve /tmp/snapshots 3 &
	while [ ! -S /tmp/snapshots ]; do sleep 0.1; done
	for _client in 1 2 3; do
		example_snapshot clone /tmp/snapshots "client $_client" || return 1
	done | tee /tmp/example
	wait $! && [ ! -e /tmp/snapshots ] && [ "$(cat /tmp/example)" = \
'got:   "what every clone begins with"
wrote: "client 1", own frames: 1
got:   "what every clone begins with"
wrote: "client 2", own frames: 1
got:   "what every clone begins with"
wrote: "client 3", own frames: 1' ] && snapshot_server_is_bounded
}

# One client at a time: while it has its clone, the next one gets none; when it has gone, one does.
snapshot_server_is_bounded() {
	example_snapshot serve /tmp/snapshots 3 1 &
	_server=$!
	while [ ! -S /tmp/snapshots ]; do sleep 0.1; done
	example_snapshot clone /tmp/snapshots first 1000 >/tmp/first &
	_first=$!
	while ! grep -q wrote /tmp/first; do sleep 0.1; done
	example_snapshot clone /tmp/snapshots second 2>/tmp/second && return 1
	grep -q 'no clone for now' /tmp/second || return 1
	kill $_first
	wait $_first
	example_snapshot clone /tmp/snapshots third | grep 'wrote: "third"' && wait $_server
}

# The dump of an image, too, and of memory of which little is there.
example_dump_runs() {
	# shellcheck disable=SC2016  # of the shell with the space
	axasctl create -- sh -c 'axasctl map alloc 0x100000 1G && axasctl protect 0x100000 4K r &&
		axasctl write 0x3000000 --string hello &&
		example_dump "/proc/$$/fd/$AXAS_FD" /tmp/dump' >/tmp/example
	cat /tmp/example
	[ "$(cat /tmp/example)" = '0x0000100000 + 0x0000001000 r-- normal alloc
0x0000101000 + 0x003ffff000 rwx normal alloc
4096 bytes of memory' ] &&
		[ "$(stat -c %s /tmp/dump)" = $((0x40100000)) ] && [ "$(du -k /tmp/dump | cut -f1)" -le 8 ] &&
		[ "$(dd if=/tmp/dump bs=4096 skip=$((0x3000)) count=1 2>/dev/null | head -c 5)" = hello ]
}

# example_module NAME WORDS PARAMETER...: it loads, says this, and leaves.
example_module() {
	_module=$1 _words=$2
	shift 2
	insmod "/axas/$_module.ko" "$@" && rmmod "$_module" && dmesg | grep "$_module: $_words"
}

example_module_runs() {
	example_module axas_example 'root .* frames, value 42' && dmesg | grep 'axas_example: 0 frames are left'
}

# What the pages show, in C: programs, and modules.
example_pages_run() {
	example_pages | tee /tmp/example && [ "$(cat /tmp/example)" = \
'populated: 16384 frames
discarded: 4096 frames
moved: written
supplied' ] || return 1
	[ -f /axas/axas_pages.ko ] || return 0
	# shellcheck disable=SC2016  # of the shell with the space
	axasctl create -- sh -c 'axasctl map alloc 0 64K && insmod /axas/axas_pages.ko fd=$AXAS_FD' &&
		rmmod axas_pages && dmesg | grep 'axas_pages: value 42'
}

example_hal_conforms() {
	example_module axas_pool '0 errors' base=0x30c00000 size=0x400000 &&
		dmesg | grep 'axas_pool: .* of 4096 KiB are in use, value 42'
}

example_suite() {
	check example_user_runs example_user_runs
	check example_mmap_runs example_mmap_runs
	check example_restore_runs example_restore_runs
	check example_snapshot_runs example_snapshot_runs
	check example_dump_runs example_dump_runs
	check example_pages_run example_pages_run
	[ ! -f /axas/axas_pool.ko ] || check example_module_runs example_module_runs
	[ ! -f /axas/axas_pool.ko ] || check example_hal_conforms example_hal_conforms
	echo "1..$CHECKS"
}

fuzz_finds_the_bug() {
	example_fuzz "$1" "$2" | tee /tmp/example | sed 's/^/# /'
	grep -q 'crashes, the first by .*"AXAS"' /tmp/example
}

example_vmm_runs() {
	example_vmm | tee /tmp/example && [ "$(cat /tmp/example)" = \
'hello from a guest 123!
the guest halted' ]
}

fuzz_suite() {
	check example_vmm_runs example_vmm_runs
	check fuzz_finds_the_bug fuzz_finds_the_bug reset 1000
	check fuzz_without_kept_pages fuzz_finds_the_bug drop 700
	check fuzz_runs_clones example_fuzz clone 20
	echo "1..$CHECKS"
}

module_suite() {
	check axas_loads load axas
	check dev_axas_is_for_root_alone test "$(stat -c %a /dev/axas)" = 600
	[ ! -f /axas/axas_consumer.ko ] || check consumer_module_is_content consumer
	check held_space_refuses_rmmod held_space_refuses_rmmod
	[ ! -e $KMEMLEAK ] || check no_leak_while_loaded kmemleak_none
	check axas_unloads rmmod axas
	check loads_and_unloads_often load_unload $LOADS
	[ ! -e $KMEMLEAK ] || check no_leak_after_unloading kmemleak_none
	echo "1..$CHECKS"
}

cpu_has() { grep -qw "$1" /proc/cpuinfo; }
cpu_lacks() { ! cpu_has "$1"; }
reads() { [ "$(cat "$1")" = "$2" ]; }

# For tests of files with a server, if there is such a module.
load_fuse() { [ ! -f /axas/fuse.ko ] || load fuse; }

# A disk that reads into memory by O_DIRECT.
load_disk() { [ ! -f /axas/brd.ko ] || insmod /axas/brd.ko rd_nr=1 rd_size=16384; }

# Is it the machine that is asked for?
machine_suite() {
	case $AXAS_CASE in
	la57) check the_host_has_5_levels cpu_has la57 ;;
	small) check the_host_has_no_leaves_of_1G cpu_lacks pdpe1gb ;;
	kvm) check kvm_is_there load_kvm ;;
	wide) check there_may_be_256_cpus reads /sys/devices/system/cpu/possible 0-255 ;;
	nohz) check cpu_1_has_no_tick reads /sys/devices/system/cpu/nohz_full 1 ;;
	preempt) check the_kernel_is_preempted grep -q '(full)' /sys/kernel/debug/sched/preempt ;;
	rt) check the_kernel_is_preempt_rt reads /sys/kernel/realtime 1 ;;
	esac
	echo "1..$CHECKS"
}

# The user API's tests of the devices, with the host's format alone.
device_suites() {
	suite uapi axas_uapi_test -d
	suite axasctl sh /axas/device_test.sh axasctl 0x30000000
	load axvcpu
	suite unload unload_suite
}

# For as long, and as often, as the kernel's arguments say: no test has a limit of its own.
fire_suites() {
	[ "${AXAS_CALLS:-0}" = 0 ] ||
		suite uapi axas_uapi_test -t 100000 -n "$AXAS_CALLS" -d model watch garbage
	suite fire axvcpu_test -t 100000 fire
	suite unload unload_suite
}

load_fuse
load_disk
if [ "${AXAS_CASE:-all}" != all ]; then
	load axas
	case $AXAS_CASE in
	wide | nohz | preempt | rt) suite uapi axas_uapi_test ;;
	device)
		device_suites
		exit 0
		;;
	esac
	load axvcpu
	if [ "$AXAS_CASE" = fire ]; then
		fire_suites
		exit 0
	fi
	[ "$AXAS_CASE" = vcpu ] || suite machine machine_suite
	case $AXAS_CASE in
	kvm)
		suite vcpu axvcpu_test kvm
		;;
	*)
		suite vcpu axvcpu_test
		suite guests guest_suite
		;;
	esac
	suite unload unload_suite
	exit 0
fi

# A debug kernel, to its tests with the most areas.
[ ! -e $KMEMLEAK ] || export AXAS_SLOW=1

kmemleak_clear
load axas
[ ! -f /axas/axas_kunit.ko ] || suite kunit kunit_suites
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
[ ! -f /axas/axas_late.ko ] || suite backends backend_suite 0x30800000
suite uapi axas_uapi_test
suite examples example_suite
suite axasctl sh /axas/device_test.sh axasctl 0x30000000
[ ! -f /axas/axas_uapi_test32 ] || suite uapi32 axas_uapi_test32 -d
load axvcpu
suite held axas_uapi_test "while a vCPU has it"
[ ! -f /axas/axvcpu_kunit.ko ] || suite vcpu-kunit vcpu_kunit_suites
export AXAS_SECONDS="${AXAS_SECONDS:-2}"
suite vcpu axvcpu_test
suite mitigations mitigation_suite
suite guests guest_suite
suite fuzz fuzz_suite
suite unload unload_suite
suite module module_suite

# What cannot be taken back comes last: a locked down kernel loads no module of ours, and tells no
# counts.
counts
load axas
export AXAS_LOCKDOWN=1
suite lockdown axas_uapi_test "locked down"
