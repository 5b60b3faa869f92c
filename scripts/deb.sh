#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deb.sh [OUT [SUITE]]: build the Debian packages in a Debian of that suite (debian-root.sh;
# default: this machine's own), check them with lintian, and leave them in OUT (default:
# build/deb). Their tests that need no kernel module run in it.
#
# AXAS_DEB_VERSION  a version other than VERSION, to try an upgrade

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# What debian/control builds with, and what the tests of the library and the tools run.
BUILD_DEPENDS="debhelper dh-dkms dh-sequence-dkms libjson-c-dev libmd-dev libzydis-dev pkg-config
	build-essential dwarves lintian libfdt-dev zlib1g-dev mandoc zsh"

build() {
	local out=$1 root=$2 version=$3 dir=$1/axas-$3

	copy_sources "$dir"
	if [[ $version != "$(cat "$AXAS_SRC/VERSION")" ]]; then
		echo "$version" >"$dir/VERSION"
		sed -i "1s/(.*)/($version)/" "$dir/debian/changelog"
	fi
	as_root "$AXAS_SCRIPTS/in-root.sh" "$root" "$out" \
		sh -euc "cd axas-$version
		DEB_BUILD_OPTIONS='parallel=$AXAS_JOBS' dpkg-buildpackage -us -uc -b
		lintian --allow-root --fail-on error,warning --tag-display-limit 0 \
			../axas_${version}_$(dpkg --print-architecture).changes"
	rm -rf "$dir"
}

main() {
	local out=${1:-$AXAS_SRC/build/deb} suite=${2:--} root version

	takes 0 2 "$@"
	version=${AXAS_DEB_VERSION:-$(cat "$AXAS_SRC/VERSION")}
	grep -q "^axas ($(cat "$AXAS_SRC/VERSION"))" "$AXAS_SRC/debian/changelog" ||
		die "VERSION and debian/changelog do not agree"
	# shellcheck disable=SC2086  # several words
	root=$("$AXAS_SCRIPTS/debian-root.sh" "$suite" $BUILD_DEPENDS)
	rm -rf "$out"
	mkdir -p "$out"
	run_logged "packages" "$out/build.log" build "$out" "$root" "$version"
	printf '%s\n' "$out"/*.deb
}

main "$@"
