#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-module.sh OUT KDIR [MAKE-ARGUMENT...]: build the module for the kernel at
# KDIR in a fresh copy of the sources, OUT. Objects built in the clone are not used.
# A warning is an error. For headers in a root folder of kernel-set.sh, the tools of that
# folder are used.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

build() {
	local dir=$1 kdir=$2

	shift 2
	make_for "$kdir" "$dir" KCFLAGS=-Werror "$@" modules
	[[ -f $dir/axas.ko ]]
}

main() {
	takes 2 99 "$@"
	build_once "$1" build "${@:2}"
}

main "$@"
