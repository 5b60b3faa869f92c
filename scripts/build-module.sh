#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-module.sh OUT KDIR [MAKE-ARGUMENT...]: build the module for the kernel at
# KDIR in a fresh copy of the sources, OUT. What lies built in the clone has no part
# in it. A warning is an error.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local out=$1 kdir=$2

	shift 2
	copy_sources "$out"
	make -C "$out" KDIR="$kdir" -j"$AXAS_JOBS" KCFLAGS=-Werror "$@" modules
	[[ -f $out/axas.ko ]]
}

main "$@"
