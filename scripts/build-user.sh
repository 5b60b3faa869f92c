#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-user.sh OUT [FOLDER...]: build the user-space programs (default: all of them)
# in a fresh copy of the sources, OUT.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local out=$1 folder

	shift
	(($#)) || set -- tools/axasctl tests/uapi
	copy_sources "$out"
	for folder in "$@"; do
		make -C "$out/$folder" -j"$AXAS_JOBS"
	done
}

main "$@"
