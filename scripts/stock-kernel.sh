#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stock-kernel.sh [ARCH [SUITE]]: unpack Debian's kernel image into the cache, as it is
# distributed, and print the file to boot. Nothing is installed. Without arguments it is
# amd64's, of this machine's release.
#
# AXAS_FLAVOUR  not empty: another flavour of it, such as cloud

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local arch=${1:-amd64} suite=${2:--} flavour image root kernel

	flavour=${AXAS_FLAVOUR:+$AXAS_FLAVOUR-}$arch
	[[ $arch$suite != amd64- ]] || apt_knows "linux-image-$flavour" || apt_update
	image=$("$AXAS_SCRIPTS/debs.sh" --depends "$arch" "$suite" "linux-image-$flavour" |
		grep -m 1 '^linux-image-[0-9]') || die "apt knows no kernel image"
	root=$("$AXAS_SCRIPTS/debs.sh" "$arch" "$suite" "$image")
	kernel=$root/boot/vmlinuz-${image#linux-image-}
	[[ -f $kernel ]] || kernel=$(find "$root" -name 'vmlinu[xz]*' -type f | head -n 1)
	[[ -f $kernel ]] || die "$image holds no kernel"
	printf '%s\n' "$kernel"
}

main "$@"
