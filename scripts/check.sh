#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [PART...]: run all tests, or only the named parts. Default: the parts of "make
# check" in the list below.
# check.sh --soak [PART...]: run the parts that take too long for that, and those that test
# longer if there is time. Results are kept in Documentation/soak.tsv, from which a table of
# Documentation/testing.md is generated.
# check.sh --list: list the parts with their budgets.
#
# With two CPUs, two parts run at once. The first run downloads and builds kernels, later
# runs use the cache. Each part has a budget of CPU time, which hardly depends on other load
# on the machine; a part that takes more than three times its budget fails. The last line is
# "N passed, M failed"; the status is 0 if M is 0 and N is not. A part that cannot run is a
# failure.
#
# AXAS_LANES  number of parts that run at once (default: 2, or 1 on a machine with one CPU)

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# A part is a line here and a function part_NAME, which calls record (lib.sh) for each
# test. Parts start in this order, the longest first. BUDGET is in seconds of one CPU with
# a warm cache; COLD is the additional time to get missing kernels and tools.
parts() {
	cat <<-EOT
		vm-debug soak 3600 1800 the debug kernel with our modules: user API, vCPUs, leaks; KUnit in soak
		lint check 300 800 checkpatch, kernel-doc, sparse, warnings, shellcheck
		um both 180 900 KUnit in User Mode Linux
		userspace both 250 100 the core as a program: ASAN with a fuzzer, TSAN with threads
		arm64 both 300 150 Debian's stock kernel at EL2: hardware walks, vCPUs with guests
		vm-stock both 400 150 Debian's stock kernel: user API, loading and unloading
		riscv64 both 350 150 as arm64, with the hypervisor extension
		matrix check 320 200 builds for other kernels and architectures
		linux both 290 60 Debian's stock kernel as a guest, on 1 and 2 vCPUs, while the host works on its memory
		linux-arm64 both 320 100 the same at EL2, with and without FEAT_S2FWB
		linux-riscv64 both 290 150 the same with the hypervisor extension, with and without Sstc
		linux-ept soak 200 60 the same as linux on Intel VMX in Bochs, 1 vCPU
		linux-memtest soak 300 60 memtest86+ as a guest on x86, while the host works on its memory
		linux-newer soak 600 500 other kernels of Debian's as guests: 6.12 and 7.2, on x86 and arm64; 7.2 on RISC-V
		bochs both 220 100 Debian's cloud kernel on Intel VMX: vCPUs with guests
		bench check 210 100 instructions of operations, compared with bench/baseline.json
		bench-more soak 500 400 the same on 7.2 of a later Debian, and the disturbance of other CPUs
		reboot both 300 100 reboot, power-off, kexec, crash and suspend under running guests
		reboot-arm64 soak 300 150 the same on arm64
		la57 both 200 50 vCPUs on an AMD CPU with 5-level page tables
		small check 80 50 vCPUs on an AMD CPU with fewer features
		wide soak 600 100 waits of removals with 256 possible CPUs: user API, vCPUs
		nohz soak 600 100 the same with a CPU that has no tick and is not interrupted
		preempt soak 600 100 the same with preempt=full
		rt soak 600 200 the same on Debian's kernel with PREEMPT_RT
		bridge both 250 100 KVM guests on memory of a space: a small VMM, unmodified QEMU, device back ends
		kvm check 60 50 KVM of Debian's stock kernel and axvcpu do not use the same CPUs
		prove check 400 60 barriers by herd7; entries, ranges and operations on small tables by CBMC
		prove-large soak 1500 100 operations on small tables of all shapes by CBMC
		tools check 60 80 libaxas, the command line tool and the documentation, without the module
		x86_64 soak 900 900 KUnit by kunit.py in QEMU, on the kernel of vm-debug
		kcsan soak 900 900 the same on a kernel with KCSAN: data races
		arm64-newer soak 500 400 as arm64, on 7.2 of a later Debian
		riscv64-newer soak 300 400 as riscv64 with the extension, on 7.2 of a later Debian
		matrix-newer soak 200 600 builds for the newest kernels of Debian, a release candidate among them; 16 KiB pages are refused
		coverage soak 1400 1500 lines of both modules that KUnit and machines execute, in QEMU and Bochs
		planted soak 600 100 planted faults: at least two instruments must detect each
		mutate soak 9000 200 200 mutations of the core and 30 of the devices: tests must detect them
		fire soak 9000 150 10^6 random calls against models, 10^6 of garbage, an hour of everything at once
		fire-debug soak 9000 1800 a tenth of it on the kernel of vm-debug
		fire-kcsan soak 9000 1800 an hour of everything at once on a kernel with KCSAN
		fire-rt soak 9000 200 the same on Debian's kernel with PREEMPT_RT
		bridge-newer soak 600 300 as bridge, on 6.12 and 7.2 of later Debians
		kvm-newer soak 100 300 as kvm, on 7.2 of a later Debian, whose KVM claims the CPUs when it is loaded
		analyze soak 400 600 gcc's analyzer, cppcheck and the kernel's coccinelle scripts
		listings check 90 100 the commands that the documentation shows, with what they print
		drgn soak 150 1200 the script for drgn, on a running kernel and on its memory dump
		terminal soak 90 100 "make shell" on a terminal: what is typed runs, bars and colours
		install check 190 250 Debian packages: built, installed, used and purged in a stock Debian
		install-13 soak 400 300 the same, and an upgrade, on Debian 12 and 13
		install-secure-boot soak 450 300 the same on a machine with Secure Boot, whose owner enrols DKMS's key
		vm-newer soak 600 300 as vm-stock, on 7.2 of a later Debian
	EOT
}

