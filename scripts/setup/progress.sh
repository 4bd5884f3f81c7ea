# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # cache of common.sh, steps of setup.sh
#
# Running the long steps: a numbered line for each, their output in a log.

step_number=0
step_pid=

# step TEXT SECONDS CMD...: run CMD, which takes about SECONDS.
step() {
	local text=$1 about=$2 start=$SECONDS status=0 name
	shift 2

	step_number=$((step_number + 1))
	text="[$step_number/$steps] $text"
	name=$(basename "$1" .sh)
	[ "$name" = toolchain ] || name=$name-$2
	mkdir -p "$cache/log"
	export SETUP_LOG=$cache/log/$name.log

	heading "$text  (about $about s)"
	setpriv --pdeathsig TERM "$@" </dev/null >"$SETUP_LOG" 2>&1 &
	step_pid=$!
	if [ -t 2 ]; then
		while kill -0 "$step_pid" 2>/dev/null; do
			printf '\r      %d s, %d lines in the log ' $((SECONDS - start)) "$(wc -l <"$SETUP_LOG")" >&2
			sleep 0.5
		done
		printf '\r\e[K' >&2
	fi
	wait "$step_pid" || status=$?
	step_pid=
	[ "$status" = 0 ] || step_failed "$text"
	say "      done in $((SECONDS - start)) s"
}

step_failed() {
	local why

	why=$(sed -n 's/^error: *//p' "$SETUP_LOG" | tail -n 1)
	if [ -z "$why" ]; then
		tail -n 12 "$SETUP_LOG" | sed 's/^/      | /' >&2
		why="failed: $1"
	fi
	die "$why; log: $SETUP_LOG"
}

stop_step() {
	[ -n "$step_pid" ] || return 0
	kill "$step_pid" 2>/dev/null || true
	wait "$step_pid" 2>/dev/null || true
	step_pid=
}
