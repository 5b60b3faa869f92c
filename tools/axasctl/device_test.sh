#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# device_test.sh AXASCTL WINDOW: what the commands do on /dev/axas, as TAP. Needs
# root, the module, and 2 MiB of reserved host-physical memory at WINDOW.

ctl=$1
window=$2
# shellcheck source=tools/axasctl/tap.sh
. "$(dirname "$0")/tap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset AXAS_FD

# says TEXT NAME STATUS: the last run ended with STATUS, and its output holds TEXT
says()
{
	[ "$got" -eq "$3" ] && case $out in *"$1"*) true ;; *) false ;; esac
	ok "$2" $?
}

# run ARG...: runs axasctl ARG...
run()
{
	out=$("$ctl" "$@" 2>&1 </dev/null)
	got=$?
}

# shell COMMANDS: runs them on a new space
shell()
{
	run shell -c "create; $1"
}

run formats
says '4K' "formats lists what there is" 0
run formats --json
says '"formats":[{' "formats in JSON" 0

shell 'map alloc 0x1000 8K; areas'
says '8 KiB rwx  normal   alloc' "map alloc makes an area" 0
shell 'map alloc 0 4K -p r-x --populate; translate 0x10'
says 'left 0xff0' "translate answers the bytes left" 0
says 'r-x, normal, level 0' "translate answers the protection" 0
shell "map linear 1G $window 2M -p rw; translate 0x40000123"
says "hpa $(printf '%#x' $((window + 0x123))), left" "map linear maps the window" 0
shell 'map alloc 0 8K; map alloc 4K 4K'
says 'overlaps an area' "an overlap is explained" 1
shell 'map alloc 1 4K'
says '4 KiB aligned' "a bad range is explained" 1
shell 'map linear 0 0x100000 4K'
says 'System RAM' "a refused linear range is explained" 1
shell 'map alloc 0 64K; protect 16K 16K r; unmap 48K 4K; areas --json'
says '{"gpa":"0x4000","length":16384,"prot":"r--"' "protect and unmap split areas" 0
shell 'map alloc 0 64K; populate 0 64K; info'
says 'frames   16' "populate gives frames" 0
shell 'map alloc 0 64K --populate; write 4K --string here; discard 4K 8K; info; read 4K 4'
says 'frames   14' "discard gives frames back" 0
says '00 00 00 00' "discarded memory is zero" 0
shell "map linear 1G $window 4K; discard 0 2G"
says 'linear memory' "what cannot be discarded is explained" 1
shell "map alloc 0 64K --missing=fail; fault 0 r; supply $0 4K; read 4K 9; supply --zero 0 4K; read 0 4"
says 'missing' "a missing page is a fault's result" 0
says '#!/bin/sh' "supply brings the bytes of a file" 0
says '00 00 00 00' "supply brings zeroes" 0
shell 'map alloc 0 64K --missing=fail; read 0 4'
says 'hole' "a missing page cannot be read" 1
shell 'map alloc 0 64K --missing; supply --zero 0 8K; supply --zero 4K 8K'
says '0x1000, after 0 bytes: the page is there' "supply does not overwrite" 1
shell 'map alloc 0 64K --missing; supply --zero 0 8K; supply --skip --zero 4K 8K; populate 0 64K'
says 'at 0x3000, 53248 bytes left: a missing page' "populate does not fill missing pages" 1
shell 'map alloc 0 4K; populate 0 64K'
says 'at 0x1000, 61440 bytes left: a hole' "populate tells where a hole is" 1
shell 'map alloc 2M 4M --huge never --populate; info; areas --json; collapse 2M 4M'
says '"huge":"never"' "areas shows the frames' size" 0
shell 'map alloc 0 4K -p r; fault 0 r; fault 0 r; fault 0 w; fault 4K x; info'
says "$(printf 'fixed\nspurious\ndenied\nhole')" "fault prints what it came to" 0
says 'fixed 1 spurious 1 retry 0 hole 1 denied 1' "info counts faults" 0
shell 'map alloc 0 64K -p rw --huge never; write 0 --string a; populate 0x8000 0x2000; show'
says '0 |P.......PP......' "show draws pages" 0
says 'private, 4 KiB leaves 12.0K' "show sums them up" 0
shell 'map alloc 0 61G; map alloc 64G 1G; populate 2M 2M; show'
says '*   ' "show leaves out rows alike" 0
says '0x1000000000 |' "show draws 65 GiB" 0
shell 'map alloc 0 64K --huge never; populate 0 64K; image freeze; fault 0 r; write 4K --string a; show --json'
says '"private_4k":4096,"private_large":0,"borrowed":61440' "show tells who owns memory" 0
shell 'map alloc 0 64K; show --svg -'
says '</svg>' "show draws SVG" 0
shell 'map alloc 0 64K; show --svg /nonexistent/a'
says 'No such file' "a picture that cannot be written is told" 1
run mem 64M -- "$ctl" top -d 1
says 'FAULTS/S' "top has a table" 0
run mem 1M -- "$ctl" top -d 1 --json
says '"frames":0,"borrowed":0' "top tells memory" 0
options=/sys/kernel/tracing/options
if [ -d /sys/kernel/tracing ]; then
	# Recorded names attach to the scheduler: see trace_begin() in tests/lib/trace.c.
	[ -f $options/record-cmd ] || mount -t tracefs tracefs /sys/kernel/tracing
	echo 0 >$options/record-cmd
