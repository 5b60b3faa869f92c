#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-source.sh [SERIES]: unpack Debian's linux-source-SERIES into the cache
# and print the folder. Without SERIES it is the one of this Debian release.
# The folder is named after the package's version, and is never modified.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The package's tarball, in any compression.
source_tarball() {
	dpkg-query -L "$1" | grep -E "/$1\.tar\.(xz|zst|gz)$" | head -n 1
}

main() {
	local series=${1:-} pkg version dir tmp tarball

	takes 0 1 "$@"
	[[ -n $series ]] || series=$(kernel_series)
	pkg=linux-source-$series
	need_packages "$pkg" xz-utils
	version=$(dpkg-query -W -f '${Version}' "$pkg")
	dir=$AXAS_CACHE/src/${pkg}_$version
	lock source
	if [[ ! -d $dir ]]; then
		tarball=$(source_tarball "$pkg")
		[[ -n $tarball ]] || die "$pkg holds no tarball"
		log "unpacking $tarball"
		cache_new tmp "$dir"
		tar -C "$tmp" --strip-components=1 -xf "$tarball"
		cache_done "$tmp" "$dir"
	fi
	printf '%s\n' "$dir"
}

main "$@"
