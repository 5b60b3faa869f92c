# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bridge.sh: KVM guests whose memory is a space, in the machine of scripts/bridge.sh. The
# VMMs are tests/bridge and an unmodified QEMU, whose guest runs bridge-inner.sh. AXAS_SUITES,
# a kernel argument, names the suites, or is "all".

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

PATH=$PATH:/usr/bin
SIZE=256M

load() { insmod "/axas/$1.ko"; }

load_kvm() {
	for _module in irqbypass ccp kvm kvm-amd; do
		[ ! -e /axas/$_module.ko ] || load $_module || return 1
	done
}

# Each machine of KVM, the first and the last one, switches a jump label in the scheduler, through
# a temporary breakpoint. QEMU 7.2 with a thread for each CPU may translate the breakpoint while
# another CPU writes the code, and then run it for ever in finish_task_switch() (vm-check.sh): seen
# after 100 machines with two CPUs online, and not in 1,500 with one. So one VM comes while the
# other CPUs are offline, and stays.
hold_a_vm() {
	set_online 0
	axas_bridge_test -k &
	HOLDER=$!
	sleep 1
	set_online 1
	kill -0 $HOLDER
}

set_online() {
	for _cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
		echo "$1" >"$_cpu" || return 1
	done
}

# What vm.sh does by isolcpus=0, with which these CPUs could not all be offline: guests run on
# the others.
leave_cpu_0() { taskset -p "$(printf %x $(((1 << $(nproc)) - 2)))" $$; }

wanted() {
	case ,$AXAS_SUITES, in
	,all, | *,"$1",*) ;;
	*) return 1 ;;
	esac
}

# QEMU's guest: its first serial line is our two pipes.
run_qemu() {
	_options=$1
	_object=$2
	# shellcheck disable=SC2086  # options are words
	exec axasctl mem $SIZE $_options -- qemu-system-x86_64 -accel kvm -cpu host -m $SIZE \
		-machine q35,memory-backend=m \
		-object "memory-backend-file,id=m,size=$SIZE,mem-path={},share=on$_object" \
		-device virtio-balloon-pci,free-page-reporting=on \
		-kernel /inner/vmlinuz -initrd /inner/initramfs.gz \
		-append "console=ttyS0 quiet panic=-1 AXAS_TTY=ttyS0" -L /usr/share/qemu \
		-nodefaults -display none -no-reboot -monitor pipe:/tmp/monitor -serial stdio
}

# says TEXT SECONDS: wait until QEMU's guest prints it.
says() {
	_left=$2
	until grep -q "inner: $1" /tmp/out; do
		_left=$((_left - 1))
		if [ $_left -lt 0 ] || ! kill -0 "$QEMU"; then
			echo "# no '$1' from QEMU's guest:"
			tail -n 20 /tmp/out | tr -d '\r' | sed 's/^/# | /'
			return 1
		fi
		sleep 1
	done
}

# go_on TEXT SECONDS: let the guest take its next step.
go_on() {
	echo >&4
	says "$1" "$2"
}

info() { axasctl --pid "$QEMU" info --json; }
frames() { info | sed 's/.*"frames":\([0-9]*\).*/\1/'; }
mem_free() { sed -n 's/^MemFree: *\([0-9]*\) .*/\1/p' /proc/meminfo; }

# All but those that were refused: the faults of QEMU, of its guest, of the kernel for both.
faults() {
	info | sed 's/.*"fixed":\([0-9]*\),"spurious":\([0-9]*\).*/\1 + \2/' |
		{ read -r _sum && echo $((_sum)); }
}

# What KVM takes apart is what the host maps: one fault for each 2 MiB, and few besides.
faults_are_few() {
	_faults=$(faults)
	echo "# $1: $_faults faults of a guest that booted in $SIZE"
	[ "$_faults" -gt 0 ] && { [ "$1" = 4k ] || [ "$_faults" -le 150 ]; }
}

# The guest freed 80 MiB: at least half of it comes back, and most of that to the host. QEMU
# grows a little meanwhile.
memory_comes_back() {
	_left=120
	while _now=$(frames) && [ "$_now" -gt $((FULL_FRAMES - 10240)) ]; do
		_left=$((_left - 1))
		if [ $_left -lt 0 ]; then
			echo "# $_now frames of $FULL_FRAMES are left"
			return 1
		fi
		sleep 1
	done
	# The guest reports every 2 s.
	sleep 6
	_now=$(frames)
	_gained=$(($(mem_free) - FULL_FREE))
	echo "# reported: frames $FULL_FRAMES -> $_now, MemFree + $_gained KiB"
	[ $_gained -gt $((2 * (FULL_FRAMES - _now))) ]
}

# take_away COMMAND...: from the running guest, whose next access fails. QEMU says so, stops it,
# and waits for its user. It is idle: an access by QEMU itself would kill it.
take_away() {
	axasctl --pid "$QEMU" "$@" || return 1
	_left=120
	until grep -q 'kvm run failed Bad address' /tmp/out; do
		_left=$((_left - 1))
		[ $_left -gt 0 ] && kill -0 "$QEMU" || return 1
		sleep 1
	done
}

# ends_with STATUS: the monitor still works, unless QEMU has read the guest's memory to show it
# where nothing may be read any more: that is SIGBUS.
ends_with() {
	echo quit >&5
	wait "$QEMU"
	_status=$?
	echo "# QEMU ended with $_status"
	[ $_status = "$1" ]
}

# qemu_suite NAME OPTIONS OBJECT-OPTIONS STATUS COMMAND...: the command takes memory away at the
# end, and QEMU ends with STATUS.
qemu_suite() {
	rm -f /tmp/out
	mkfifo /tmp/in /tmp/monitor.in /tmp/monitor.out
	exec 4<>/tmp/in 5<>/tmp/monitor.in 6<>/tmp/monitor.out
	_kind=$1
	echo "# axasctl mem $SIZE $2 -- qemu-system-x86_64 -accel kvm -m $SIZE -machine" \
		"q35,memory-backend=m -object" \
		"memory-backend-file,id=m,size=$SIZE,mem-path={},share=on$3 ..."
	run_qemu "$2" "$3" </tmp/in >/tmp/out 2>&1 &
	QEMU=$!
	_ends=$4
	shift 4
	check the_guest_boots says up 300
	check faults_are_counted faults_are_few "$_kind"
	check the_guest_fills_its_memory go_on filled 300
	FULL_FRAMES=$(frames)
	FULL_FREE=$(mem_free)
	check the_guest_frees_it go_on emptied 300
	check free_pages_come_back memory_comes_back
	check what_is_written_then_is_right go_on right 300
	check "$1_stops_the_guest" take_away "$@"
	check qemu_ends_as_it_should ends_with "$_ends"
	exec 4>&- 5>&- 6>&-
	rm -f /tmp/in /tmp/monitor.in /tmp/monitor.out
	echo "1..$CHECKS"
}

machine_suite() {
	check kvm_loads load_kvm
	check a_vm_is_held hold_a_vm
	check cpu_0_is_left leave_cpu_0
	check brd_loads insmod /axas/brd.ko rd_nr=1 rd_size=16384
	check axas_loads load axas
	echo "1..$CHECKS"
}

module_suite() {
	check axas_unloads rmmod axas
	echo "1..$CHECKS"
}

suite machine machine_suite
! wanted tests || suite tests axas_bridge_test
! wanted qemu-4k || suite qemu-4k qemu_suite 4k "" "" 0 protect 0 $SIZE r
! wanted qemu-2m || suite qemu-2m qemu_suite 2m --huge ,align=2M $((128 + 7)) unmap 0 $SIZE
suite module module_suite
