#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-matrix.sh: build the module, its in-kernel user included, against the packaged
# headers of several kernels and architectures, with warnings as errors. Each build is
# a test.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# What to build on which Debian release: the Debian architecture, series and suite
# for headers.sh, the cross compiler's packages and prefix, and more for make.
# 6.12 for riscv64 is from Debian 13; its pahole has options that ours lacks. Where the
# prefix is "root", the suite's own compiler is taken.
matrix() {
	local release

	release=$(sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release)
	echo "amd64 $(kernel_series) - -"
	echo "amd64 7.2 trixie-backports root"
	if [[ $release == 12 ]]; then
		echo "amd64 6.12 - -"
		echo "arm64 6.1 - aarch64-linux-gnu- ARCH=arm64"
		echo "riscv64 6.12 trixie riscv64-linux-gnu- ARCH=riscv" \
			"CC=riscv64-linux-gnu-gcc CONFIG_DEBUG_INFO_BTF_MODULES="
	else
		echo "arm64 $(kernel_series) - aarch64-linux-gnu- ARCH=arm64"
		echo "riscv64 $(kernel_series) - riscv64-linux-gnu- ARCH=riscv"
	fi
}

# build_one ARCH SERIES SUITE PREFIX MAKE-ARGUMENT...
build_one() {
	local arch=$1 series=$2 suite=$3 prefix=$4 kdir

	shift 4
	if [[ $prefix == root ]]; then
		"$AXAS_SCRIPTS/build-in-root.sh" "$AXAS_LOGS/matrix/$arch-$series" "$series" \
			"$suite"
		return
	fi
	if [[ $prefix != - ]]; then
		need_packages "gcc-${prefix%-}"
		set -- "$@" CROSS_COMPILE="$prefix"
	fi
	[[ $series != "$(kernel_series)" ]] || series=
	[[ $suite == - ]] || series=6.12
	kdir=$("$AXAS_SCRIPTS/headers.sh" "$arch" "$series" "$suite")
	"$AXAS_SCRIPTS/build-module.sh" "$AXAS_LOGS/matrix/$arch-${series:-own}" "$kdir" \
		CONSUMER=1 "$@"
}

main() {
	local arch series rest name failed=0

	need_build_packages
	mkdir -p "$AXAS_LOGS/matrix"
	while read -r arch series rest; do
		name="build: $arch-$series"
		# shellcheck disable=SC2086  # several words
		if run_logged "$name" "$AXAS_LOGS/matrix/$arch-$series.log" \
			build_one "$arch" "$series" $rest; then
			record "pass $name"
			echo "$name ok"
		else
			record "fail $name"
			echo "$name failed"
			failed=1
		fi
	done < <(matrix)
	return "$failed"
}

main "$@"
