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

# As totals_line, for the output of `cargo test`: a line of each test program.
cargo_lines() {
	sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;.*/\1 \2 \3/p'
}

# count NAME NUMBERS CMD...: run CMD and add up what NUMBERS finds in its output.
# A command that fails without a failed test, or says no numbers, is a failure.
count() {
	local name=$1 numbers=$2 status=0 start=$SECONDS p f s lines=0 before=$failed log
	shift 2

	heading "== $name"
	log=$(mktemp)
	"$@" </dev/null 2>&1 | tee "$log" || status=$?
	while read -r p f s; do
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		lines=$((lines + 1))
	done < <("$numbers" <"$log")
	rm -f "$log"
	if [ "$failed" = "$before" ] && { [ "$status" != 0 ] || [ "$lines" = 0 ]; }; then
		failed=$((failed + 1))
		say "$name: status $status without a failed test to count: that is one failure"
	fi
	counted+=("$name: $((SECONDS - start)) s, status $status")
	say "== $name: status $status, $((SECONDS - start)) s"
}

# What count has run, a line each.
counted=()

# The last line; the status is that of the whole.
totals() {
	printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}
