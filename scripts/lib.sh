# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions shared by the scripts of this folder: messages, the cache, locks, packages.
# Sourced, never run. It sets AXAS_SRC to the folder of the clone (unless another one is
# given, to test these scripts on it) and AXAS_SCRIPTS to this folder.
#
# AXAS_CACHE  the cache of kernels and builds, kept between runs (default
#             ${XDG_CACHE_HOME:-~/.cache}/axas). It may be deleted at any time.
# AXAS_JOBS   number of compilers that run at once (default: one per CPU)

AXAS_SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
AXAS_SRC=${AXAS_SRC:-$(dirname "$AXAS_SCRIPTS")}
AXAS_CACHE=${AXAS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/axas}
AXAS_JOBS=${AXAS_JOBS:-$(nproc)}
# The folder of a run's logs, one per clone, so that two do not mix.
AXAS_LOGS=${AXAS_LOGS:-$AXAS_CACHE/logs/$(printf %s "$AXAS_SRC" | cksum | cut -d' ' -f1)}
export AXAS_SCRIPTS AXAS_SRC AXAS_CACHE AXAS_JOBS AXAS_LOGS
export LC_ALL=C
# Make variables that enable our modules. A kernel's build must not see them: it would build
# our modules as its own.
unset CONFIG_AXAS CONFIG_AXVCPU CONFIG_AXAS_KUNIT_TEST CONFIG_AXAS_CONSUMER_TEST CONFIG_AXAS_BENCH
# Ranges of a machine of 3 GiB that its kernel does not use, for linear areas; one has room for a
# 1 GiB leaf.
# shellcheck disable=SC2016,SC2034  # the kernel expands the dollar sign; for the callers
AXAS_WINDOWS=('memmap=16M$0x30000000' 'memmap=1G$0x40000000')
AXAS_TMPDIRS=()
AXAS_RUNNING=

log() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { log "error: $*"; exit 1; }

