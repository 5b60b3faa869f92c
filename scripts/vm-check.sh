#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm-check.sh MACHINE: build the module and the test programs, boot them in QEMU, and run
# guest/check.sh. The machines:
#
#   debug  a kernel with all checks enabled, and the KUnit suites as a module
#   stock  Debian's kernel as distributed
#   newer  one of a later Debian
#   la57   stock, on a CPU with 5-level page tables; vCPUs only
#   small  stock, on a CPU with fewer features; vCPUs only
#   wide   stock, with 256 possible CPUs: waits of removals; user API and vCPUs
#   nohz   stock, with a CPU that has no tick and is not interrupted: the same
#   preempt  stock, preemptible in the kernel (preempt=full): the same
#   rt     Debian's kernel with PREEMPT_RT: the same
#   kvm    stock, with Debian's KVM: which of the two has the CPUs
#   kvm-newer  the same on a later Debian
#   gcov   a kernel that counts which lines of our modules are executed, for coverage.sh
#   fire   stock: random calls against models, garbage, and everything at once for a long time
#   fire-debug, fire-rt  the same on the kernel of that machine
#   fire-kcsan  the same on a kernel with KCSAN for our modules
#
# AXAS_EFFORT   full: run the longer tests, too
# AXAS_SECONDS  how long everything happens at once (fire: 3600)
# AXAS_CALLS    how many calls each model and the garbage make (fire: 1000000, on debug 100000)
# AXAS_SEED     where random numbers begin

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export AXAS_MEMORY=3G
export AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800}

# built_kernel debug|kcsan|gcov [MAKE-ARGUMENT...]: boot a kernel of debug-kernel.sh.
built_kernel() {
	local kdir

	kdir=$("$AXAS_SCRIPTS/debug-kernel.sh" "$1")
	shift
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$kdir" "$@"
	boot "$kdir/arch/x86/boot/bzImage" kasan_multi_shot
}

vm_debug() {
	AXAS_TIMEOUT=$((2 * AXAS_TIMEOUT))
	built_kernel debug KUNIT=1 CONSUMER=1
}

vm_gcov() {
	AXAS_TIMEOUT=$((2 * AXAS_TIMEOUT))
	built_kernel gcov KUNIT=1 CONSUMER=1 GCOV_PROFILE=y
}

# fire CALLS RATE COMMAND...: boot for a long time, in which at least RATE calls a second are made.
fire() {
	export AXAS_CASE=fire AXAS_SECONDS=${AXAS_SECONDS:-3600} AXAS_CALLS=${AXAS_CALLS:-$1}
	AXAS_TIMEOUT=$((AXAS_TIMEOUT + 3 * AXAS_SECONDS + AXAS_CALLS / $2))
	shift 2
	"$@"
}

vm_fire() { fire 1000000 200 debian_kernel amd64; }
vm_fire-rt() { fire 0 1 debian_kernel rt; }
vm_fire-debug() { fire 100000 20 built_kernel debug KUNIT=1 CONSUMER=1; }
vm_fire-kcsan() { fire 0 1 built_kernel kcsan; }

# debian_modules FOLDER MODULE...: copy modules of Debian's kernel to OUT/debian.
debian_modules() {
	local folder=$1 name file

	shift
	for name; do
		file=$(find "$folder" \( -name "$name.ko" -o -name "$name.ko.xz" \) -print -quit)
		[[ $file ]] || die "$folder has no module $name"
		cp "$file" "$OUT/debian/"
	done
	find "$OUT/debian" -name '*.xz' -exec xz -d {} +
}

# debian_kernel SET [KERNEL-ARGUMENT...]: boot a kernel of kernel-set.sh's table, with KVM in
# the machines of that name.
debian_kernel() {
	kernel_set "$NAME" "$1" "$OUT/set"
	shift
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" CONSUMER=1
	# FUSE for files with a server; a RAM disk for O_DIRECT; KVM for the test that it and axvcpu
	# do not share CPUs.
	debian_modules "$MODULES" fuse brd
	[[ $NAME != vm-kvm* ]] || debian_modules "$MODULES" irqbypass ccp kvm kvm-amd
	boot "$KERNEL" "$@"
}