part_um() { "$AXAS_SCRIPTS/kunit.sh" um; }

part_userspace() {
	if [[ $AXAS_EFFORT == full ]]; then
		"$AXAS_SCRIPTS/userspace.sh" --operations 10000000 3600
	else
		"$AXAS_SCRIPTS/userspace.sh" 60
	fi
}

part_x86_64() { "$AXAS_SCRIPTS/kunit.sh" x86_64; }

# The suites with threads. Suites that scan a whole GiB would take an hour each with KCSAN.
part_kcsan() {
	local suites failed=0

	for suites in 'axas_a*' 'axas_space_f*' 'axas_st*'; do
		"$AXAS_SCRIPTS/kunit.sh" kcsan "$suites" || failed=1
	done
	return "$failed"
}

part_vm-debug() { "$AXAS_SCRIPTS/vm-check.sh" debug; }
part_vm-stock() { "$AXAS_SCRIPTS/vm-check.sh" stock; }
part_la57() { "$AXAS_SCRIPTS/vm-check.sh" la57; }
part_kvm() { "$AXAS_SCRIPTS/vm-check.sh" kvm; }
part_kvm-newer() { "$AXAS_SCRIPTS/vm-check.sh" kvm-newer; }
part_wide() { "$AXAS_SCRIPTS/vm-check.sh" wide; }
part_nohz() { "$AXAS_SCRIPTS/vm-check.sh" nohz; }
part_preempt() { "$AXAS_SCRIPTS/vm-check.sh" preempt; }
part_rt() { "$AXAS_SCRIPTS/vm-check.sh" rt; }
part_fire() { "$AXAS_SCRIPTS/vm-check.sh" fire; }
part_fire-debug() { AXAS_SECONDS=600 "$AXAS_SCRIPTS/vm-check.sh" fire-debug; }
part_fire-kcsan() { "$AXAS_SCRIPTS/vm-check.sh" fire-kcsan; }
part_fire-rt() { "$AXAS_SCRIPTS/vm-check.sh" fire-rt; }
part_small() { "$AXAS_SCRIPTS/vm-check.sh" small; }
part_reboot() { "$AXAS_SCRIPTS/reboot.sh"; }
part_reboot-arm64() { AXAS_ARCH=arm64 "$AXAS_SCRIPTS/reboot.sh"; }
part_vm-newer() { "$AXAS_SCRIPTS/vm-check.sh" newer; }
part_matrix() { "$AXAS_SCRIPTS/build-matrix.sh"; }
part_matrix-newer() {
	local failed=0

	"$AXAS_SCRIPTS/build-matrix.sh" amd64-7.3 amd64-rc || failed=1
	AXAS_SET=arm64-16k "$AXAS_SCRIPTS/arm64.sh" || failed=1
	return "$failed"
}

part_arm64() { "$AXAS_SCRIPTS/arm64.sh"; }
part_arm64-newer() { AXAS_SET=arm64-7.2 "$AXAS_SCRIPTS/arm64.sh"; }
part_riscv64() { "$AXAS_SCRIPTS/riscv64.sh"; }
part_riscv64-newer() { AXAS_SET=riscv64-7.2 "$AXAS_SCRIPTS/riscv64.sh"; }
part_linux() { "$AXAS_SCRIPTS/linux.sh"; }
part_linux-arm64() { "$AXAS_SCRIPTS/linux.sh" arm64; }
part_linux-riscv64() { "$AXAS_SCRIPTS/linux.sh" riscv64; }
part_linux-ept() { "$AXAS_SCRIPTS/linux.sh" ept; }

