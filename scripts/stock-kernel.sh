#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stock-kernel.sh: unpack this Debian release's kernel image into the cache, as it is
# distributed, and print the file to boot. Nothing is installed.
#
# AXAS_FLAVOUR  not empty: another flavour of it, such as cloud

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local arch=amd64 flavour image root kernel

	flavour=${AXAS_FLAVOUR:+$AXAS_FLAVOUR-}$arch
	apt_knows "linux-image-$flavour" || apt_update
	image=$("$AXAS_SCRIPTS/debs.sh" --depends "$arch" - "linux-image-$flavour" |
		grep -m 1 '^linux-image-[0-9]') || die "apt knows no kernel image"
	root=$("$AXAS_SCRIPTS/debs.sh" "$arch" - "$image")
	kernel=$root/boot/vmlinuz-${image#linux-image-}
	[[ -f $kernel ]] || kernel=$(find "$root" -name 'vmlinuz*' -type f | head -n 1)
	[[ -f $kernel ]] || die "$image holds no kernel"
	printf '%s\n' "$kernel"
}

main "$@"
