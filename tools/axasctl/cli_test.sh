#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cli_test.sh AXASCTL: how the commands answer misuse, as TAP. Needs no kernel
# module: it points axasctl to devices that are not there or not axas.

ctl=$1
# shellcheck source=tools/axasctl/tap.sh
. "$(dirname "$0")/tap.sh"

AXAS_DEVICE=/nonexistent
export AXAS_DEVICE
unset AXAS_FD

# expect STATUS TEXT ARG...: runs axasctl ARG...; its output must hold TEXT
expect()
{
	want=$1
	text=$2
	shift 2
	out=$("$ctl" "$@" 2>&1 </dev/null)
	got=$?
	[ "$got" -eq "$want" ] && case $out in *"$text"*) true ;; *) false ;; esac
	ok "$* answers $want, $text" $?
}

for c in create mem map unmap protect clear discard supply populate collapse fault translate read write \
	load info areas dump show top latency formats image shell demo; do
	expect 0 "Usage: axasctl $c" "$c" --help
	! printf '%s\n' "$out" | awk '
		example && /^[^ ]/ { print "torn: " $0 }
		{ example = /^  (  )?[^ -]/ && !/^  or:/ }' | grep .
	ok "no line of $c --help is torn" $?
	expect 2 "bogus" "$c" --bogus
	expect 2 '"errno":"EINVAL"' "$c" --bogus --json
done
expect 0 "Commands:" --help
expect 0 "API version 1" --version
expect 2 "no command"
expect 2 "no command 'fly'" fly
expect 2 '{"error":"no command' --json fly
expect 1 "no space" info
expect 1 '"errno":"EBADF"' info --json
expect 1 "no such descriptor is open" --fd 99 info
expect 1 "not a space" --fd 0 info
expect 2 "is not a number" --fd x info
expect 1 "module is not loaded" create -- true
expect 1 "module is not loaded" formats
expect 1 '"errno":"ENOENT"' formats --json
var=$(mktemp)
export AXAS_SECURE_BOOT="$var"
printf '\006\000\000\000\000' >"$var"
expect 1 "module is not loaded (as root: modprobe axas)" formats
printf '\006\000\000\000\001' >"$var"
expect 1 "Secure Boot is on, enrol DKMS's key (as root: mokutil --import /var/lib/dkms/mok.pub" formats
AXAS_SECURE_BOOT=/nonexistent
rm "$var"
expect 1 "last descriptor" create
expect 1 "module is not loaded" mem 1M -- true
expect 1 '"errno":"ENOENT"' mem 1M --json -- true
expect 2 "is missing" mem
expect 1 "give -- COMMAND" mem 1M
expect 2 "'1Q' is not a number" mem 1Q -- true
expect 1 "not for the shell" shell -c 'mem 1M'
expect 1 "it has no space open" --pid $$ info
expect 1 "No such process" --pid 4194305 info
expect 2 "is not a number" --pid x info
expect 2 "format 'vtx'" create -f vtx -- true
expect 2 "is none of freeze, save" image melt
expect 2 "save takes FILE" image save
expect 2 "takes no FILE" image freeze x
expect 2 "are for load" image ls --diff x
expect 2 "are for load" image save x -- true
expect 2 "load takes FILE" image load
expect 1 "last descriptor" image load x
expect 1 "No such file" image load /nonexistent -- true
expect 1 "not a file that image save" image ls /proc/self/exe
expect 1 '"errno":"ENOEXEC"' image ls /proc/self/exe --json
expect 1 "no space" image save x
expect 1 "no image" image ls
expect 2 "is missing" map
expect 2 "not alloc, linear, file, shared or backend" map bogus 0 4K
expect 2 "shared takes GPA, SPACE, SOURCE and SIZE" map shared 0 /dev/null 4K
expect 2 "takes GPA and SIZE" map alloc 0
expect 2 "takes GPA, HPA and SIZE" map linear 0 0
expect 2 "protection 'rq'" map alloc 0 4K -p rq
expect 2 "always or never" map alloc 0 4K --huge maybe
expect 2 "takes no frames" map linear 0 0 4K --populate
expect 2 "type 'wc'" map alloc 0 4K --type wc
expect 2 "'4Q' is not a number" unmap 0 4Q
expect 2 "does not fit 64 bits" unmap 0 16E
expect 2 "too many arguments" unmap 0 4K 1
expect 2 "is missing" unmap 0
expect 2 "give one of" write 0
expect 2 "give one of" write 0 --hex 00 --string a
expect 2 "--file is missing" demo
expect 2 "go together" demo --file /dev/null --window 0
expect 1 "64 KiB or more" demo --file /dev/null
expect 0 "Usage: axasctl fault" fault --json --help
expect 1 "module is not loaded" shell -c create
expect 1 "create one first" shell -c info
expect 1 "a quote is not closed" shell -c "info 'a"
expect 0 "" shell -c " ; # nothing"
expect 0 "exit" shell -c help
expect 0 "" shell -c "exit; fly"
expect 1 "this is the shell" shell -c shell

