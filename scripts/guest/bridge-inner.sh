# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bridge-inner.sh: what runs in QEMU's own guest, below the machine of bridge.sh, on its
# first serial line: memory is filled, given back, and filled again. Each step waits for a
# line from the other side.

TTY=/dev/${AXAS_TTY:-ttyS0}
COPIES=40

say() { echo "inner: $*"; }

# step NAME: say that it is done, and wait.
step() {
	say "$1"
	read -r _line <&3
}

# Real data, each file with a part of its own: of most bytes a stale page would show.
fill() {
	_i=0
	while [ $_i -lt $COPIES ]; do
		{ echo "$1 $_i" && cat /bin/busybox; } >/tmp/data$_i || return 1
		_i=$((_i + 1))
	done
}

# filled_right NAME: every file holds what fill() wrote.
filled_right() {
	_i=0
	while [ $_i -lt $COPIES ]; do
		{ echo "$1 $_i" && cat /bin/busybox; } | cmp - /tmp/data$_i || return 1
		_i=$((_i + 1))
	done
}

stty -F "$TTY" -echo
exec 3<"$TTY"
mount -o remount,size=90% /tmp
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci \
	virtio_balloon; do
	[ ! -e /axas/$module.ko ] || insmod /axas/$module.ko
done
say "$(uname -r), $(grep MemTotal /proc/meminfo)"
step up
fill first && filled_right first && step filled
rm /tmp/data*
step emptied
fill second && filled_right second && step right
