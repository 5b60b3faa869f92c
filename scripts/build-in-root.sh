#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-in-root.sh OUT SERIES SUITE: build the modules, the in-kernel user included, for
# amd64 and the newest kernel of a series that a Debian suite has, in a fresh copy of the
# sources, OUT. Its headers' tools want a newer C library than this machine's, so that they
# and the compiler that they want are unpacked into a root folder in the cache, and make
# runs in there. A warning is an error. Prints the kernel's release.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local out=$1 series=$2 suite=$3 headers root

	headers=$("$AXAS_SCRIPTS/debs.sh" --newest amd64 "$suite" \
		"linux-headers-${series//./\\.}\\.[0-9]+(\\+[a-z0-9]+)?-amd64")
	[[ $headers ]] || die "$suite has no headers of $series"
	root=$("$AXAS_SCRIPTS/debs.sh" --root "$suite" "$headers" make binutils coreutils dash \
		sed grep gawk findutils diffutils kmod)
	copy_sources "$out"
	"$AXAS_SCRIPTS/in-root.sh" "$root" "$out" make KDIR="/usr/src/$headers" \
		-j"$AXAS_JOBS" KCFLAGS=-Werror CONSUMER=1 modules >&2
	[[ -f $out/axas.ko && -f $out/vcpu/axvcpu.ko ]]
	printf '%s\n' "${headers#linux-headers-}"
}

main "$@"
