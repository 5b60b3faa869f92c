#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-matrix.sh [SET...]: build the module and its in-kernel user against the packaged
# headers of several kernels and architectures (the table of kernel-set.sh), with warnings
# as errors. Each build is a test; amd64-rc, a release candidate, may fail, which is a skipped one.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SETS=(amd64 amd64-7.2 arm64 arm64-7.2 riscv64)
(($(debian_release) > 12)) || SETS+=(amd64-6.12 arm64-6.12)

# build_one SET
build_one() {
	local args=()

	kernel_set "build: $1" "$1" "$AXAS_LOGS/matrix/$1.set" headers
	mapfile -t args < <(cross_arguments "${1%%-*}")
	"$AXAS_SCRIPTS/build-module.sh" "$AXAS_LOGS/matrix/$1" "$KDIR" CONSUMER=1 "${args[@]}"
	[[ -f $AXAS_LOGS/matrix/$1/vcpu/axvcpu.ko ]]
}

main() {
	local set name failed=0

	takes 0 99 "$@"
	(($#)) || set -- "${SETS[@]}"
	need_build_packages
	mkdir -p "$AXAS_LOGS/matrix"
	for set in "$@"; do
		name="build: $set"
		if run_logged "$name" "$AXAS_LOGS/matrix/$set.log" build_one "$set"; then
			record "pass $name"
		elif [[ $set == amd64-rc ]]; then
			record "skip $name: it does not build, or there is none"
			echo "$name does not build, or there is none, which is allowed: $AXAS_LOGS/matrix/$set.log"
		else
			record "fail $name"
			echo "$name failed"
			failed=1
		fi
	done
	return "$failed"
}

main "$@"
