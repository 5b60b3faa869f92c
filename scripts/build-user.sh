#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-user.sh OUT [FOLDER...]: build the user-space programs (default: all of them)
# in a fresh copy of the sources, OUT. The tests of the user API are also built for 32 bits,
# with the cross compiler: gcc-multilib conflicts with compilers for other machines.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

build() {
	local dir=$1 folder

	shift
	for folder in "$@"; do
		make -C "$dir/$folder" -j"$AXAS_JOBS"
		if [[ $folder == tests/uapi ]]; then
			make -C "$dir/$folder" CROSS_COMPILE=i686-linux-gnu- axas_uapi_test32
		fi
	done
}

main() {
	local out=${1:-}

	takes 1 99 "$@"
	shift
	(($#)) || set -- tools/axasctl tests/uapi tests/vcpu tests/guests tests/reboot \
		Documentation/examples
	need_packages gcc make libc6-dev libjson-c-dev libmd-dev libzydis-dev
	[[ " $* " != *" tests/uapi "* ]] || need_packages gcc-i686-linux-gnu libc6-dev-i386-cross
	build_once "$out" build "$@"
}

main "$@"
