# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# KTAP version 1 for one test script: each subtest is a shell function.
#
#	. lib/test.sh
#	counts_it() { check_eq "corrected errors" "$got" 1; }
#	subtests counts_it "reset_by flr"
#
# A subtest fails when a check_* or fail was called in it, or when a command
# in it ends the script (set -e); it is skipped by `skip REASON; return`. One
# that shows a fault of somebody else says so with `xfail REASON`, and passes.

ktap_number=0
ktap_failures=0
ktap_skips=0
ktap_bad=0
ktap_reason=
ktap_xfail=
ktap_name=
ktap_cleanups=

# diag TEXT...: a diagnostic line, for a person.
diag() {
	printf '# %s\n' "$*"
}

# diag_lines: each line of standard input as a diagnostic, but not too many.
diag_lines() {
	local left line
	left=16
	while IFS= read -r line; do
		left=$((left - 1))
		[ $left -ge 0 ] || continue
		printf '#   %s\n' "$line"
	done
	[ $left -ge 0 ] || printf '#   and %d more\n' $((-left))
}

# report TEXT...: a line that is shown even when the test passes. The harness counts words
# KEY=VALUE: `points=N path=NAME` (losses that a path ran into) and `poisoned=N` of all tests.
report() {
	printf '# report: %s\n' "$*"
}

# fail TEXT...: the running subtest fails, and goes on.
fail() {
	ktap_bad=1
	diag "$@"
}

# failed: true where the running subtest has failed already.
failed() {
	[ "$ktap_bad" -ne 0 ]
}

# skip REASON: the running subtest is skipped; the caller returns.
skip() {
	ktap_reason=$*
}

# xfail REASON: the running subtest shows a fault that is known and not ours, as
# that of the stock kernel. It passes, marked as such, unless it fails as well.
xfail() {
	ktap_xfail=$*
}

# skip_all REASON: before `subtests`: the whole test is skipped.
skip_all() {
	printf 'KTAP version 1\n1..0 # SKIP %s\n' "$*"
	exit 4
}

# check_eq WHAT IS SHOULD: fails unless both are the same text.
check_eq() {
	[ "$2" = "$3" ] || fail "$1: is '$2', should be '$3'"
}

# check_true WHAT COMMAND...: fails unless COMMAND succeeds.
check_true() {
	local what
	what=$1
	shift
	"$@" || fail "$what"
}

# check_false WHAT COMMAND...: fails if COMMAND succeeds.
check_false() {
	local what
	what=$1
	shift
	if "$@"; then
		fail "$what"
	fi
}

# at_exit COMMAND: run when the script ends, the last one first.
at_exit() {
	ktap_cleanups="$1
$ktap_cleanups"
}

# subtests "FUNCTION [ARG...]"...: prints the plan, runs each, ends the script.
subtests() {
	# shellcheck disable=SC2086 # none, or a word
	set -- "$@" ${KT_LAST_SUBTEST-}
	printf 'KTAP version 1\n1..%d\n' "$#"
	for ktap_call in "$@"; do
		ktap_subtest "$ktap_call"
	done
	[ "$ktap_failures" -eq 0 ] || exit 1
	[ "$ktap_skips" -lt "$ktap_number" ] || exit 4
	exit 0
}

ktap_subtest() {
	ktap_number=$((ktap_number + 1))
	ktap_bad=0
	ktap_reason=
	ktap_xfail=
	ktap_name=
	for ktap_word in $1; do
		ktap_name=${ktap_name:+${ktap_name}_}$ktap_word
	done
	printf '# running: %s.%s\n' "$KT_TEST" "$ktap_name"
	# shellcheck disable=SC2086 # a function's name and its arguments
	$1
	ktap_result
}

ktap_result() {
	if [ "$ktap_bad" -ne 0 ]; then
		ktap_failures=$((ktap_failures + 1))
		printf 'not ok %d %s\n' "$ktap_number" "$ktap_name"
	elif [ -n "$ktap_reason" ]; then
		ktap_skips=$((ktap_skips + 1))
		printf 'ok %d %s # SKIP %s\n' "$ktap_number" "$ktap_name" "$ktap_reason"
	elif [ -n "$ktap_xfail" ]; then
		printf 'ok %d %s # XFAIL %s\n' "$ktap_number" "$ktap_name" "$ktap_xfail"
	else
		printf 'ok %d %s\n' "$ktap_number" "$ktap_name"
	fi
	ktap_name=
}

# The script's end, wanted or not: a subtest that was cut off has failed.
ktap_exit() {
	ktap_status=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	if [ -n "$ktap_name" ]; then
		fail "a command ended the test with status $ktap_status"
		ktap_result
		ktap_status=1
	fi
	while [ -n "$ktap_cleanups" ]; do
		ktap_next=${ktap_cleanups%%"
"*}
		ktap_cleanups=${ktap_cleanups#*"
"}
		[ -z "$ktap_next" ] || eval "$ktap_next"
	done
	exit "$ktap_status"
}

trap ktap_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