vm_stock() { debian_kernel amd64; }
vm_newer() { debian_kernel amd64-7.2; }
vm_la57() { AXAS_CASE=la57 AXAS_CPU=EPYC,+svm,+npt,+rdpid,+la57 debian_kernel amd64; }
vm_small() { AXAS_CASE=small AXAS_CPU=EPYC,+svm,+npt,pdpe1gb=off debian_kernel amd64; }
vm_wide() { AXAS_CASE=wide debian_kernel amd64 possible_cpus=256; }
vm_nohz() { AXAS_CASE=nohz debian_kernel amd64 nohz_full=1 rcu_nocbs=1; }
vm_preempt() { AXAS_CASE=preempt debian_kernel amd64 preempt=full; }
vm_rt() { AXAS_CASE=rt debian_kernel rt; }

# Each machine of KVM switches a jump label in the scheduler, through a temporary breakpoint.
# QEMU 7.2 with a thread for each CPU may translate the breakpoint while another CPU writes
# the code, and then run it for ever. So run all CPUs in one thread.
vm_kvm() { AXAS_CASE=kvm AXAS_ACCEL=tcg,thread=single debian_kernel amd64; }
vm_kvm-newer() { AXAS_CASE=kvm AXAS_ACCEL=tcg,thread=single debian_kernel amd64-7.2; }

# effort: print kernel arguments for the guest's script. The rounds of the races take most of
# a stock kernel's time; all 10,000 of them run in make soak only.
effort() {
	local name

	printf '%s\n' "AXAS_CASE=${AXAS_CASE:-all}" "AXAS_EFFORT=${AXAS_EFFORT:-short}"
	for name in AXAS_SECONDS AXAS_CALLS AXAS_SEED; do
		[[ -z ${!name:-} ]] || echo "$name=${!name}"
	done
	[[ ${AXAS_EFFORT:-} != full ]] || return 0
	case $NAME in
	vm-stock) echo AXAS_ROUNDS=2500 ;;
	vm-gcov) echo AXAS_ROUNDS=50 ;;
	vm-la57 | vm-small | vm-debug | vm-wide | vm-nohz | vm-preempt | vm-rt) echo AXAS_ROUNDS=300 ;;
	esac
}

boot() {
	local kernel=$1 files args

	shift
	run_logged "$NAME programs" "$OUT/build-user.log" "$AXAS_SCRIPTS/build-user.sh" "$OUT/user"
	mapfile -t args < <(effort)
	files=("$OUT"/user/tools/axasctl/{axasctl,device_test.sh,tap.sh} "$OUT"/user/tests/guests/*.elf
		"$OUT/user/tests/uapi/axas_uapi_test" "$OUT/user/tests/vcpu/axvcpu_test"
		"$OUT"/user/Documentation/examples/example_*)
	# coverage.sh runs them in UML.
	[[ $NAME != vm-gcov ]] || rm -f "$OUT"/module/kunit/axas_kunit.ko
	if [[ $NAME == vm-debug && ${AXAS_EFFORT:-} != full ]]; then
		# KUnit runs in UML and under AddressSanitizer; with KASAN only in make soak.
		rm -f "$OUT"/module/kunit/*.ko
	else
		files+=("$OUT/user/tests/uapi/axas_uapi_test32")
	fi
	mapfile -t -O ${#files[@]} files < <(find "$OUT/module" "$OUT/debian" -name '*.ko')
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" check.sh "${files[@]}"
	run_logged "$NAME" "$OUT/vm.log" "$AXAS_SCRIPTS/vm.sh" "$OUT" "$kernel" \
		"$OUT/initramfs.gz" "${AXAS_WINDOWS[@]}" "${args[@]}" "$@" || true
}

main() {
	local kind=${1:-}

	takes 1 1 "$@"
	declare -F "vm_$kind" >/dev/null || usage_error "no machine $kind"
	NAME=vm-$kind
	export OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT/debian"
	need_build_packages
	"vm_$kind"
	machine_results "$NAME" "$OUT"
}

main "$@"
