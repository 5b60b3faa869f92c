#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# terminal.sh: use "make shell" as a person does: on a terminal (a pseudo terminal of script(1)) type
# commands at its prompt, and look at what they show. axasctl shows bars and colours there, and
# nowhere else.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$AXAS_LOGS/terminal
PROMPT='axas:/axas# '
# What the machine may take to boot, on a busy one.
PATIENCE=1800

# What was shown since the last line was typed, but for what the shell asks the terminal.
shown() { tail -c "+$FROM" "$OUT/typescript" | tr -d '\0\r' | sed 's/\x1b\[6n//g'; }

# has PATTERN: is it in that, with the beginning and the end of a line as newlines?
has() { [[ $'\n'$(shown)$'\n' =~ $1 ]]; }

# shows TEXT: wait for it.
shows() {
	local end=$((SECONDS + PATIENCE))

	until [[ $(shown) == *"$1"* ]]; do
		if ((SECONDS > end)) || ! kill -0 "$PID" 2>/dev/null; then
			log "waited for: $1"
			shown >&2
			return 1
		fi
		sleep 0.2
	done
}

# press KEYS
press() {
	FROM=$(($(stat -c %s "$OUT/typescript") + 1))
	printf %s "$1" >&"$KEYS"
}

# enter COMMAND: type it, and wait for what it shows and the next prompt.
enter() {
	press "$1"$'\r'
	shows "$PROMPT"
}

# The result of what the terminal does not show when it is typed.
# shellcheck disable=SC2016  # the machine's shell expands it
a_command_runs() { enter 'echo $((6 * 7))-two' && has $'\n42-two\n'; }
it_has_the_size_of_this_one() { enter 'stty size' && has $'\n40 100\n'; }

a_bar_is_shown() {
	# shellcheck disable=SC2016  # the machine's shell expands it
	enter 'axasctl create -- sh -c "axasctl map alloc 0 64M; axasctl populate 0 64M"' &&
		has 'populate \[#{30}\] 64 of 64 MiB'
}

# The same to a file, to be looked at.
colours_are_for_terminals() {
	local what='axasctl create -- sh -c "axasctl map alloc 0 64K --populate; axasctl show"'

	enter "$what" && has $'\e''\[(1;)?32m' || return 1
	enter "$what >/tmp/plain; cat /tmp/plain" && has '[PH] private' && ! has $'\e'
}

# It reaches the program, and the prompt comes back.
control_c_ends_it() {
	press 'sleep 100000'$'\r'
	shows 100000 || return 1
	sleep 1
	press $'\003'
	shows "$PROMPT" && a_command_runs
}

exit_ends_the_machine() {
	press 'exit'$'\r'
	wait "$PID"
}

verdict() {
	if "$1"; then
		record "pass terminal: $1"
	else
		record "fail terminal: $1"
		log "failed: $1"
		FAILED=1
	fi
}

main() {
	local check

	takes 0 0 "$@"
	lock "out-$(basename "$AXAS_LOGS")-terminal"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_packages bsdutils
	mkfifo "$OUT/keys"
	: >"$OUT/typescript"
	exec {KEYS}<>"$OUT/keys"
	AXAS_TIMEOUT=$PATIENCE script -qefc "stty rows 40 cols 100; exec '$AXAS_SCRIPTS/shell.sh'" \
		"$OUT/typescript" <"$OUT/keys" >"$OUT/screen" 2>&1 &
	PID=$!
	AXAS_RUNNING=$PID
	FROM=1 FAILED=0
	shows "$PROMPT" || die "no prompt"
	for check in a_command_runs it_has_the_size_of_this_one a_bar_is_shown \
		colours_are_for_terminals control_c_ends_it exit_ends_the_machine; do
		verdict "$check"
	done
	AXAS_RUNNING=
	return "$FAILED"
}

main "$@"