part_linux-memtest() { AXAS_CASE=memtest "$AXAS_SCRIPTS/linux.sh"; }

part_linux-newer() {
	local set failed=0

	for set in amd64-6.12 amd64-7.2 arm64-6.12 arm64-7.2 riscv64-7.2; do
		"$AXAS_SCRIPTS/linux.sh" "${set%-*}" "$set" || failed=1
	done
	return "$failed"
}

part_bochs() { "$AXAS_SCRIPTS/bochs-check.sh"; }
part_bench() { "$AXAS_SCRIPTS/bench.sh" --check; }
part_bench-more() { "$AXAS_SCRIPTS/bench.sh" --check newest disturb; }
part_bridge() { "$AXAS_SCRIPTS/bridge.sh"; }

part_bridge-newer() {
	local kernel failed=0

	for kernel in amd64-6.12 amd64-7.2; do
		AXAS_KERNEL=$kernel "$AXAS_SCRIPTS/bridge.sh" || failed=1
	done
	return "$failed"
}

part_listings() { "$AXAS_SCRIPTS/listings.sh"; }
part_drgn() { "$AXAS_SCRIPTS/drgn.sh"; }
part_terminal() { "$AXAS_SCRIPTS/terminal.sh"; }
part_install() { "$AXAS_SCRIPTS/stranger.sh"; }

part_install-13() {
	local suite failed=0

	for suite in - trixie; do
		"$AXAS_SCRIPTS/stranger.sh" "$suite" || failed=1
	done
	return "$failed"
}

part_install-secure-boot() { AXAS_SECURE=1 "$AXAS_SCRIPTS/stranger.sh"; }

part_prove() { "$AXAS_SCRIPTS/prove.sh"; }
part_prove-large() { "$AXAS_SCRIPTS/prove.sh" --large cbmc; }
# A line is executed or not: repetitions add nothing.
part_coverage() { AXAS_EFFORT=short "$AXAS_SCRIPTS/coverage.sh" --vm; }
part_planted() { "$AXAS_SCRIPTS/planted.sh"; }
part_mutate() {
	local verdict=pass

	"$AXAS_SCRIPTS/mutate.sh" -n 200 -s 22 || verdict=fail
	record "$verdict mutate: tests detect 90 per cent of the mutations of the core"
	"$AXAS_SCRIPTS/mutate.sh" -n 30 -s 22 --machine || verdict=fail
	[[ $verdict == pass ]]
}

part_lint() { "$AXAS_SCRIPTS/lint.sh"; }
part_analyze() { "$AXAS_SCRIPTS/lint.sh" gcc_analyzer cppcheck coccinelle; }

part_tools() {
	local folder failed=0

	need_packages gcc g++ make libc6-dev libjson-c-dev libmd-dev libzydis-dev dwarves mandoc man-db \
		bash-completion zsh python3-sphinx python3-myst-parser
	copy_sources "$AXAS_LOGS/tools"
	for folder in lib tools/axasctl; do
		make -C "$AXAS_LOGS/tools/$folder" all
		make -C "$AXAS_LOGS/tools/$folder" check | tee "$AXAS_LOGS/tools.tap"
		record "$(awk -v suite="tools.${folder##*/}" -f "$AXAS_SCRIPTS/ktap.awk" \
			"$AXAS_LOGS/tools.tap")"
	done
	make -C "$AXAS_LOGS/tools/tools/axasctl" check-docs | tee "$AXAS_LOGS/tools.tap" ||
		failed=1
	record "$(awk -v suite=tools.docs -f "$AXAS_SCRIPTS/ktap.awk" "$AXAS_LOGS/tools.tap")"
	# It links the VMM with other functions than axasctl does.
	make -C "$AXAS_LOGS/tools/bench/linux" all
	return "$failed"
}

# parts_of check|soak: list the names.
parts_of() { parts | awk -v in_="$1" '$2 == in_ || $2 == "both" { print $1 }'; }

# column PART NUMBER
column() { parts | awk -v part="$1" -v nr="$2" '$1 == part { print $nr }'; }

list_parts() {
	echo "part, where it runs, its budget in seconds of one CPU, its tests:"
	parts | sed -E 's/^([^ ]+) ([^ ]+) ([^ ]+) [^ ]+ /\1 \2 \3 /' |
		while read -r name where budget what; do
			printf '  %-9s %-5s %5d  %s\n' "$name" "$where" "$budget" "$what"
		done
}

