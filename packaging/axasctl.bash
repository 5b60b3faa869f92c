# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion of axasctl for bash. What there is to complete, axasctl --help tells.

# _axasctl_command: print the command on the line, without options before it.
_axasctl_command() {
	local i

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--fd | --pid) ((i++)) ;;
		-*) ;;
		*) echo "${words[i]}"; return ;;
		esac
	done
}

# _axasctl_operands COMMAND: print words that its usage begins with, as "map alloc".
_axasctl_operands() {
	axasctl "$1" --help 2>/dev/null | awk '
		!/^(Usage:| )/ { exit }
		match($0, /\] [a-z]+( |$)/) { print substr($0, RSTART + 2, RLENGTH - 2) }'
}

_axasctl() {
	local cur prev words cword command

	_init_completion -n = || return
	command=$(_axasctl_command)
	if [[ $cur == -* ]]; then
		# shellcheck disable=SC2086  # no command: no word
		mapfile -t COMPREPLY < <(compgen -W "$(axasctl $command --help 2>/dev/null |
			sed -nE 's/^ +(-[a-z], )?(--[a-z-]+\[?=?).*/\1 \2/p' | tr -d ',[')" -- "$cur")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
	elif [[ ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(axasctl --help 2>/dev/null |
			sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" -- "$cur")
	elif [[ $prev == "$command" && $(_axasctl_operands "$command") ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_axasctl_operands "$command")" -- "$cur")
	else
		_filedir
	fi
}

complete -F _axasctl axasctl
