#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# in-root.sh ROOT FOLDER COMMAND...: run a command inside ROOT, a folder of debs.sh, with
# FOLDER as /work. For compilers that need a newer C library than this machine has; /proc
# and /dev are mounted, as objtool reads /proc, and many programs use /dev/null.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local root=${1:-} folder=${2:-} spaces=(-m)

	takes 2 2 "${@:1:2}"
	shift 2
	need_packages util-linux mount
	# Without root, mounts need a user namespace in which this user is root.
	[[ $(id -u) == 0 ]] || spaces+=(-r)
	# shellcheck disable=SC2016  # the new shell expands the arguments
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
