#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debug-kernel.sh [debug|kcsan|gcov|drgn]: build an x86_64 kernel with all checks enabled
# (debug.config), one with KCSAN for our modules (kcsan.config), one that counts which of their lines
# are executed (gcov.config), or one with debugging information (drgn.config), into the cache, and
# print its build folder. Our modules are built against the folder and are not part of the kernel,
# which is not rebuilt after an edit of ours.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

config() {
	grep -hv '^# .*[^t]$' "$AXAS_SCRIPTS/$KIND.config" "$AXAS_SCRIPTS/machine.config"
	# It needs instrumented barriers in the kernel's own code.
	[[ $KIND != kcsan ]] || echo '# CONFIG_KCSAN_WEAK_MEMORY is not set'
}

# KCSAN watches our modules, and by their values what others write to the same memory: races
# among others' code are not ours, and would be most of the log.
flags() { [[ $KIND != kcsan ]] || echo KCSAN_SANITIZE=n; }

# Like kunit.py, refuse a configuration that Kconfig did not accept unchanged. Kconfig does not
# mention what cannot be set at all.
check_config() {
	local line missing=()

	while read -r line; do
		[[ $line == CONFIG_* && $line != *=n ]] || continue
		grep -qxF "$line" "$1/.config" || missing+=("$line")
	done < <(config)
	((${#missing[@]} == 0)) || die "this kernel cannot have: ${missing[*]}"
}

build() {
	local tree=$1 dir=$2 make

	mapfile -t make < <(flags)
	make=(make -C "$tree" "O=$dir" ARCH=x86_64 "-j$AXAS_JOBS" "${make[@]}")
	mkdir -p "$dir"
	config >"$dir/.config"
	"${make[@]}" olddefconfig
	check_config "$dir"
	"${make[@]}"
}

main() {
	local tree dir

	takes 0 1 "$@"
	export KIND=${1:-debug}
	[[ -e $AXAS_SCRIPTS/$KIND.config && $KIND != machine ]] || usage_error "no kernel $KIND"
	need_build_packages
	tree=$("$AXAS_SCRIPTS/overlay.sh")
	dir=$AXAS_CACHE/build/$(basename "$tree")-$KIND-$(hash_of "$(config)" "$(flags)")
	lock "build-$KIND-kernel"
	# Do not build under a temporary name: paths in the build would be stale. An
	# interrupted build lacks the mark, and make continues it.
	if [[ ! -e $dir/.axas-ready ]]; then
		# Kconfig reads our Kconfig, though none of its options is enabled.
		lock_overlay "$tree"
		log "building the $KIND kernel (about 10 minutes on 2 CPUs)"
		run_logged "$KIND-kernel" "$AXAS_LOGS/$KIND-kernel.log" build "$tree" "$dir"
		touch "$dir/.axas-ready"
	fi
	printf '%s\n' "$dir"
}

main "$@"