# usage: print the comment at the start of the script, from the script's name on.
usage() { awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

usage_error() {
	log "error: $*; see $(basename "$0") --help"
	exit 2
}

# takes LEAST MOST ARGUMENT...: refuse any other number of arguments, and options. For scripts
# without options.
takes() {
	local least=$1 most=$2 arg

	shift 2
	(($# >= least)) || usage_error "too few arguments"
	(($# <= most)) || usage_error "too many arguments"
	for arg in "$@"; do
		[[ $arg != -?* ]] || usage_error "unknown option $arg"
	done
}

# Kill running commands and remove unfinished folders, however the script ends.
# AXAS_RUNNING holds arguments of kill: processes, or a process group with a minus sign.
cleanup() {
	local dir

	# shellcheck disable=SC2086  # several words
	[[ -z $AXAS_RUNNING ]] || kill -TERM -- $AXAS_RUNNING 2>/dev/null || true
	for dir in "${AXAS_TMPDIRS[@]}"; do
		rm -rf "$dir"
	done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# scratch VAR: make a temporary folder, which is removed at exit.
scratch() {
	local dir

	dir=$(mktemp -d "${TMPDIR:-/tmp}/axas.XXXXXX")
	AXAS_TMPDIRS+=("$dir")
	printf -v "$1" %s "$dir"
}

# cache_new VAR FOLDER: make a temporary folder next to FOLDER; cache_done renames it to
# FOLDER. An interrupted run leaves nothing that a later run could take for complete.
cache_new() {
	local dir

	mkdir -p "$(dirname "$2")"
	dir=$(mktemp -d "$2.XXXXXX.tmp")
	chmod 755 "$dir"
	AXAS_TMPDIRS+=("$dir")
	printf -v "$1" %s "$dir"
}

# cache_done TEMPORARY FOLDER
cache_done() {
	rm -rf "$2"
	mv -T "$1" "$2"
}

# lock NAME: hold the cache's lock NAME until the script ends. A lock that the
# calling script holds is not taken again.
lock() {
	local fd held=",${AXAS_LOCKS:-},"

	[[ $held == *",$1,"* ]] && return
	mkdir -p "$AXAS_CACHE/locks"
	exec {fd}>"$AXAS_CACHE/locks/$1"
	if ! flock -n "$fd"; then
		log "waiting for another run that uses '$1'"
		flock "$fd"
	fi
	export AXAS_LOCKS="${AXAS_LOCKS:-},$1"
}

# with_lock NAME COMMAND...: run a command while holding the lock.
with_lock() {
	local fd name=$1 rc=0

	shift
	if [[ ,${AXAS_LOCKS:-}, == *",$name,"* ]]; then
		"$@"
		return
	fi
	mkdir -p "$AXAS_CACHE/locks"
	exec {fd}>"$AXAS_CACHE/locks/$name"
	flock "$fd"
	AXAS_LOCKS="${AXAS_LOCKS:-},$name" "$@" || rc=$?
	exec {fd}>&-
	return "$rc"
}

# lock_overlay TREE: keep TREE's link pointing to this clone until the script ends.
# Runs of one clone share the lock; another clone waits.
lock_overlay() {
	local fd link=$1/drivers/misc/axas

	mkdir -p "$AXAS_CACHE/locks"
	exec {fd}>>"$AXAS_CACHE/locks/overlay"
	flock -n -s "$fd" || { log "waiting for another clone's run"; flock -s "$fd"; }
	# Changing a lock's type releases it for a moment: check again each time.
	while [[ $(readlink "$link") != "$AXAS_SRC" ]]; do
		flock -n -x "$fd" || { log "waiting for another clone's run"; flock -x "$fd"; }
		ln -sfn "$AXAS_SRC" "$link"
		flock -s "$fd"
	done
}

# hash_of TEXT...: print a short name for a configuration.
hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-12; }

# strict FUNCTION ARGUMENT...: run one of our functions so that its first failing
# command ends it. Bash ignores "set -e" in a function called before || or in an if.
# The function sees only exported variables.
strict() {
	local names

	mapfile -t names < <(compgen -A function)
	export -f "${names[@]}"
	# shellcheck disable=SC2016  # the new shell expands the arguments
	bash -euo pipefail -c 'AXAS_TMPDIRS=() AXAS_RUNNING=
		trap cleanup EXIT
		trap "exit 143" TERM HUP INT
		"$@"' "$0" "$@"
}

# run_logged NAME LOGFILE COMMAND...: run quietly, with a progress message every 30
# seconds; on failure print the log's path, the errors in it, and its end.
run_logged() {
	local name=$1 logfile=$2 pid rc=0 start=$SECONDS next=30

	shift 2
	mkdir -p "$(dirname "$logfile")"
	if declare -F "$1" >/dev/null; then
		set -- strict "$@"
	fi
	# A process group of its own, so that an interrupt can kill all of it.
	set -m
	"$@" >"$logfile" 2>&1 </dev/null &
	set +m
	pid=$!
	AXAS_RUNNING=-$pid
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if ((SECONDS - start >= next)); then
			log "$name: $((SECONDS - start)) s"
			next=$((next + 30))
		fi
	done
	wait "$pid" || rc=$?
	AXAS_RUNNING=
	if ((rc)); then
		log "$name: failed ($rc) after $((SECONDS - start)) s, log: $logfile"
		# With parallel make the first error may be far from the end.
		grep -n -m 10 -E '(error|ERROR|Error [0-9]+|\*\*\*|cannot find)' "$logfile" |
			sed 's/^/    ! /' >&2 || true
		tail -n 25 "$logfile" | sed 's/^/    | /' >&2
	fi
	return "$rc"
}

as_root() {
	if [[ $(id -u) == 0 ]]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -n "$@"
	else
		die "this needs root or sudo: $*"
	fi
}

# apt_update: refresh apt's lists, once per script and its children.
apt_update() { with_lock apt update_apt; }

update_apt() {
	[[ -n ${AXAS_APT_UPDATED:-} ]] && return
	log "apt-get update"
	as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 ||
		log "warning: apt-get update failed, going on with the lists at hand"
	export AXAS_APT_UPDATED=1
}

# apt_knows PACKAGE: check that some version of it can be installed.
apt_knows() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

is_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# need_packages PACKAGE...: install the Debian packages that are missing.
need_packages() {
	local pkg

	for pkg in "$@"; do
		is_installed "$pkg" || { with_lock apt install_packages "$@"; return; }
	done
}

install_packages() {
	local pkg missing=()

	for pkg in "$@"; do
		is_installed "$pkg" || missing+=("$pkg")
	done
	((${#missing[@]})) || return 0
	command -v apt-get >/dev/null ||
		die "missing (and there is no apt-get to install them): ${missing[*]}"
	if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
		die "please install, as root: apt-get install ${missing[*]}"
	fi
	apt_known_all "${missing[@]}" || apt_update
	log "installing ${missing[*]}"
	apt_install "${missing[@]}" || { apt_update; apt_install "${missing[@]}"; } ||
		die "could not install: ${missing[*]}"
}

apt_known_all() {
	local pkg

	for pkg in "$@"; do
		apt_knows "$pkg" || return 1
	done
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq \
		-o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" >&2
}

# Packages that every kernel or module build needs.
need_build_packages() {
	need_packages gcc make libc6-dev flex bison bc libelf-dev libssl-dev dwarves \
		cpio kmod rsync xz-utils python3 perl file
}

# kernel_series: print the series of this Debian release's kernel, such as 6.1.
kernel_series() {
	local dep

	apt_knows linux-source || apt_update
	dep=$(apt-cache depends linux-source 2>/dev/null |
		sed -n 's/^ *Depends: linux-source-//p' | head -n 1)
	[[ -n $dep ]] || die "apt does not know linux-source: is this Debian?"
	printf '%s\n' "$dep"
}

debian_release() { sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release; }

# make_for KDIR FOLDER ARGUMENT...: make in FOLDER with the compilers for the kernel at KDIR:
# this machine's, or those of the root folder that contains the headers. A "-C" among the
# arguments is relative to FOLDER.
make_for() {
	local kdir=$1 folder=$2 root

	shift 2
	if [[ $kdir != "$AXAS_CACHE"/roots/* ]]; then
		make "-j$AXAS_JOBS" -C "$folder" "$@" KDIR="$kdir"
		return
	fi
	set -- make "-j$AXAS_JOBS" "$@"
	root=${kdir#"$AXAS_CACHE"/roots/}
	root=$AXAS_CACHE/roots/${root%%/*}
	"$AXAS_SCRIPTS/in-root.sh" "$root" "$folder" "$@" KDIR="${kdir#"$root"}"
}

# Make variables to build for a Debian architecture other than this machine's.
cross_arguments() {
	[[ $1 != "$(dpkg --print-architecture)" ]] || return 0
	case $1 in
	amd64) printf '%s\n' ARCH=x86_64 CROSS_COMPILE=x86_64-linux-gnu- ;;
	arm64) printf '%s\n' ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
	riscv64) printf '%s\n' ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- ;;
	*) die "no cross compiler for $1" ;;
	esac
}

# libraries FILE...: the dynamic loader and the libraries of programs of this machine, as ldd names
# them. Other files have none.
libraries() {
	{ ldd "$@" 2>/dev/null || true; } |
		sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | sort -u
}

# formats: print the formats of nested page tables, as axas_npt_formats.h lists them.
formats() { sed -n 's/^\tX([A-Z0-9]*, \([a-z0-9]*\)).*/\1/p' "$AXAS_SRC/axas_npt_formats.h"; }

# arrows_go_down NAME FOLDER: record a result for the objects in FOLDER, using PREFIX's tools.
arrows_go_down() {
	local found

	found=$(CROSS_COMPILE=${PREFIX:-} "$AXAS_SCRIPTS/arrows.sh" "$2") || found+=" failed"
	if [[ ! $found ]]; then
		record "pass $1-module: arrows_go_down"
		return
	fi
	record "fail $1-module: arrows_go_down"
	echo "$found"
	return 1
}

# machine_results NAME OUT: record the results of a virtual machine, and show what failed. Fails
# if a test did.
machine_results() {
	local results out=$2

	results=$("$AXAS_SCRIPTS/results.sh" "$1" "$out")
	record "$results"
	# The lines below a failed test are its messages.
	tr -d '\r' <"$out/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep '^fail ' <<<"$results" || true
	log "$(grep -c '^pass ' <<<"$results" || true) passed," \
		"$(grep -c '^fail ' <<<"$results" || true) failed," \
		"$(grep -c '^skip ' <<<"$results" || true) skipped; logs: $out"
	! grep -q '^fail ' <<<"$results"
}

# copy_sources FOLDER: copy the present sources, committed or not, without build
# products.
copy_sources() {
	rm -rf "$1"
	mkdir -p "$1"
	tar -C "$AXAS_SRC" --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
		--exclude='*.mod.c' --exclude='.*.cmd' --exclude=Module.symvers \
		--exclude=modules.order --exclude=./tests/userspace/build --exclude=./tools/axasctl/axasctl \
		--exclude=./bench/user/axas_bench --exclude=./tests/uapi/axas_uapi_test \
		--exclude=./tests/uapi/axas_uapi_test32 --exclude=./tests/vcpu/axvcpu_test \
		--exclude=./tests/bridge/axas_bridge_test \
		--exclude=./tests/vcpu/guests --exclude=./tests/reboot/kexec --exclude=./tests/linux/linux_test \
		--exclude=./tests/linux/disk_server \
		--exclude=./lib/libaxas.a --exclude="./lib/libaxas.so*" --exclude=./lib/lib_test_shared \
		--exclude=./lib/lib_test --exclude='*.elf' -cf - . | tar -C "$1" -xf -
}

# build_once OUT COMMAND ARGUMENT...: make OUT a fresh copy of the sources in which "COMMAND
# FOLDER ARGUMENT..." has built. For several parts of a run that need the same build: the
# first one builds it, the others get a copy.
build_once() {
	local out=$1 key dir

	shift
	copy_sources "$out"
	key=$(hash_of "$*" "$(tar -C "$out" --sort=name --mtime=@0 -cf - . | sha256sum)")
	dir=$AXAS_LOGS/builds/$key
	mkdir -p "$AXAS_LOGS/builds"
	find "$AXAS_LOGS/builds" -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} +
	with_lock "build-$(basename "$AXAS_LOGS")-$key" build_here "$out" "$dir" "$@"
	rm -rf "$out"
	cp -a "$dir" "$out"
}

build_here() {
	local sources=$1 dir=$2 command=$3

	shift 3
	[[ ! -e $dir.done ]] || return 0
	rm -rf "$dir"
	cp -a "$sources" "$dir"
	strict "$command" "$dir" "$@" && touch "$dir.done" "$dir"
}

# note TEXT: have check.sh print TEXT below the results.
note() {
	record "note $*"
	log "$*"
}

# kernel_set WHO NAME FILE [headers]: set variables to the output of kernel-set.sh, and keep
# it in FILE; note in the results of WHO which suite served.
# shellcheck disable=SC2034  # for the callers
kernel_set() {
	SUITE='' RELEASE='' KDIR='' KERNEL='' MODULES='' BUSYBOX='' LIBS=''
	"$AXAS_SCRIPTS/kernel-set.sh" "$2" "${4:-all}" >"$3" || return
	# shellcheck disable=SC1090  # assignments
	. "$3"
	note "$1: Linux $RELEASE of ${SUITE/#-/this Debian}"
}

# record LINES: pass "pass SUITE: NAME", "fail ...", "skip ..." and "note ..." to check.sh,
# if it runs this script.
record() { sed '/^$/d' <<<"$1" >>"${AXAS_RESULTS:-/dev/null}"; }

# Options of every script.
case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
esac

# said_after_mark LOG WORDS: check that the kernel printed WORDS after the mark that a guest
# script writes before the machine goes down. Reads the whole log: with "grep -q" the writer
# of a pipe would fail.
said_after_mark() {
	awk -v words="$2" '
	/axas-down: / { after = 1 }
	after && index($0, words) { found = 1 }
	END { exit !found }' "$1"
}

# between BEGIN END TEXT FILE: print FILE with TEXT in place of what is between these lines.
between() {
	awk -v begin="$1" -v end="$2" -v text="$3" '
		$0 == end { skip = 0 }
		!skip { print }
		$0 == begin { print text; skip = 1 }' "$4"
}
