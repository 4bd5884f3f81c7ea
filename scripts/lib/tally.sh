# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # the colours of common.sh
#
# Running checks one after the other, and counting them.

passed=0
failed=0
skipped=0

# run NAME CMD...: one check; its output is shown if it fails.
run() {
	local name=$1 output
	shift

	if output=$("$@" 2>&1 </dev/null); then
		passed=$((passed + 1))
		say "ok     $name"
	else
		failed=$((failed + 1))
		say "$output"
		say "${red}FAIL${plain}   $name"
	fi
}

# skip NAME REASON
skip() {
	skipped=$((skipped + 1))
	say "skip   $1: $2"
}

# totals_line: of the output of a command on standard input, the numbers of its
# last line of totals: passed, failed, skipped. None where there is no such line.
totals_line() {
	sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' | tail -n 1
}

# The last line; the status is that of the whole.
totals() {
	printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}
