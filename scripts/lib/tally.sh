# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # the colours of common.sh
#
# Runs checks one after the other, counts them, and writes their results as KTAP into the
# file that REPORT names, for `pci-recovery-qemu total`.

passed=0
failed=0
skipped=0

# Not of what the checks run.
report=${REPORT:-}
unset REPORT
results=()

# note_result LINE: a line of KTAP, without its number.
note_result() {
	local number=$((passed + failed + skipped))

	results+=("${1/@/$number}")
}

# pass NAME [TEXT]
pass() {
	passed=$((passed + 1))
	note_result "ok @ $1"
	say "ok     $1${2:+: $2}"
}

# fail NAME REASON
fail() {
	failed=$((failed + 1))
	results+=("# $2")
	note_result "not ok @ $1"
	say "${red}FAIL${plain}   $1"
}

# skip NAME REASON
skip() {
	skipped=$((skipped + 1))
	note_result "ok @ $1 # SKIP $2"
	say "skip   $1: $2"
}

# run NAME CMD...: runs a check; prints its output if it fails.
run() {
	local name=$1 output
	shift

	if output=$("$@" 2>&1 </dev/null); then
		pass "$name"
	else
		say "$output"
		fail "$name" "$(grep -v '^ *$' <<<"$output" | tail -n 1)"
	fi
}

write_results() {
	[ -z "$report" ] ||
		printf '%s\n' 'KTAP version 1' "1..$((passed + failed + skipped))" "${results[@]}" >"$report"
}

# totals: writes the results, and prints the last line; false if a check failed.
totals() {
	write_results
	printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}