# summary FILE: print a line for each suite, then the failures.
summary() {
	awk '
	$1 != "note" {
		suite = substr($0, length($1) + 2)
		sub(/: .*/, "", suite)
		if (!(suite in seen)) {
			seen[suite] = 1
			order[++n] = suite
		}
		count[suite, $1]++
	}
	END {
		for (i = 1; i <= n; i++) {
			s = order[i]
			printf "  %-44s %4d passed, %d failed", s, count[s, "pass"], count[s, "fail"]
			if (count[s, "skip"])
				printf ", %d skipped", count[s, "skip"]
			printf "\n"
		}
	}' "$1"
	sed -n 's/^note /  /p; s/^fail /  FAILED: /p' "$1"
}

# cpu_seconds FILE: sum up the output of the builtin times, for the shell and its children.
cpu_seconds() {
	tr 'ms' '  ' <"$1" | awk '{ sum += 60 * $1 + $2 + 60 * $3 + $4 } END { printf "%d\n", sum }'
}

# within_budget PART SECONDS: check the budget, tripled for slower machines.
within_budget() {
	local limit=$((3 * $(column "$1" 3) + $(column "$1" 4)))

	[[ $AXAS_EFFORT != full ]] || limit=$((10 * limit))
	(($2 <= limit)) ||
		record "fail $1: took $2 s of CPU, of at most $limit: see the budgets in check.sh"
}

# Run one part in a process of its own. Record a failure if it failed without recording one.
# Leave the summary to finish_part.
run_part() {
	local part=$1 start=$SECONDS rc=0 spent logs=$AXAS_LOGS/$1

	AXAS_TMPDIRS=() AXAS_RUNNING=
	trap cleanup EXIT
	trap 'exit 143' INT TERM HUP
	export AXAS_RESULTS=$logs.results
	log "== $part"
	run_logged "$part" "$logs.log" "part_$part" || rc=$?
	if ((rc)) && ! grep -q '^fail ' "$AXAS_RESULTS"; then
		record "fail $part: could not run, status $rc; see $logs.log"
	elif ! grep -qE '^(pass|fail) ' "$AXAS_RESULTS"; then
		record "fail $part: no test ran; see $logs.log"
	fi
	times >"$logs.times"
	spent=$(cpu_seconds "$logs.times")
	within_budget "$part" "$spent"
	{
		echo "$part ($((SECONDS - start)) s; $spent s of CPU, budget $(column "$part" 3))"
		summary "$AXAS_RESULTS"
	} >"$logs.summary"
}

start_part() {
	: >"$AXAS_LOGS/$1.results"
	rm -f "$AXAS_LOGS/$1.summary"
	run_part "$1" &
	LANES[$!]=$1
	AXAS_RUNNING="${!LANES[*]}"
}

# Wait until a part has ended, and print its results.
finish_part() {
	local pid part

	wait -n -p pid || true
	part=${LANES[$pid]}
	unset "LANES[$pid]"
	AXAS_RUNNING="${!LANES[*]}"
	if [[ -f $AXAS_LOGS/$part.summary ]]; then
		cat "$AXAS_LOGS/$part.summary"
	else
		echo "fail $part: ended before its time" >>"$AXAS_LOGS/$part.results"
		echo "$part: ended before its time"
	fi
}

nr_lanes() {
	if [[ ${AXAS_LANES:-} ]]; then
		echo "$AXAS_LANES"
	elif (($(nproc) > 1)); then
		echo 2
	else
		echo 1
	fi
}

# count WORD PART...: count the lines of results that start with WORD.
count() {
	local word=$1 part

	shift
	for part in "$@"; do
		grep "^$word " "$AXAS_LOGS/$part.results" || true
	done | wc -l
}

main() {
	local part lanes where=check passed failed

	case ${1:-} in
	--list) list_parts; return ;;
	--soak) where=soak; shift ;;
	-*) usage_error "unknown option $1" ;;
	esac
	# shellcheck disable=SC2046  # several words
	(($#)) || set -- $(parts_of "$where")
	for part in "$@"; do
		declare -F "part_$part" >/dev/null ||
			die "no part $part; there are: $(parts | cut -d' ' -f1 | tr '\n' ' ')"
	done
	export AXAS_EFFORT=short
	[[ $where == check ]] || AXAS_EFFORT=full
	mkdir -p "$AXAS_LOGS"
	lock "check-$(basename "$AXAS_LOGS")"
	declare -A LANES=()
	lanes=$(nr_lanes)
	for part in "$@"; do
		((${#LANES[@]} < lanes)) || finish_part
		start_part "$part"
	done
	while ((${#LANES[@]})); do
		finish_part
	done
	[[ $where == check ]] || "$AXAS_SCRIPTS/soak-table.sh" "$@"
	passed=$(count pass "$@") failed=$(count fail "$@")
	echo "logs: $AXAS_LOGS; $SECONDS s"
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0))
}

main "$@"
