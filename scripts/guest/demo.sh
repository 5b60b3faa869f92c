# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh: what "make demo" shows, inside a stock kernel.

FAILED=
fail() {
	echo "# FAILED: $*"
	FAILED=${FAILED:-$*}
}

# Several MiB of data that is real but the same each time: our own programs.
make_file() {
	while [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -lt 8388608 ]; do
		cat /bin/busybox /axas/axas.ko /axas/axasctl >>"$1"
	done
	truncate -s 8388608 "$1"
}

echo "# loading axas.ko"
insmod /axas/axas.ko || fail "axas.ko does not load"
make_file /tmp/input
echo "# axasctl demo --file /tmp/input --window 0x30000000 --window-size 16M"
axasctl demo --file /tmp/input --window 0x30000000 --window-size 16M ||
	fail "axasctl demo ended with status $?"
echo "# loading axvcpu.ko"
insmod /axas/axvcpu.ko || fail "axvcpu.ko does not load"
echo "# axasctl run --mem 64M demo.elf"
axasctl run --mem 64M /axas/demo.elf || fail "axasctl run ended with status $?"
echo "# axasctl run --mem 64M --huge always demo.elf"
axasctl run --mem 64M --huge always /axas/demo.elf || fail "axasctl run ended with status $?"
echo "# axasctl boot --kernel vmlinuz --initrd inner.gz --mem 128M --cpus 2 --stats"
axasctl boot --kernel /axas/vmlinuz --initrd /axas/inner.gz --mem 128M --cpus 2 --stats \
	--timeout 300 --cmdline "console=ttyS0 quiet AXAS_TTY=ttyS0 AXAS_RUN=demo" \
	</dev/null >/tmp/boot || fail "axasctl boot ended with status $?"
tr -d '\r' </tmp/boot | grep -v '^##'
grep -q 'guest  *it powered off' /tmp/boot || fail "Linux did not power off"
echo "# unloading axvcpu.ko and axas.ko"
rmmod axvcpu || fail "axvcpu.ko does not unload"
rmmod axas || fail "axas.ko does not unload"
echo "##axas verdict ${FAILED:-PASS}"
