# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# drgn.sh: the guest's side of scripts/drgn.sh. Makes a space of each format, and compares what
# tools/drgn/axas.py reads of them in the running kernel with debugfs. Then the machine stays as it
# is, to be dumped. Lines that begin with "##debugfs" are what debugfs shows, for the host.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

# Leaves of all sizes, borrowed ones from an image and ones of its own. The linear ranges are behind
# the machine's memory, and the last one in a table that only a root of several pages has (s2).
COMMANDS='map alloc 0 2M --huge never --populate; map alloc 2M 4M --huge always --populate;
	map alloc 6M 64K --huge never --populate; image freeze; populate 0 2M; fault 2M r;
	fault 4M r; fault 6M r; write 0x3000 --string private; protect 0x604000 16K r;
	fault 0x604000 r; map alloc 8M 2M -p rw --huge always --populate;
	map linear 1G 8G 6M -p rw; map linear 768G 9G 1G -p r'

# What the debugfs file shows, as axas.py prints it: without the memory type.
table() { sed 's/ normal//' "/sys/kernel/debug/axas/$1/table"; }

# The list, which makes the folders of the tables when it is read. It shows no formats, and axas.py no
# frames.
list() { sed 's/ frames [0-9]*//' /sys/kernel/debug/axas/spaces; }

# make_space FORMAT: and keep it, in a process.
make_space() {
	# shellcheck disable=SC2016  # the other shell expands it
	axasctl create -f "$1" -- sh -c 'axasctl shell -c "$1" && touch /tmp/made && exec sleep 1000000' \
		- "$COMMANDS" >/tmp/make 2>&1 &
	until [ -e /tmp/made ]; do
		kill -0 $! 2>/dev/null || { cat /tmp/make && return 1; }
		sleep 0.2
	done
	rm /tmp/made
}

spaces_are_made() {
	insmod /axas/axas.ko || return 1
	for _format in $FORMATS; do
		make_space "$_format" || return 1
	done
	list | sed 's/^/##debugfs list /'
	for _id in $(list | cut -d' ' -f1); do
		table "$_id" | sed "s/^/##debugfs $_id /"
	done
}

# Else equal tables would say little.
tables_have_everything() {
	for _id in $(list | cut -d' ' -f1); do
		for _line in '4K r-x borrowed' '4K rwx' '4K r-- borrowed' '2M r-x borrowed' '2M rw-' \
			'[12][GM] r--'; do
			table "$_id" | grep -q " $_line\$" || { echo "no $_line" && table "$_id" && return 1; }
		done
	done
	cat /sys/kernel/debug/axas/*/table | grep -q ' 1G '
}

# drgn COMMAND: one that the page shows, on this kernel instead of a dump, in the Debian. A warning is
# a failure.
drgn() {
	chroot /debian sh -euc "cd /work; $*" >/tmp/drgn 2>/tmp/errors && [ ! -s /tmp/errors ] &&
		return
	cat /tmp/drgn /tmp/errors
	return 1
}

lists_the_spaces() {
	drgn "$SHOWN" && list >/tmp/debugfs || return 1
	cut -d' ' -f3 /tmp/drgn >/tmp/formats
	echo "$FORMATS" | tr ' ' '\n' | diff - /tmp/formats &&
		cut -d' ' -f1,2,4- /tmp/drgn | diff /tmp/debugfs -
}

# walks_the_table ID
walks_the_table() { drgn "$SHOWN $1" && table "$1" | diff - /tmp/drgn; }

live_suite() {
	check spaces_are_made spaces_are_made
	check tables_have_everything tables_have_everything
	check lists_the_spaces lists_the_spaces
	_nr=1
	for _format in $FORMATS; do
		check "walks_the_table $_format" walks_the_table "$(list | sed -n "${_nr}s/ .*//p")"
		_nr=$((_nr + 1))
	done
	echo "1..$CHECKS"
}

for _folder in proc sys dev; do
	mount --bind "/$_folder" "/debian/$_folder"
done
FORMATS=$(cat /axas/formats)
SHOWN=$(cat /axas/shown)
suite live live_suite
echo "##axas done $?"
# The host dumps this machine now, and ends it.
sleep 1000000
