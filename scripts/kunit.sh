#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kunit.sh um|x86_64|kcsan [SUITE-GLOB] [kunit.py's options]: run our KUnit suites, built
# into a kernel, with the kernel's own kunit.py.
#
#   scripts/kunit.sh um                     all suites in User Mode Linux
#   scripts/kunit.sh um 'axas_npt*'         only the suites of that name
#   scripts/kunit.sh x86_64                 in QEMU, with all debug options
#   scripts/kunit.sh kcsan 'axas_s*'        in QEMU, with KCSAN, for data races
#
# The first run builds a kernel in the cache (um 2 minutes, x86_64 6); after an
# edit only changed files are compiled, and um ends in seconds. The last line is
# "kunit-ARCH: N passed, M failed, S skipped, log: FILE", the kernel's log.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# make compares only times: remove objects of another clone.
claim_build() {
	local build=$1 stamp

	stamp="$AXAS_SRC $(stat -c %d:%i "$AXAS_SRC")"
	if [[ $(cat "$build/.axas-clone" 2>/dev/null) != "$stamp" ]]; then
		rm -rf "$build/drivers/misc/axas"
	fi
	mkdir -p "$build"
	printf '%s\n' "$stamp" >"$build/.axas-clone"
}

configs() {
	case $1 in
	kcsan) echo "$AXAS_SCRIPTS/kcsan.config" ;;
	x86_64) printf '%s\n' "$AXAS_SCRIPTS"/{debug,machine}.config ;;
	esac
}

# The options of kunit.py for one architecture.
arch_options() {
	case $1 in
	um)
		# More steps of the oracle's suite if there is time.
		[[ ${AXAS_EFFORT:-} != full ]] || echo --kernel_args=axas_kunit.steps=100000
		;;
	x86_64 | kcsan)
		configs "$1" | sed 's/^/--kunitconfig=/'
		printf '%s\n' --arch=x86_64 \
			--qemu_args="-accel ${AXAS_ACCEL:-tcg} -M q35 -cpu EPYC,+svm,+npt,cx16=off -smp 2" \
			--kernel_args=kasan_multi_shot
		# A reader may read a maple tree node that its writer is freeing, and discards
		# the values once it finds the node dead. KCSAN has no annotation for that;
		# we rely on the tree's own protocol (RCU mode).
		[[ $1 != kcsan ]] || echo --make_options=KCSAN_SANITIZE_maple_tree.o=n
		;;
	esac
}

# In raw mode kunit.py reads to the kernel's end. While parsing it stops at the last test,
# and test.log may lack the kernel's last messages. So first run, then parse.
run_kunit() {
	local tree=$1 build=$2 arch=$3 options kunit=./tools/testing/kunit/kunit.py rc=0

	shift 3
	mapfile -t options < <(arch_options "$arch")
	cd "$tree"
	timeout --foreground -k 10 "${AXAS_TIMEOUT:-3600}" "$kunit" run \
		--build_dir="$build" --jobs="$AXAS_JOBS" --kunitconfig="$AXAS_SRC" \
		--timeout=3300 --raw_output=all "${options[@]}" "$@" </dev/null |
		awk '!quiet { print; fflush() } /Starting KUnit Kernel/ { quiet = 1 }' || rc=$?
	if [[ -f $build/test.log ]]; then
		"$kunit" parse "$build/test.log" || rc=$?
	fi
	return "$rc"
}

# check_exports FOLDER: where the suites are a module (vm-debug), they reach only what is exported.
# Print what a suite uses of the core that is not. The folder has the objects of both.
check_exports() {
	local folder=$1

	comm -12 <(nm -u "$folder"/kunit/*.o | awk '{ print $2 }' | sort -u) \
		<(nm --defined-only "$folder"/*.o | awk '$2 ~ /[TDBR]/ { print $3 }' | sort -u) |
		comm -23 - <(grep -rhoP --include='*.c' 'EXPORT_(PER_CPU_)?SYMBOL_AX\w*\(\K\w+' "$AXAS_SRC" |
			sort -u) | sed 's/^/fail kunit-um: exported for the suites: /'
}

main() {
	local arch=${1:-} tree build rc=0

	[[ $arch == um || $arch == x86_64 || $arch == kcsan ]] ||
		usage_error "um, x86_64 or kcsan"
	shift
	need_build_packages
	[[ $arch == um ]] || need_packages qemu-system-x86
	tree=$("$AXAS_SCRIPTS/overlay.sh")
	build=$AXAS_CACHE/build/$(basename "$tree")-kunit-$arch
	[[ $arch == um ]] || build+=-$(hash_of "$(configs "$arch" | xargs cat)")
	lock "build-$(basename "$build")"
	[[ $arch != x86_64 ]] || seed_build "$build"
	lock_overlay "$tree"
	claim_build "$build"
	rm -f "$build/test.log"
	run_kunit "$tree" "$build" "$arch" "$@" || rc=$?
	mkdir -p "$AXAS_LOGS"
	rm -f "$AXAS_LOGS/kunit-$arch.log"
	[[ ! -f $build/test.log ]] || cp "$build/test.log" "$AXAS_LOGS/kunit-$arch.log"
	report "kunit-$arch" "$AXAS_LOGS/kunit-$arch.log" "$rc" "$build/drivers/misc/axas"
}

# The debug kernel of the virtual machines differs only in our files: start from its build.
seed_build() {
	local base tmp

	[[ -d $1 ]] && return
	base=$("$AXAS_SCRIPTS/debug-kernel.sh")
	cache_new tmp "$1"
	cp -a "$base/." "$tmp/"
	# objtool's build records its folder's absolute path. A stale path would
	# cause a rebuild of objtool and of all that depends on it.
	grep -rlF --include='.*.cmd' "$base" "$tmp/tools" | xargs -r sed -i "s#$base#$1#g"
	cache_done "$tmp" "$1"
}

# report NAME LOG STATUS OBJECTS: print and record the verdict on one run.
report() {
	local name=$1 log=$2 status=$3 passed failed skipped results

	results=$(awk -v suite="$name" -f "$AXAS_SCRIPTS/ktap.awk" "$log" 2>/dev/null || true)
	[[ $name != kunit-um ]] || results+=$'\n'$(check_exports "$4" 2>/dev/null || true)
	passed=$(grep -c '^pass ' <<<"$results" || true)
	failed=$(grep -c '^fail ' <<<"$results" || true)
	skipped=$(grep -c '^skip ' <<<"$results" || true)
	if [[ ! -f $log ]]; then
		results+=$'\n'"fail $name: no kernel was booted"
	elif ! "$AXAS_SCRIPTS/splats.sh" "$log"; then
		results+=$'\n'"fail $name: the kernel log is clean"
	elif ((status && !failed)); then
		results+=$'\n'"fail $name: kunit.py ended with status $status"
	fi
	record "$results"
	failed=$(grep -c '^fail ' <<<"$results" || true)
	grep -E '^(fail|skip) ' <<<"$results" || true
	echo "$name: $passed passed, $failed failed, $skipped skipped, log: $log"
	((failed == 0 && passed > 0))
}

main "$@"
