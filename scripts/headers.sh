#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# headers.sh ARCH [SERIES]: unpack the packaged kernel headers of this machine's Debian into
# the cache and print the folder to pass to make as KDIR. ARCH is a Debian architecture;
# SERIES, such as 6.12, selects another kernel than the release's own.
#
# AXAS_FLAVOUR  another flavour of the kernel, such as cloud-amd64 (default: ARCH)

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

HOST_ARCH=$(dpkg --print-architecture)

debs() { "$AXAS_SCRIPTS/debs.sh" "$@"; }

# newest PATTERN PACKAGES: print the first name that matches PATTERN.
first_of() { grep -E -m 1 "$1" || true; }

# The flavour's Makefile refers to two folders by their installed paths.
fix_paths() {
	local root=$1 makefile

	for makefile in "$root"/usr/src/linux-headers-*/Makefile; do
		sed -i -E "s#([ =])/usr/src/(linux-headers[^/ ]*)#\1$root/usr/src/\2#g" "$makefile"
	done
}

# prepare ROOT KBUILD-PACKAGE: copy the build tools to the place that the headers expect.
prepare() {
	local root=$1 kbuild=$2 tools

	tools=$(debs "$HOST_ARCH" - "$kbuild")
	rm -rf "$root/usr/lib/$kbuild"
	mkdir -p "$root/usr/lib"
	ln -s "$tools/usr/lib/$kbuild" "$root/usr/lib/$kbuild"
	fix_paths "$root"
	touch "$root/.axas-ready"
}

main() {
	local arch=${1:-} series=${2:-} meta flavour deps common kbuild root

	takes 1 2 "$@"
	meta=linux-headers-${series:+$series-}${AXAS_FLAVOUR:-$arch}
	flavour=$(debs --depends "$arch" - "$meta" | first_of '^linux-headers-[0-9]')
	[[ $flavour ]] || die "there is no $meta"
	deps=$(debs --depends "$arch" - "$flavour")
	common=$(first_of '^linux-headers-.*-common(-rt)?$' <<<"$deps")
	kbuild=$(first_of '^linux-kbuild-' <<<"$deps")
	[[ $common && $kbuild ]] || die "$flavour needs neither common headers nor tools"
	if [[ $series && $flavour != linux-headers-"$series"[.+-]* ]]; then
		die "$meta is now $flavour, not $series"
	fi
	root=$(debs "$arch" - "$flavour" "$common:all")
	lock "headers-$(basename "$root")"
	[[ -e $root/.axas-ready ]] || prepare "$root" "$kbuild"
	printf '%s\n' "$root/usr/src/$flavour"
}

main "$@"