fi
if [ -f /sys/kernel/tracing/events/axas/axas_fault/hist ]; then
	run latency -- "$ctl" shell -c 'create; map alloc 0 64K --huge never; fault 0 r; fault 4K r; fault 1G r'
	says 'fixed: 2 faults' "latency counts faults" 0
	says 'hole: 1 faults' "latency tells their results" 0
	run latency --json -- "$ctl" shell -c 'create; fault 0 r'
	says '"hole":[{"max_ns":' "latency in JSON" 0
	run latency -- /nonexistent
	says 'No such file' "latency of no program" 1
	out=$(echo /sys/kernel/tracing/instances/axasctl*)
	[ "$out" = '/sys/kernel/tracing/instances/axasctl*' ]
	ok "latency leaves nothing behind" $?
fi
shell 'translate 0'
says 'not mapped' "translate of a hole fails" 1
shell 'map alloc 0 8K; write 4090 --string "hello world"; read 4088 16'
says '00 00 68 65 6c 6c 6f 20  77 6f 72 6c 64 00 00 00' "read dumps what write wrote" 0
says '|..hello world...|' "read dumps text" 0
shell 'map alloc 0 8K; write 0 --hex "de ad:BEEF" --json; read 0 5 --json'
says '"data":"deadbeef00"' "read in JSON" 0
shell 'map alloc 0 4K -p r; write 0 --hex 00'
says 'may not be written' "a write to read-only memory is explained" 1
shell 'map alloc 0 4K; read 4090 16'
says 'after 6 bytes: a hole' "read shows what comes before a hole" 1
says '|......|' "read dumps what comes before a hole" 1
shell 'map alloc 0 4K; clear; areas --json'
says '{"areas":[]}' "clear removes all" 0

# Two areas that follow each other with different leaves, a linear one, and an untouched one.
areas="map alloc 2M 2M -p rw --huge always --populate;
	map alloc 4M 8K -p r --huge never --populate;
	map linear 1G $window 4K -p rw --type device; map alloc 1T 1G"
shell "$areas; dump"
says "$(printf '0x%016x-0x%016x %12sK %4s %s\n' 0x200000 0x3fffff 2048 2M 'rw- normal' \
	0x400000 0x401fff 8 4K 'r-- normal' 0x40000000 0x40000fff 4 4K 'rw- device')" \
	"dump shows runs of equal leaves" 0
[ "$(printf '%s\n' "$out" | grep -c '^0x')" = 3 ]
ok "dump shows what is mapped, not what may be" $?
shell "$areas; dump --json"
says '{"runs":[{"gpa":"0x200000","length":2097152,"leaf":"2M","prot":"rw-","type":"normal","borrowed":false},' \
	"dump in JSON" 0
shell "$areas; dump --raw"
says "$(printf '0x%016x 0 0x%016x 0x' 0x40000000 "$((window))")" \
	"dump --raw shows where a leaf leads" 0
[ "$(printf '%s\n' "$out" | grep -c '^0x0000000000[24]0[01]000 [01] 0x')" = 3 ]
ok "dump --raw shows each leaf" $?
shell 'dump'
says '' "an empty table has nothing to dump" 0

