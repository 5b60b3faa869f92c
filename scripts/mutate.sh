#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutate.sh [-n N] [-s SEED] [-f FILE]... [--quick|--machine] [--again] [--fresh]: mutation test.
# Changes one line of the core at a time (see mutate.py), N of them (default 50) chosen by SEED
# (default 1), and runs the suites in user space on it: KUnit with its monitor, both models of
# the fuzzer, and threads under ThreadSanitizer; --quick leaves the latter out. The last lines
# are the survivors and the score; fails if it is below 90 per cent. "Same code" is a mutation that
# compiles to the same code.
#
# --machine: changes what only runs in a kernel instead, and runs the suites of a virtual machine
# on it: the files of axas' devices, by the user API and axasctl; the vCPUs' files that an AMD CPU
# runs, by the vCPUs' suites. 1 minute for each. There is no minimum: see Documentation/testing.md.
#
# Verdicts are kept in the log's folder: the same call continues where it was stopped, and
# an unchanged line is not judged again. --again judges survivors again, as after adding a
# test; --fresh discards all verdicts.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The core as tests/userspace builds it: without the files that speak with user space.
mapfile -t FILES < <(cd "$AXAS_SRC" && printf '%s\n' axas_*.[ch] |
	grep -vE '^axas_(main|file.*|debugfs|compat)\.[ch]$')

# What a virtual machine with AMD's SVM runs of the rest. Not: Intel's VMX, emergencies (reboot
# and crash), and what the kernel's mitigations ask for, which an emulated CPU does not need.
mapfile -t MACHINE_FILES < <(cd "$AXAS_SRC" && printf '%s\n' axas_*.[ch] vcpu/*.c vcpu/x86/*.[ch] |
	grep -E '^(axas_(main|file.*|debugfs)\.[ch]|vcpu/.*)$' |
	grep -vE '/(vmx.*|host|mitigate|emergency|svm_hw|axvcpu_(noarch|trace))\.[ch]$')

# The judges: seconds of CPU time that a process of one may take, the program and its arguments.
# Those that detect most in the least time come first; each suite and program runs in one of
# them. KUnit's limit is for one case: -t. "long" is what --quick leaves out. axas_oracle is
# omitted: it takes long, and detects few mutations that others do not.
FIRST="monitor|npt_*|machine|stress|flush"
SLOW="npt|area|single|random|oracle|space_@(huge|many|pages|log|lent_log|image|keep|fold|supply)"
JUDGES=(
	"60 plain/bin/kunit -x -t 6 axas_@($FIRST)"
	"6 plain/bin/fuzz --model family --programs 60 --shrink 0"
	"60 plain/bin/kunit -x -t 6 axas_!($FIRST|$SLOW)"
	"6 plain/bin/fuzz --programs 20 --shrink 0"
	"100 plain/bin/kunit -x -t 8 axas_@(area|random|space_@(huge|many|pages|log|lent_log|keep|fold))"
	"100 plain/bin/kunit -x -t 8 axas_@(npt|single|space_@(image|supply))"
	"40 long/plain/bin/fuzz --model family --seed 1000 --programs 600 --shrink 0"
	"60 long/plain/bin/fuzz --seed 1000 --programs 300 --shrink 0"
	"60 long/tsan/bin/stress --seconds 4 --format ept"
	"60 long/tsan/bin/stress --seconds 4 --format s2"
)

# watch GROUP: end a program whose threads all slept for 20 s and used no time: they wait for
# each other. How busy the machine is does not matter.
watch() {
	local before='' now idle=0

	while sleep 1 && now=$(pgrep -g "$1" | sed 's/.*/cat \/proc\/&\/task\/*\/stat/' | sh 2>/dev/null) &&
		[[ $now ]]; do
		# State, user and system time of each thread.
		now=$(cut -d' ' -f3,14,15 <<<"$now")
		[[ $now == "$before" && $now != *[RD]\ * ]] && idle=$((idle + 1)) || idle=0
		((idle < 20)) || kill -KILL -- "-$1"
		before=$now
	done
}

# ask FOLDER CPU PROGRAM ARGUMENT...: run one judge within this limit of CPU seconds. Status 0 is
# "good"; 152 and 137: over the limit, or it waits for ever.
ask() {
	local tree=$1 cpu=$2 program=$1/tests/userspace/build/$3 rc=0 pid watcher

	shift 3
	(
		cd "$tree"
		export TSAN_OPTIONS="halt_on_error=1 suppressions=$tree/tests/userspace/tsan.supp"
		ulimit -c 0
		ulimit -S -t "$cpu"
		ulimit -H -t $((cpu + 2))
		exec setsid "$program" "$@"
	) >"$tree/judge.log" 2>&1 &
	pid=$!
	watch "$pid" >/dev/null 2>&1 &
	watcher=$!
	wait "$pid" || rc=$?
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	return "$rc"
}

# name_of FOLDER PROGRAM ARGUMENT...: print what failed: a case of KUnit, or the program's call.
name_of() {
	local tree=$1 failed

	shift
	failed=$(sed -n 's/^ *not ok [0-9]* \([^ ]*\).*/\1/p' "$tree/judge.log" | head -n 1)
	printf '%s\n' "${failed:-${*:1:4}}"
}

