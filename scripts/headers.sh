#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# headers.sh ARCH [SERIES [SUITE]]: unpack Debian's packaged kernel headers into the
# cache and print the folder to give to make as KDIR. ARCH is a Debian architecture;
# SERIES, such as 6.12, chooses another kernel than the release's own; SUITE another
# Debian release. The build tools are always those of this machine's release.
#
# AXAS_FLAVOUR  not empty: another flavour of the kernel, such as cloud

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

HOST_ARCH=$(dpkg --print-architecture)

debs() { "$AXAS_SCRIPTS/debs.sh" "$@"; }

# newest PATTERN PACKAGES: the first name that is PATTERN.
first_of() { grep -E -m 1 "$1" || true; }

# The linux-kbuild package that runs on this machine: of the same series, but of
# its own release, or a newer C library would be wanted.
own_kbuild() {
	local series=$1 flavour pkg

	for pkg in "linux-headers-$series-$HOST_ARCH" "linux-headers-$HOST_ARCH"; do
		flavour=$(debs --depends "$HOST_ARCH" - "$pkg" 2>/dev/null |
			first_of "^linux-headers-$series") || true
		[[ -z $flavour ]] || break
	done
	[[ $flavour ]] || die "this Debian has no build tools for $series"
	debs --depends "$HOST_ARCH" - "$flavour" | first_of '^linux-kbuild-'
}

# The flavour's Makefile names two folders by their installed place.
fix_paths() {
	local root=$1 makefile

	for makefile in "$root"/usr/src/linux-headers-*/Makefile; do
		sed -i -E "s#([ =])/usr/src/(linux-headers[^/ ]*)#\1$root/usr/src/\2#g" "$makefile"
	done
}

# prepare ROOT KDIR KBUILD-PACKAGE: bring the build tools to where the headers look.
prepare() {
	local root=$1 wanted=$2 own=$3 tools

	tools=$(debs "$HOST_ARCH" - "$own")
	rm -rf "$root/usr/lib/$wanted"
	mkdir -p "$root/usr/lib"
	ln -s "$tools/usr/lib/$own" "$root/usr/lib/$wanted"
	fix_paths "$root"
	touch "$root/.axas-ready"
}

main() {
	local arch=$1 series=${2:-} suite=${3:--} meta flavour deps common wanted root

	meta=linux-headers-${series:+$series-}${AXAS_FLAVOUR:+$AXAS_FLAVOUR-}$arch
	[[ $suite == - ]] || meta=linux-headers-$arch
	flavour=$(debs --depends "$arch" "$suite" "$meta" | first_of '^linux-headers-[0-9]')
	[[ $flavour ]] || die "there is no $meta in $suite"
	deps=$(debs --depends "$arch" "$suite" "$flavour")
	common=$(first_of '^linux-headers-.*-common$' <<<"$deps")
	wanted=$(first_of '^linux-kbuild-' <<<"$deps")
	[[ $common && $wanted ]] || die "$flavour needs neither common headers nor tools"
	if [[ $series && $flavour != linux-headers-"$series"[.+-]* ]]; then
		die "$meta in $suite is now $flavour, not $series"
	fi
	root=$(debs "$arch" "$suite" "$flavour" "$common:all")
	lock "headers-$(basename "$root")"
	if [[ ! -e $root/.axas-ready ]]; then
		[[ $suite == - ]] || own=$(own_kbuild "$series")
		prepare "$root" "$wanted" "${own:-$wanted}"
	fi
	printf '%s\n' "$root/usr/src/$flavour"
}

main "$@"
