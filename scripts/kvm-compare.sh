#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm-compare.sh [ARCH...]: compare KVM's calls at guest entry, guest exit and TLB maintenance,
# in the source of each kernel whose headers we build with, with our decisions in
# kvm-compare/ARCH. Each line printed is a finding: a name without a decision, or a decision
# that is no longer true. Remarks that are no findings go to stderr.
#
# A list has lines of these kinds; kvm-compare/any holds for every architecture:
#   @ FILE FUNCTION...	read these functions (regular expressions) and their callees
#			in FILE and in the other files; .S files are read whole
#   = FILE FUNCTION...	the same, but do not follow calls into FILE
#   NAME done FILE[:WORD] [why]		done in FILE, which is ours and contains WORD
#   NAME not WHY		not needed
#   NAME refused WHY		a machine or guest that needs it is refused
#   NAME missing WHAT	needed, but not done yet: reported, no finding
# NAME may end in "*" before "not" and "refused". A function defined in FILE with a decision on
# its whole name is not followed.
#
# If a source package is not available, that is reported, and the last one available is used:
# an archive out of order is no finding.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

LISTS=$AXAS_SCRIPTS/kvm-compare
KEPT=$AXAS_CACHE/kvm-compare

# The series and suites of build-matrix.sh. All architectures of each are read, as the modules
# may be built for any of them.
kernels() {
	echo "own -"
	[[ $(debian_release) != 12 ]] || echo "6.12 -"
	echo "7.2 trixie-backports"
}

# unpack DEBS-FOLDER SERIES FOLDER: extract the files that the lists name.
unpack() {
	local tarball parts tmp

	tarball=$(find "$1" -name "linux-source-$2.tar.*" | head -n 1)
	[[ $tarball ]] || die "$1 holds no tarball"
	mapfile -t parts < <(sed -n "s#^[@=] \([^ ]*\).*#*/\1#p" "$LISTS"/* | sort -u)
	log "unpacking parts of $tarball"
	cache_new tmp "$3"
	# Not every kernel has all of the files.
	tar -C "$tmp" --strip-components=1 --wildcards -xf "$tarball" "${parts[@]}" \
		2>"$tmp/tar.log" || grep -q 'Not found in archive' "$tmp/tar.log"
	cache_done "$tmp" "$3"
}

# fetch SERIES SUITE: print the folder of the newest source; "own" is this Debian's.
fetch() {
	local debs dir

	if [[ $1 == own ]]; then
		"$AXAS_SCRIPTS/kernel-source.sh"
		return
	fi
	debs=$("$AXAS_SCRIPTS/debs.sh" "$(dpkg --print-architecture)" "$2" "linux-source-$1")
	dir=$KEPT/$(basename "$debs")-$(cat "$LISTS"/* | grep '^[@=]' | hash_of "$(cat)")
	[[ -d $dir ]] || unpack "$debs" "$1" "$dir"
	printf '%s\n' "$dir"
}

# tree SERIES SUITE: the same, fetched once a day, or else the last result.
tree() {
	local last=$KEPT/$1-${2/#-/own} lists dir

	mkdir -p "$KEPT"
	lists=$(cat "$LISTS"/* | grep '^[@=]' | hash_of "$(cat)")
	if [[ ! $(find "$last" -mtime -1 2>/dev/null) || $(sed 1d "$last") != "$lists" ||
		! -d $(head -n 1 "$last") ]]; then
		if dir=$(strict fetch "$1" "$2") && [[ -d $dir ]]; then
			printf '%s\n' "$dir" "$lists" >"$last"
		else
			log "warning: the source of Linux $1 cannot be had now"
		fi
	fi
	[[ -f $last && -d $(head -n 1 "$last") ]] && head -n 1 "$last"
}

main() {
	local series suite dir arch names whole=--whole

	takes 0 3 "$@"
	(($#)) || set -- x86 arm64 riscv
	for arch in "$@"; do
		[[ -f $LISTS/$arch ]] || usage_error "there is no list kvm-compare/$arch"
	done
	export LISTS KEPT
	need_packages perl xz-utils
	lock kvm-compare
	scratch names
	while read -r series suite; do
		if ! dir=$(tree "$series" "$suite"); then
			log "Linux $series is not compared: its source was never had"
			whole=
			continue
		fi
		for arch in "$@"; do
			mkdir -p "$names/$arch"
			"$AXAS_SCRIPTS/kvm-compare.pl" names "$LISTS" "$arch" "$dir" >"$names/$arch/$series"
		done
	done < <(kernels)
	for arch in "$@"; do
		[[ -d $names/$arch ]] || continue
		"$AXAS_SCRIPTS/kvm-compare.pl" check "$LISTS" "$arch" "$AXAS_SRC" $whole \
			"$names/$arch"/* || true
	done
}

main "$@"