# judge FOLDER KIND: print the first judge of that kind that fails on the build, and how;
# nothing if none does.
judge() {
	local tree=$1 kind=$2 judge rc words

	for judge in "${JUDGES[@]}"; do
		read -ra words <<<"$judge"
		[[ ${words[1]} == "$kind"/* ]] || continue
		words[1]=${words[1]#long/} rc=0
		ask "$tree" "${words[@]}" || rc=$?
		case $rc in
		0) continue ;;
		137 | 152 | 155) echo "killed, without end in $(name_of "$tree" "${words[@]:1}")" ;;
		*) echo "killed by $(name_of "$tree" "${words[@]:1}")" ;;
		esac
		return
	done
}

# judge_all FOLDER KIND...: the same with each kind, and the build that it needs.
judge_all() {
	local tree=$1 kind verdict

	shift
	for kind; do
		[[ $kind != long/tsan ]] || build "$tree" tsan
		verdict=$(judge "$tree" "$kind")
		[[ -z $verdict ]] || break
	done
	printf '%s\n' "$verdict"
}

# build FOLDER MODE: build the programs of the judges of that mode, or the modules.
build() {
	local programs=stress

	case $2 in
	machine) make_for "$KDIR" "$1" modules >"$1/build.log" 2>&1; return ;;
	plain) programs="kunit fuzz" ;;
	esac
	# shellcheck disable=SC2086  # several words
	make -s -C "$1/tests/userspace" -j"$AXAS_JOBS" MODE="$2" EXTRA=-g0 $programs >"$1/build.log" 2>&1
}

# What the judge in a virtual machine needs beside the modules.
prepare_machine() {
	need_build_packages
	kernel_set mutate amd64 "$AXAS_LOGS/mutate.set"
	run_logged "programs" "$AXAS_LOGS/mutate-user.log" "$AXAS_SCRIPTS/build-user.sh" "$AXAS_LOGS/mutate-user"
	cd "$AXAS_LOGS/mutate-user"
	"$AXAS_SCRIPTS/initramfs.sh" "$AXAS_LOGS/mutate.gz" check.sh tools/axasctl/{axasctl,device_test.sh,tap.sh} \
		tests/guests/*.elf tests/uapi/axas_uapi_test tests/vcpu/axvcpu_test
	cd "$AXAS_SRC"
}

# fails_in_machine FOLDER FILE: boot the modules, and print the first test that fails, or what else
# went wrong; nothing if all passed. The time is for a busy machine.
fails_in_machine() {
	local tree=$1 out=$1/vm case=device pid

	[[ $2 != vcpu/* ]] || case=vcpu
	rm -rf "$out"
	mkdir -p "$out/axas"
	cp "$tree/axas.ko" "$tree/vcpu/axvcpu.ko" "$out/axas/"
	(cd "$out" && find axas | cpio --quiet -R 0:0 -o -H newc | gzip -1 |
		cat "$AXAS_LOGS/mutate.gz" - >initramfs)
	AXAS_MEMORY=3G AXAS_TIMEOUT=600 "$AXAS_SCRIPTS/vm.sh" "$out" "$KERNEL" "$out/initramfs" \
		"${AXAS_WINDOWS[@]}" "AXAS_CASE=$case" AXAS_ROUNDS=100 \
		>"$out/vm.log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null && ! grep -q '^not ok ' "$out/guest.log" 2>/dev/null; do
		sleep 0.5
	done
	kill "$pid" 2>/dev/null || true
	wait "$pid" || true
	"$AXAS_SCRIPTS/results.sh" mutant "$out" 2>/dev/null | sed -n 's/^fail mutant[^:]*: //p' | head -n 1
}

# judge_machine FOLDER FILE: as judge_all.
judge_machine() {
	local failed

	failed=$(fails_in_machine "$@")
	[[ -z $failed ]] || echo "killed by $failed"
}

# Objects of the tests and of the shims stay as they are if a header of the core is mutated.
keep_tests() {
	find "$1"/tests/userspace/build/*/{kunit,oracle,tests} -name '*.o' -exec touch {} +
}

# restore FOLDER FILE: the file as it was, and what was built of it.
restore() {
	local tree=$1 built

	if [[ $MACHINE ]]; then
		# Kbuild looks at the file's time.
		cp "$tree/original" "$tree/$2"
		return
	fi
	cp -p "$tree/original" "$tree/$2"
	while read -r built; do
		cp -p "$tree/built/${built#"$tree/tests/userspace/build/"}" "$built" 2>/dev/null || rm "$built"
	done < <(find "$tree/tests/userspace/build" -type f -newer "$tree/stamp")
}

# Extract the executable code, without debug information.
code_of() {
	local tree=$1 object

	if [[ ! $MACHINE ]]; then
		llvm-objcopy -S -R .note.gnu.build-id "$tree/tests/userspace/build/plain/bin/kunit" "$2"
		return
	fi
	for object in axas.ko vcpu/axvcpu.ko; do
		llvm-objcopy -g -R .note.gnu.build-id -R .BTF -R .modinfo "$tree/$object" "$tree/object"
		cat "$tree/object"
	done >"$2"
}

# try_one FOLDER ID FILE KIND...: try one mutation, restore the file, and print the verdict.
try_one() {
	local tree=$1 id=$2 file=$3 verdict

	shift 3
	cp -p "$tree/$file" "$tree/original"
	touch "$tree/stamp"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" apply "$id" "$file") || die "cannot apply $id to $file"
	[[ $file == *.c || $MACHINE ]] || keep_tests "$tree"
	if ! build "$tree" "$1"; then
		verdict="did not build"
	else
		code_of "$tree" "$tree/code"
		if cmp -s "$tree/code" "$tree/code.original"; then
			verdict="same code"
		elif [[ $MACHINE ]]; then
			verdict=$(judge_machine "$tree" "$file")
		else
			verdict=$(judge_all "$tree" "$@")
		fi
	fi
	restore "$tree" "$file"
	echo "${verdict:-survived}"
}

# score FILE: print the survivors and the score. Fails below LEAST per cent.
score() {
	awk -F'\t' -v least="$LEAST" '
	$2 ~ /^killed/ { killed++ }
	$2 ~ /without end/ { hung++ }
	$2 == "survived" { survived++; print "survived: " $3 ": " $4 ": " $5 }
	$2 == "same code" || $2 == "did not build" { none++ }
	END {
		n = killed + survived
		printf "mutation score: %d of %d killed (%.0f %%), %d of them as they never end; %d that are none\n",
			killed, n, n ? 100 * killed / n : 0, hung, none
		exit 100 * killed < least * n
	}' "$1"
}

# prepare_programs FOLDER KIND...: build what the judges in user space need, and keep it.
prepare_programs() {
	local tree=$1 mode

	shift
	for mode in $([[ $# == 1 ]] && echo plain || echo plain tsan); do
		build "$tree" "$mode" || die "it does not build as it is: $tree/build.log"
	done
	rm -rf "$tree/built"
	cp -a "$tree/tests/userspace/build" "$tree/built"
}

main() {
	local n=50 seed=1 again='' fresh='' kinds=(plain long/plain long/tsan) file files=() tree=$AXAS_LOGS/mutate
	local results id where change changed verdict

	MACHINE='' LEAST=90
	while (($#)); do
		case $1 in
		-n) n=$2; shift 2 ;;
		-s) seed=$2; shift 2 ;;
		-f) files+=("$2"); shift 2 ;;
		--quick) kinds=(plain); shift ;;
		--machine) kinds=(machine) MACHINE=1 LEAST=0 FILES=("${MACHINE_FILES[@]}"); shift ;;
		--again) again=1; shift ;;
		--fresh) fresh=1; shift ;;
		*) usage_error "unknown option $1" ;;
		esac
	done
	((${#files[@]})) || files=("${FILES[@]}")
	need_packages clang libclang-rt-dev llvm make libc6-dev python3
	lock "mutate-$(basename "$AXAS_LOGS")"
	results=$AXAS_LOGS/mutate.results
	[[ -z $fresh ]] || rm -f "$results"
	mkdir -p "$AXAS_LOGS"
	touch "$results"
	[[ -z $again ]] || sed -i '/^[0-9a-f]*\tsurvived\t/d' "$results"
	[[ ! -d $tree/tests/userspace/build ]] || mv "$tree/tests/userspace/build" "$AXAS_LOGS/mutate-build"
	copy_sources "$tree"
	[[ ! -d $AXAS_LOGS/mutate-build ]] || mv "$AXAS_LOGS/mutate-build" "$tree/tests/userspace/build"
	# Objects of the last mutation are newer than the restored file.
	(cd "$tree" && touch "${FILES[@]}" "${files[@]}")
	if [[ $MACHINE ]]; then
		prepare_machine
		build "$tree" machine || die "it does not build as it is: $tree/build.log"
		for file in axas_main.c vcpu/axvcpu_main.c; do
			verdict=$(judge_machine "$tree" "$file")
			[[ -z $verdict ]] || break
		done
	else
		prepare_programs "$tree" "${kinds[@]}"
		verdict=$(judge_all "$tree" "${kinds[@]}")
	fi
	[[ -z $verdict ]] || die "as it is: $verdict; see $tree"
	code_of "$tree" "$tree/code.original"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" list "${files[@]}") >"$tree/all"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" sample "$n" "$seed" "${files[@]}") >"$tree/chosen"
	: >"$tree/now"
	while IFS=$'\t' read -r id where change changed; do
		if ! grep -q "^$id	" "$results"; then
			verdict=$(try_one "$tree" "$id" "${where%:*}" "${kinds[@]}" </dev/null)
			printf '%s\t%s\t%s\t%s\t%s\n' "$id" "$verdict" "$where" "$change" "$changed" >>"$results"
		fi
		grep "^$id	" "$results" | tail -n 1 | tee -a "$tree/now" | cut -f2-
	done <"$tree/chosen"
	echo "$(wc -l <"$tree/all") mutations in all, $n tried"
	score "$tree/now"
}

main "$@"