self=$(command -v "$ctl")
cat "$self" "$self" "$self" "$self" | head -c 3000001 >"$tmp/in"
shell "map alloc 0x10000 4M; load $tmp/in 0x10001; read 0x10001 3000001 -o $tmp/out"
cmp -s "$tmp/in" "$tmp/out"
ok "load and read -o carry a file" $?
shell "map alloc 0 1M; load $tmp/in 0"
says 'after 1048576 bytes: a hole' "load tells where a hole is" 1
shell "write 0 --file $tmp/none"
says 'No such file' "a missing file is explained" 1

# Images: content in two areas of three, one of them read-only; then another process.
shell "map alloc 4K 4M; map alloc 1G 8M -p r; map alloc 2G 4K; write 0x3ff0 --string first; \
	write 0x300000 --string far; image save $tmp/image; write 0x3ff0 --string later; image ls $tmp/image"
says 'memory   12292 KiB in 3 areas' "an image is saved, with its areas" 0
says 'saved    8 KiB in 1 extents' "what is zero is a hole in the file" 0
run image load "$tmp/image" -- sh -c "'$ctl' areas; '$ctl' read 0x3ff0 5; '$ctl' info"
says '|first|' "another process has what was saved" 0
says '8 MiB r--' "and its areas" 0
says 'frames   0' "which takes no frames" 0
run image load "$tmp/image" -- sh -c "'$ctl' write 0x200000 --string more; \
	'$ctl' write 0x3ff8 --string mine; '$ctl' image diff; '$ctl' image diff $tmp/diff; \
	'$ctl' image reset; '$ctl' read 0x200000 4; '$ctl' image diff"
says "$(printf '0x3000 1\n0x200000 1\nsaved    8 KiB in 2 extents')" "a difference is its pages" 0
says '00 00 00 00' "a reset has what was saved" 0
run image load "$tmp/image" --diff "$tmp/diff" -- sh -c "'$ctl' read 0x3ff0 16; '$ctl' read 0x200000 4; \
	'$ctl' read 0x300000 3"
says '|first...mine....|' "a difference is loaded over its image" 0
says '|more|' "with its pages" 0
says '|far|' "and the others of the image" 0
run image ls "$tmp/diff" --json
says '"extents":2,"content":8192,"state":0' "a saved difference is listed" 0
run shell -c "image load $tmp/image --diff $tmp/diff; discard 0x3000 4K; unmap 2G 4K; \
	map alloc 2G 8K; unmap 0x300000 4K; map alloc 0x300000 4K; protect 1G 4M rw; write 1G --string w; image diff $tmp/third"
says 'saved' "areas change, and are saved" 0
run image load "$tmp/image" --diff "$tmp/diff" --diff "$tmp/third" -- sh -c "'$ctl' read 0x3ff0 4; \
	'$ctl' read 0x300000 3; '$ctl' read 0x200000 4; '$ctl' read 1G 1; '$ctl' areas"
says "$(printf '00 00 00 00                                       |....|\n000000300000  00 00 00  ')" \
	"what was discarded or mapped again is zero" 0
says '|more|' "a chain of three files" 0
says '4092 KiB rw-' "with the last one's protections" 0
run image load "$tmp/image" --diff "$tmp/third" -- true
says 'not a difference to the file before it' "a file that is left out is missed" 1
run image load "$tmp/diff" -- true
says 'no file to begin with' "a difference alone is refused" 1
run image load "$self" -- true
says 'not a file that image save' "another file is refused" 1
run image load "$tmp/image" -- "$ctl" image save "$tmp/image"
says 'to stay a clone' "the image of a loaded space is not replaced by others" 1
run image load "$tmp/image" -- sh -c "(echo >$tmp/image) || echo refused"
says 'refused' "a file cannot be written while it is loaded" 0
shell 'map alloc 0 64K; image freeze; image ls; write 8K --string x; image diff; image reset; image diff'
says 'of chain 1, 1 areas' "an image is listed" 0
says '0x2000 1' "what differs is shown" 0
shell "map linear 1G $window 4K; image freeze"
says 'an area is linear' "what cannot be frozen is explained" 1
shell 'map alloc 0 64K; image diff'
says 'no clone' "without an image there is no difference" 1
shell "map alloc 0 64K; image freeze; image diff $tmp/none"
says 'save it first' "a difference to no file is refused" 1
run image load "$tmp/image" -f s2 -- "$ctl" info
says 'format   s2' "an image is loaded in another format" 0

