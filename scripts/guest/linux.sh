# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# linux.sh: boot Debian's stock kernel as a guest of axvcpu, several times: one vCPU and two, memory
# of each kind, a shell that reads commands, a reset. The guest's own tests are reported as suites
# of their own; while those of "busy" run, this host works on the guest's memory.
# AXAS_CASE, a kernel argument, is "short" for one boot with one test, "busy" for one with all and the
# host's work, "fork" for one and 20 clones, "save" for one that is saved, "disk" for those with a
# disk, "memtest" for memtest86+ instead of Linux, and "demo" for one to look at.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

# Where the guest's RAM begins.
case $(uname -m) in
riscv64) RAM=0x80000000 ;;
aarch64) RAM=0x40000000 ;;
*) RAM=0 ;;
esac

# at OFFSET: an address in the guest's RAM.
at() { printf '0x%x' $((RAM + $1)); }

# A guest whose kernel fails is reset, which ends its machine. In Bochs, which is slow, and miscounts the
# compacted XSAVE area: see scripts/bochs.sh. Debian's arm64 kernels keep 64 MiB for movable pages, and
# in 128 MiB sometimes have not enough left for the rest.
MORE="panic=-1 oops=panic"
! grep -qw vmx /proc/cpuinfo || MORE="$MORE mitigations=off cryptomgr.notests=1 clearcpuid=xsavec"
[ "$(uname -m)" != aarch64 ] || MORE="$MORE cma=16M"

# boot NAME COMMAND-LINE OPTION...: what the console shows goes to /tmp/NAME.log.
boot() {
	name=$1
	cmdline=$2
	shift 2
	axasctl boot --kernel /axas/vmlinuz --initrd /axas/inner.gz --timeout 1200 --stats --no-reboot \
		--cmdline "console=ttyS0 quiet AXAS_TTY=ttyS0 AXAS_NAME=$name $cmdline $MORE" "$@" \
		>"/tmp/$name.log" 2>&1
}

# What the guest printed, without the marks of its script's beginning and end.
show() { tr -d '\r' <"/tmp/$1.log" | grep -v '^##axas done'; }

one_cpu() { boot one AXAS_RUN=tests --mem 256M </dev/null; }