expect 1 "no space" show
expect 2 "give GPA and SIZE" show 0
expect 2 "the range is empty" show 0 0
expect 2 "a count is 1 or more" top -n 0
expect 2 "1 to 3600 seconds" top -d 0
expect 2 "is not a number" top -d x
expect 2 "counted from 1" latency --space 0

# Processes as in /proc, of which two have one space, and one has it twice with its vCPUs.
proc=$(mktemp -d)
for pid in 7 12; do
	mkdir -p "$proc/$pid/fd" "$proc/$pid/fdinfo"
	echo "vmm $pid" >"$proc/$pid/comm"
	ln -s '/axas-space (deleted)' "$proc/$pid/fd/3"
	printf 'pos:\t0\naxas-id:\t5\naxas-frames:\t1024\naxas-borrowed:\t3\naxas-faults:\t77\n' \
		>"$proc/$pid/fdinfo/3"
	for fd in 4 5; do
		ln -s 'anon_inode:[axvcpu]' "$proc/$pid/fd/$fd"
		printf 'axvcpu-id:\t%s\naxvcpu-space:\t5\naxvcpu-entries:\t10\n' $fd >"$proc/$pid/fdinfo/$fd"
	done
done
cp -a "$proc/12/fd/3" "$proc/12/fd/6"
cp "$proc/12/fdinfo/3" "$proc/12/fdinfo/6"
ln -s /dev/axas "$proc/12/fd/7"
# Files with such names, whatever they say of themselves.
ln -s '/tmp/axas-space (deleted)' "$proc/12/fd/8"
ln -s '/memfd:axas-space (deleted)' "$proc/12/fd/9"
ln -s '/tmp/anon_inode:[axvcpu]' "$proc/12/fd/10"
for fd in 8 9 10; do
	printf 'axas-id:\t6\naxvcpu-id:\t9\naxvcpu-space:\t5\n' >"$proc/12/fdinfo/$fd"
done
export AXAS_PROC="$proc"
expect 0 "1 space, 4.0M private, 0 faults/s, 0 exits/s" top -d 1
expect 0 "    5       7 vmm 7               2     4.0M    12.0K" top -d 1 -n 1
expect 0 '{"spaces":[{"space":5,"pid":7,"command":"vmm 7","vcpus":2,' top -d 1 --json
expect 0 '"faults":77,"exits":20,' top -d 1 --json
AXAS_PROC=/nonexistent
expect 1 "No such file" top -d 1
unset AXAS_PROC
rm -r "$proc"

if "$ctl" --help | grep -q '^  boot '; then
	expect 0 "Usage: axasctl boot" boot --help
	expect 2 "bogus" boot --bogus
	expect 2 "too many arguments" boot vmlinuz
	expect 2 "from 64M to 1T" boot --mem 63M
	expect 2 "from 64M to 1T" boot --mem 65M
	expect 2 "1 to 16 vCPUs" boot --cpus 17
	expect 2 "1 to 16 vCPUs" boot --cpus 0
	expect 2 "0 to 9" boot --around 10
	expect 2 "always or never" boot --huge maybe
	expect 2 "neither --supply nor --log" boot --ram /dev/null --log
	expect 2 "1 to 1024 clones" boot --fork 1025
	expect 2 "need --fork" boot --fork-at x
	expect 2 "no clone 3" boot --fork 2 --fork-at x --fork-again 3
	expect 2 "no --disk" boot --fork 2 --fork-at x --disk /dev/null
	expect 2 "neither --supply" boot --fork 2 --fork-at x --log
	expect 2 "has 1 to" boot --fork 2 --fork-at ''
	expect 2 "exclude each other" boot --fork 2 --fork-at x --save x
	expect 2 "needs --save-at" boot --save x
	expect 2 "need --fork" boot --save x --save-at x --fork-again 1
	expect 2 "nor --disk" boot --save x --save-at x --disk /dev/null
	expect 2 "neither --supply" boot --from x --log
	expect 2 "has no --ram" boot --from x --ram x
	expect 1 "No such file" boot --from /nonexistent
	expect 1 "not a file that image save" boot --from /proc/self/exe
	expect 2 "memory of its own" boot --supply /dev/null --move 1
	expect 1 "No such file" boot --disk /nowhere
	expect 1 "module is not loaded" boot --kernel /dev/null
fi

out=$(printf '# a comment\nhelp # more\n\nfly; help\n' | "$ctl" shell 2>&1)
[ $? -eq 1 ] && [ "$(printf '%s\n' "$out" | grep -c areas)" -eq 1 ] &&
	printf '%s\n' "$out" | grep -q -- "-:4: no command 'fly'"
ok "a script stops at the first failure and names its line" $?

out=$(printf 'fly; help\nhelp\n' | "$ctl" shell -k 2>&1)
[ $? -eq 1 ] && [ "$(printf '%s\n' "$out" | grep -c areas)" -eq 2 ]
ok "with -k a script goes on" $?

done_testing