run create -f default --length 1G -- sh -c "'$ctl' map alloc 0 1M && '$ctl' info --json"
says '"length":1073741824' "create -- hands a space on" 0
says '"areas":1' "commands below create -- share the space" 0
run create -- sh -c 'exit 7'
says '' "create -- ends with the command's status" 7
run create -- /nonexistent/command
says 'No such file' "create -- explains a missing command" 1
run create --ia-bits 3 -- true
says 'ia-bits' "create explains what it cannot do" 1
run create --base 1 -- true
says 'multiples of 4 KiB' "create explains a bad base" 1
# shellcheck disable=SC2016  # other shells expand these
share='export OTHER=/proc/self/fd/$AXAS_FD; "$0" map alloc 0 64K; "$0" write 5K --string hello;
	"$0" create -- sh -c "$1" "$0"; "$0" read 8K 5'
# shellcheck disable=SC2016
run create -- sh -c "$share" "$ctl" '"$0" map shared 1M $OTHER 4K 32K; "$0" read 0x100400 5;
	"$0" write 0x101000 --string again; "$0" areas'
says 'hello' "map shared has the memory of another space" 0
says 'again' "and the other one has what is written" 0
says 'shared' "areas name what is shared" 0
# shellcheck disable=SC2016
run create -- sh -c "$share" "$ctl" '"$0" map shared 1M $OTHER 4K 32K; "$0" read 0x100400 5;
	"$0" info'
says 'shared   1' "info counts pages of others" 0
# shellcheck disable=SC2016
run create -- sh -c "$share" "$ctl" '"$0" map shared 1M $OTHER 32K 64K; :'
says 'a hole of the other space' "map shared explains a hole" 0
run create --max-frames 2 -- "$ctl" map alloc 0 64K --populate --json
says '"errno":"ENOMEM"' "errors in JSON name the errno" 1
run create -- "$ctl" shell -c 'map alloc 0 4K; info'
says 'areas    1' "the shell takes up a space that was handed on" 0
run create -- "$ctl" --fd 99 info
says 'no such descriptor' "--fd goes before AXAS_FD" 1

run mem 4M -- sh -c "'$ctl' areas && '$ctl' info --json"
says '4 MiB rwx  normal   alloc' "mem hands on a space with memory" 0
says '"frames":0' "mem's memory is untouched" 0
# shellcheck disable=SC2016  # the other shell expands it
run mem 4M -- sh -c '[ {},{} = /proc/self/fd/$AXAS_FD,/proc/self/fd/$AXAS_FD ]'
says '' "mem fills in the file's name" 0
run mem 4M -- sh -c "echo hello | dd of={} bs=4k seek=1 conv=notrunc 2>&1 && '$ctl' read 4K 5"
says '|hello|' "mem's memory is a file" 0
run mem 4M --huge -- sh -c "'$ctl' fault 0 w && '$ctl' info --json"
says '"frames":512' "mem --huge takes frames of 2 MiB" 0
run mem 4M --pinnable -- sh -c 'exit 7'
says '' "mem ends with the command's status" 7
run mem 0 -- true
says 'mem: 0: ' "mem explains a bad size" 1
run mem 4M -- sh -c "'$ctl' write 0 --string here && unset AXAS_FD && '$ctl' --pid \$\$ read 0 4"
says '|here|' "--pid finds the space of a process" 0
run mem 4M -- sh -c "unset AXAS_FD; '$ctl' --pid \$\$ shell -c 'write 0 --string both; read 0 4'"
says '|both|' "--pid goes before the shell" 0

printf 'create # one\nmap alloc 0 4K\n\nmap alloc 0 4K\ninfo\n' >"$tmp/script"
run shell "$tmp/script"
says 'script:4: map: 0 + 4 KiB: overlaps an area' "a script's error names its line" 1
[ "${out#*frames}" = "$out" ]
ok "a script stops at the first failure" $?
run shell -k "$tmp/script"
says 'areas    1' "with -k a script goes on" 1
out=$(printf 'create\nmap alloc 0 4K\ninfo --json\ncreate\ninfo --json\n' | "$ctl" shell)
got=$?
says '"areas":0' "a second create in the shell makes a new space" 0

run demo --file "$tmp/in" --window "$window" --window-size 2M
says 'demo: ok' "the demo is content" 0
run demo --file "$tmp/in"
says 'not asked for' "the demo says what it leaves out" 0
run demo --file "$tmp/in" --window 0x100000 --window-size 2M --json
says '"ok":false}' "the demo fails where it must" 1

done_testing