# runs PID: it has not ended.
runs() { grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

# stop_machine PID: until none of its threads runs.
stop_machine() {
	kill -STOP "$1" || return 1
	while grep -h '^State:' "/proc/$1"/task/*/status 2>/dev/null | grep -qv '[TZX] ('; do
		usleep 1000
	done
}

# is_zero FROM: 2 MiB of the guest's memory.
is_zero() { axasctl read -o /tmp/zero "$1" 2M && ! tr -d '\0' </tmp/zero | grep -q .; }

# replace PID FROM: all frames of 4 MiB go and others come, with the same content. They are read while
# the guest cannot write them; discarded, unmapped and mapped while the machine is stopped; supplied when
# it runs again, and waits for the pages that it has not yet.
replace() {
	axasctl protect "$2" 4M r-x && axasctl read -o /tmp/part "$2" 4M && stop_machine "$1" &&
		axasctl discard "$2" 2M && is_zero "$2" && axasctl unmap "$2" 4M &&
		axasctl map alloc "$2" 4M --missing && kill -CONT "$1" && axasctl supply /tmp/part "$2"
}

# work PID FROM BYTES: protect these bytes but the first and the last page, which stops the guest's writes
# there and splits the large leaves at their ends, put them together again, and replace a part. The sum
# of the collapsed tables is kept.
work() {
	axasctl protect "$(at $(($2 + 0x1000)))" $(($3 - 0x2000)) r-x && usleep 10000 &&
		axasctl protect "$(at $(($2 + 0x1000)))" $(($3 - 0x2000)) rwx || return 1
	n=$(axasctl collapse "$(at "$2")" "$3") || return 1
	collapsed=$((collapsed + ${n:-0}))
	replace "$1" "$(at $(($2 + $3 / 4 + 0x200000)))" || return 1
	rounds=$((rounds + 1))
	usleep 100000
}

# disturb ENOUGH PID FROM BYTES: work on the machine's memory until that function says so. Fails if the
# work does, which ends the machine, since its memory is in between; or if the machine ends before.
disturb() {
	enough=$1
	shift
	rounds=0
	until "$enough"; do
		if ! runs "$1" || ! work "$@"; then
			kill "$1" 2>/dev/null
			kill -CONT "$1" 2>/dev/null
			return 1
		fi
	done
	echo "# the host worked on the guest's memory in $rounds rounds, $collapsed tables collapsed"
}

# has_memory PID OFFSET: wait until the machine has it.
has_memory() {
	until axasctl read -o /dev/null "$(at "$2")" 4K 2>/dev/null; do
		runs "$1" && usleep 20000 || return 1
	done
}

busy_begun() { grep -q '^##axas begin busy.$' /tmp/busy.log; }

# The guest's memory test has ended, and there were some rounds of work since it began: a guest that was
# faster repeats the test.
busy_enough() { [ "$rounds" -gt 7 ] && grep -Eq '^(not )?ok .*most_memory' /tmp/busy.log; }

# While it boots, and while it runs its tests.
disturb_busy() {
	set -- "$(pidof axasctl)" 0x4000000 0x4000000
	disturb busy_begun "$@" && disturb busy_enough "$@" && [ "$collapsed" -gt 3 ]
}

# In a space of which this script has a descriptor, too. The guest goes on with its test until it reads
# that the host has done its work.
busy() {
	mkfifo /tmp/told
	boot busy "AXAS_RUN=busy AXAS_NCPU=$(nproc)" --mem 256M --cpus "$(nproc)" --huge always \
		</tmp/told &
	pid=$!
	exec 3>/tmp/told
	collapsed=0
	has_memory $pid 0x4000000 && disturb_busy
	disturbed=$?
	echo told >&3
	wait $pid && [ $disturbed = 0 ]
}

# Another end is told with the console's last words.
powered_off() {
	show "$1" | grep -q '^guest  *it powered off' && return
	show "$1" | tail -n 25 | sed "s/^/# $1: /"
	false
}

# two_hundred NAME LINE: it ran its test and powered off, and its report has the line.
two_hundred() {
	show "$1" | grep -E "^(ok|not ok|exits|faults|frames|$2)" | sed "s/^/# $1: /"
	powered_off "$1" && show "$1" | grep -q '^ok .*two_hundred' && show "$1" | grep -q "^$2"
}

# wait_for NAME TEXT: until the guest has printed it, for at most as long as it may run.
wait_for() {
	i=0
	until grep -q "$2" "/tmp/$1.log" 2>/dev/null || [ $i = 1200 ]; do
		sleep 1
		i=$((i + 1))
	done
}

# A file for 128 MiB of RAM, with a mark in each MiB.
make_marks() {
	truncate -s 128M /tmp/ram
	for i in $(seq 100 227); do
		printf 'mark %s' "$i" |
			dd of=/tmp/ram bs=1 seek=$(((i - 100) * 1048576 + 0x80000)) conv=notrunc
	done 2>/dev/null
}

# Print the marks in the guest's memory: those that it has not overwritten.
find_marks() {
	for i in $(seq 100 227); do
		axasctl read -o /tmp/mark "$(at $(((i - 100) * 1048576 + 0x80000)))" 8 &&
			grep "mark $i" /tmp/mark
	done
}

many_marks() {
	echo "# $(grep -c mark /tmp/marks) marks"
	[ "$(grep -c mark /tmp/marks)" -gt 16 ]
}

# Memory that begins as the content of a file: what the guest does not use stays so.
file_backed() {
	boot file AXAS_PATTERN=two_hundred --mem 128M --ram /tmp/ram </dev/null
	find_marks >/tmp/marks
	two_hundred file 'leaves' && many_marks
}

# Pages that a thread brings: those that another process reads meanwhile, too.
supplied() {
	(
		wait_for supplied '^# a shell'
		find_marks >/tmp/marks
		echo linux_test two_hundred
		echo exit
	) | boot supplied AXAS_RUN=shell --mem 128M --supply /tmp/ram
	two_hundred supplied 'supplied [1-9]' && many_marks
}

in_a_space() { axasctl create -- sh /axas/run "$1"; }

# Its screen, on the serial line, says how many passes it has made.
passed() { grep -q 'Pass:  1 .*Errors: 0 ' /tmp/memtest.log; }

# All of the memory was tested by each test, or an error was found, or an hour has passed.
memtest_ended() {
	passed || grep -q 'Errors: [1-9]' /tmp/memtest.log || [ "$(cut -d. -f1 /proc/uptime)" -gt 3600 ]
}

# In a space of which this script has a descriptor, too. ESC ends it.
memtest() {
	mkfifo /tmp/keys
	axasctl boot --kernel /axas/memtest86+x64.bin --mem 64M --huge always \
		--timeout 3700 --stats --no-reboot --cmdline "console=ttyS0,115200 nopause" \
		</tmp/keys >/tmp/memtest.log 2>&1 &
	pid=$!
	exec 3>/tmp/keys
	collapsed=0
	has_memory $pid 0x1000000 && disturb memtest_ended $pid 0x1000000 0x1000000 &&
		[ "$collapsed" -gt 3 ]
	disturbed=$?
	printf '\033' >&3
	wait $pid && [ $disturbed = 0 ]
}

memtest_passes() {
	: >/tmp/memtest.log
	in_a_space memtest || return 1
	grep -E '^(exits|faults|frames|leaves)' /tmp/memtest.log | sed 's/^/# memtest86+: /'
	passed && ! grep -q 'Errors: [1-9]' /tmp/memtest.log && grep -q 'it was reset' /tmp/memtest.log
}

case ${1:-} in
busy | file_backed | supplied | memtest)
	"$1"
	exit
	;;
esac

populated_memory_boots() {
	boot populated AXAS_PATTERN=two_hundred --mem 128M --populate --huge always </dev/null
	show populated | grep -E '^(ok|not ok|# Linux|exits|faults|leaves)' | sed 's/^/# populated: /'
	powered_off populated && show populated | grep -q '^ok .*two_hundred' &&
		show populated | grep -q '^faults  *fixed 0 '
}

faults_around_boot() {
	boot around AXAS_PATTERN=two_hundred --mem 128M --around 4 </dev/null
	show around | grep -E '^(ok|not ok|faults|leaves)' | sed 's/^/# around: /'
	powered_off around && show around | grep -q '^ok .*two_hundred'
}

# A shell on the console executes what it reads: the sum shows that it did.
shell_reads_commands() {
	(
		wait_for shell '^# a shell'
		# shellcheck disable=SC2016  # the guest's shell expands it
		echo 'echo sum=$((40 + 2))'
		sleep 1
		echo exit
	) | boot shell AXAS_RUN=shell --mem 128M
	show shell | grep -E 'sum=|guest ' | sed 's/^/# shell: /'
	powered_off shell && show shell | grep -q '^sum=42'
}

# As a migration collects it.
logged_memory_boots() {
	boot logged AXAS_PATTERN=two_hundred --mem 128M --log </dev/null
	two_hundred logged 'logged  *[1-9]'
}

# All of it goes to other vCPUs and another space each second.
moved_machine_goes_on() {
	tests=two_hundred,vector,goes_back
	[ "${AXAS_EFFORT:-short}" != full ] || tests=$tests,many_at,most_memory
	boot moved "AXAS_NCPU=2 AXAS_PATTERN=$tests" --mem 128M --cpus 2 --move 1 </dev/null
	two_hundred moved 'moved  *[1-9]' && ! show moved | grep '^not ok'
}

# disk_agrees NAME: what the guest has written to its disk is in the file.
disk_agrees() {
	show "$1" | grep -E '^(ok|not ok|# disk|exits|disk|reported|moved|frames)' | sed "s/^/# $1: /"
	sum=$(show "$1" | sed -n 's/^# disk \([0-9a-f]*\) .*/\1/p')
	powered_off "$1" && [ "$(show "$1" | grep -c '^ok')" = 2 ] &&
		[ "$sum" = "$(md5sum </tmp/disk | cut -d' ' -f1)" ]
}

# What the guest reports as free is given back.
disk_and_balloon_work() {
	truncate -s 4M /tmp/disk
	boot disk "AXAS_RUN=disk AXAS_NCPU=2" --cpus 2 --mem 256M --disk /tmp/disk --balloon --move 9 \
		</dev/null
	disk_agrees disk && show disk | grep -q '^reported [1-9][0-9][0-9]'
}

# QEMU's storage daemon where it is there, else our own.
disk_server_runs() {
	[ -f /axas/qemu-storage-daemon ] || exec disk_server /tmp/disk /tmp/vhost
	exec qemu-storage-daemon --blockdev file,node-name=d,filename=/tmp/disk --export \
		type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path=/tmp/vhost
}

# It maps the guest's memory, and copies from and to it.
disk_of_another_process_works() {
	rm /tmp/disk
	truncate -s 4M /tmp/disk
	disk_server_runs &
	pid=$!
	i=0
	until [ -S /tmp/vhost ] || [ $((i += 1)) = 100 ]; do
		usleep 200000
	done
	boot vhost "AXAS_RUN=disk AXAS_NCPU=2" --cpus 2 --mem 256M "$@" --disk vhost:/tmp/vhost </dev/null
	kill $pid 2>/dev/null
	wait $pid
	disk_agrees vhost && show vhost | grep -q '^disk .* kicks'
}

disk_suite() {
	check disk_and_balloon_work disk_and_balloon_work
	if [ "$(uname -m)" = x86_64 ]; then
		set -- --huge always
	else
		set -- --around 4
	fi
	check disk_of_another_process_works disk_of_another_process_works "$@"
	echo "1..$CHECKS"
}

# What is typed into each clone: the count of a process that runs, and a trace of an earlier run.
# shellcheck disable=SC2016  # the guest's shell expands it
WHO='echo I am clone % of $(uname -sr), up for $(cut -d" " -f1 /proc/uptime) s,'
# shellcheck disable=SC2016  # as above
WHO=$WHO' count $(cat /tmp/count); [ -e /tmp/was ] && echo it is not new; echo % >/tmp/was'

# A guest that was frozen for long finds that no CPU ran, and its clones share two CPUs: no words on that.
QUIET=rcupdate.rcu_cpu_stall_suppress=1

# fork_linux N K: freeze a running guest, run N clones, and once more clone K.
fork_linux() {
	boot fork "AXAS_RUN=fork AXAS_NCPU=2 $QUIET" --mem 128M --cpus 2 --fork "$1" \
		--fork-at '# ready to be forked' --fork-type "$WHO" --fork-again "$2" --fork-on </dev/null
}

# said WHO NUMBER: how often it said who it is.
said() { show fork | grep -c "^\[$1\] I am clone $2 of Linux .* count [1-9]"; }

# Each clone and the machine itself said so once, the clone that was reset twice, and none found what
# another one left.
clones_run() {
	fork_linux "$1" "$2" || return 1
	show fork | grep -E '^(\[clone|\[parent|forked|image|clones|reset|parent|  )' | sed 's/^/# /'
	i=0
	while [ $((i += 1)) -le "$1" ]; do
		[ "$(said "clone $i" $i)" = $((i == $2 ? 2 : 1)) ] || return 1
	done
	[ "$(said parent 0)" = 1 ] &&
		show fork | grep -q '^guest  *it was forked' && ! show fork | grep '] it is not new'
}

# who NAME: what is typed into a machine of that name.
who() { echo "$WHO" | sed "s/%/$1/g"; }

# i_am NAME: what it answers then.
i_am() { show "$1" | grep -q "^I am clone $1 of Linux .* count [1-9]"; }

# Saved while it runs, a guest goes on; and so does another one in another process, from the file,
# whose pages it reads when it touches them.
saved_machine_goes_on() {
	(
		wait_for saved '# ready to be forked'
		sleep 1
		who saved
	) | boot saved "AXAS_RUN=fork AXAS_NCPU=2 $QUIET" --mem 128M --cpus 2 --save /tmp/saved \
		--save-at '# ready to be forked'
	who from | axasctl boot --from /tmp/saved --timeout 1200 --stats >/tmp/from.log 2>&1
	axasctl image ls /tmp/saved | sed 's/^/# /'
	rm /tmp/saved
	for name in saved from; do
		show $name | grep -E '^(I am|saved|  |guest|faults|frames)' | sed "s/^/# $name: /"
		powered_off $name && i_am $name || return 1
	done
	! show from | grep 'it is not new'
}

fork_suite() {
	check forked_clones_run clones_run 20 7
	echo "1..$CHECKS"
}

save_suite() {
	check saved_machine_goes_on saved_machine_goes_on
	echo "1..$CHECKS"
}

memtest_suite() {
	check memtest_passes memtest_passes
	echo "1..$CHECKS"
}

memory_suite() {
	make_marks
	check file_backed_memory_boots in_a_space file_backed
	check supplied_memory_boots in_a_space supplied
	rm /tmp/ram
	check logged_memory_boots logged_memory_boots
	echo "1..$CHECKS"
}

resets() { show reset | grep -c 'reboot: Restarting system'; }

# A guest that resets itself boots again, until a signal ends the machine, even during a reset.
reset_boots_again() {
	axasctl boot --kernel /axas/vmlinuz --initrd /axas/inner.gz --timeout 1200 --cpus 2 \
		--cmdline "console=ttyS0 quiet AXAS_TTY=ttyS0 AXAS_NAME=reset AXAS_RUN=reset" \
		>/tmp/reset.log 2>&1 </dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null && [ "$(resets)" -lt 2 ]; do
		usleep 200000
	done
	kill $pid
	wait $pid && show reset | grep 'it was ended'
}

boot_suite() {
	check one_cpu_powers_off powered_off one
	check two_cpus_power_off powered_off busy
	check host_works_on_memory host_works_on_memory
	check populated_memory_boots populated_memory_boots
	check reset_boots_again reset_boots_again
	check moved_machine_goes_on moved_machine_goes_on
	# Elsewhere when there is time: else the disk of another process has faults around, and what is
	# typed into clones stands for the shell.
	if [ "$(uname -m)" = x86_64 ] || [ "${AXAS_EFFORT:-short}" = full ]; then
		check faults_around_boot faults_around_boot
		check shell_reads_commands shell_reads_commands
		check saved_machine_goes_on saved_machine_goes_on
		check forked_clones_run clones_run 5 3
	else
		check forked_clones_run clones_run 2 1
	fi
	echo "1..$CHECKS"
}

short_boot() {
	boot short "AXAS_PATTERN=two_hundred,timers,sleeps AXAS_NCPU=2" --mem 256M --cpus 2 </dev/null
	show short | grep -E '^(ok|not ok|# Linux|exits|faults|leaves)' | sed 's/^/# short: /'
	powered_off short && ! show short | grep '^not ok' &&
		show short | grep -q '^ok .*sleeps_have_their_length'
}

short_suite() {
	check short_boot short_boot
	echo "1..$CHECKS"
}

linux_boots() {
	boot demo AXAS_RUN=demo --mem 128M --cpus "$(nproc)" </dev/null
	show demo
	powered_off demo
}

demo_suite() {
	check linux_boots linux_boots
	echo "1..$CHECKS"
}

# The host's work on the memory of "busy": boot_suite has the result.
boot_busy() {
	in_a_space busy
	worked=$?
	show busy
}

host_works_on_memory() { [ "$worked" = 0 ]; }

busy_suite() {
	check machine_powers_off powered_off busy
	check host_works_on_memory host_works_on_memory
	echo "1..$CHECKS"
}

insmod /axas/axas.ko
insmod /axas/axvcpu.ko
case ${AXAS_CASE:-all} in
demo | fork | save | disk)
	suite "$AXAS_CASE" "${AXAS_CASE}_suite"
	exit
	;;
memtest | short)
	suite "$AXAS_CASE" "${AXAS_CASE}_suite"
	suite unload unload_suite
	exit
	;;
busy)
	boot_busy
	suite boot busy_suite
	suite unload unload_suite
	exit
	;;
esac
for test in /axas/*_test; do
	[ ! -f "$test" ] || suite "$(basename "$test")" "$test"
done
one_cpu
show one
boot_busy
suite boot boot_suite
suite disk disk_suite
# Each kind of memory takes a boot: elsewhere when there is time.
if [ "$(uname -m)" = aarch64 ] || [ "${AXAS_EFFORT:-short}" = full ]; then
	suite memory memory_suite
fi
suite unload unload_suite
