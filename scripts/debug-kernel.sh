#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debug-kernel.sh: build an x86_64 kernel with all checks enabled (debug.config), into
# the cache, and print its build folder. Our module is built against the folder and is not
# part of the kernel, which is not rebuilt after an edit of ours.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Like kunit.py, refuse a configuration that Kconfig did not accept unchanged.
check_config() {
	local line missing=()

	while read -r line; do
		[[ $line == CONFIG_* ]] || continue
		grep -qxF "$line" "$1/.config" || missing+=("$line")
	done <"$AXAS_SCRIPTS/debug.config"
	((${#missing[@]} == 0)) || die "this kernel cannot have: ${missing[*]}"
}

build() {
	local tree=$1 dir=$2 make=(make -C "$1" "O=$2" ARCH=x86_64 "-j$AXAS_JOBS")

	mkdir -p "$dir"
	grep -v '^# .*[^t]$' "$AXAS_SCRIPTS/debug.config" >"$dir/.config"
	"${make[@]}" olddefconfig
	check_config "$dir"
	"${make[@]}"
}

main() {
	local tree dir

	takes 0 0 "$@"
	need_build_packages
	tree=$("$AXAS_SCRIPTS/overlay.sh")
	dir=$AXAS_CACHE/build/$(basename "$tree")-debug-$(hash_of "$(cat "$AXAS_SCRIPTS/debug.config")")
	lock build-debug-kernel
	# Do not build under a temporary name: paths in the build would be stale. An
	# interrupted build lacks the mark, and make continues it.
	if [[ ! -e $dir/.axas-ready ]]; then
		# Kconfig reads our Kconfig, though none of its options is enabled.
		lock_overlay "$tree"
		log "building the debug kernel (about 10 minutes on 2 CPUs)"
		run_logged debug-kernel "$AXAS_LOGS/debug-kernel.log" build "$tree" "$dir"
		touch "$dir/.axas-ready"
	fi
	printf '%s\n' "$dir"
}

main "$@"
