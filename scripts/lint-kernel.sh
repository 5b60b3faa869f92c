#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint-kernel.sh gcc|clang: prepare a kernel's build folder in the cache for compiling
# our files with that compiler, and print it. No kernel is built, so there are no
# symbols to link against: it serves for warnings only. Packaged headers do not serve:
# they lack KUnit, and are configured for gcc.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

prepare() {
	local tree=$1 dir=$2 make=(make -C "$1" "O=$2" ARCH=x86_64 "-j$AXAS_JOBS")

	[[ $3 == gcc ]] || make+=(LLVM=1)
	"${make[@]}" defconfig
	"$tree/scripts/config" --file "$dir/.config" --enable KUNIT --enable MODULES \
		--enable PROVE_LOCKING --enable DEBUG_KERNEL --disable WERROR
	"${make[@]}" olddefconfig
	"${make[@]}" modules_prepare
}

main() {
	local compiler=${1:-} tree dir tmp version

	takes 1 1 "$@"
	need_build_packages
	if [[ $compiler == clang ]]; then
		need_packages clang lld llvm
	fi
	tree=$("$AXAS_SCRIPTS/kernel-source.sh")
	version=$(hash_of "$("$compiler" --version)" "$(cat "$AXAS_SCRIPTS/lint-kernel.sh")")
	dir=$AXAS_CACHE/build/$(basename "$tree")-lint-$compiler-$version
	lock "build-lint-$compiler"
	if [[ ! -d $dir ]]; then
		cache_new tmp "$dir"
		run_logged "preparing a kernel for $compiler" "$AXAS_LOGS/lint-$compiler.log" \
			prepare "$tree" "$tmp" "$compiler"
		cache_done "$tmp" "$dir"
	fi
	printf '%s\n' "$dir"
}

main "$@"
