#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# in-root.sh ROOT FOLDER COMMAND...: run a command inside ROOT, which debs.sh made, with
# FOLDER as /work. For compilers that want a newer C library than this machine has;
# objtool reads /proc, and everybody writes to /dev/null.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local root=${1:-} folder=${2:-} spaces=(-m)

	takes 2 2 "${@:1:2}"
	shift 2
	need_packages util-linux mount
	# Mounts of one's own are everybody's right, where one is root only to oneself.
	[[ $(id -u) == 0 ]] || spaces+=(-r)
	# shellcheck disable=SC2016  # the arguments are the new shell's
	unshare "${spaces[@]}" bash -euc 'mount --rbind /dev "$1/dev"
		mount --rbind /proc "$1/proc"
		mount --bind "$2" "$1/work"
		root=$1
		shift 2
		cd "$root/work"
		exec chroot "$root" /usr/bin/env -i -C /work LC_ALL=C PATH=/usr/bin:/usr/sbin \
			"$@"' "$0" "$root" "$folder" "$@"
}

main "$@"
