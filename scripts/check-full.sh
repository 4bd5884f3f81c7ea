#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check-full.sh [--ci]: everything that this project can check, with --ci what a change
# must pass within the time of CI. Each part is a target of make, and goes on when
# another has failed. Ends with `N passed, N failed, N skipped`, the sum of them all.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"
cd "$top"

# What CI runs on the debug kernel: each path once, and what only that kernel can tell.
smoke='aer_nonfatal aer_fatal bind edu_recovery kunit save_refused_* suspend_s2idle
	sysfs_reset unbind_rmmod'

# As totals_line, for the output of `make mutants`.
mutant_lines() {
	sed -nE 's/^([0-9]+) caught, ([0-9]+) survived.*/\1 \2 0/p'
}

without_a_guest() {
	count "what the types forbid" totals_line make check-types KERNEL=all
	count "doc examples" totals_line make doc-test KERNEL=all
	count "cargo test" cargo_lines make test-host
	count fuzz totals_line make fuzz
}

# The debug kernel is built while others run, out of their way: a guest waits for most
# of its time. What goes wrong with it, set-up says again when it is wanted.
debug_setup=
build_debug_kernel() {
	KERNEL=debug nice -n 19 scripts/setup.sh </dev/null >/dev/null 2>&1 &
	debug_setup=$!
	trap 'kill "$debug_setup" 2>/dev/null || true' EXIT
}

quick() {
	export FUZZ_SECONDS=20
	count lint totals_line make lint KERNEL=all
	build_debug_kernel
	without_a_guest
	count "check, 7.3" totals_line make check KERNEL=7.3
	count "check, 7.2" totals_line make check KERNEL=7.2 TOPOLOGY=endpoint
	wait "$debug_setup" || true
	count "debug kernel, smoke" totals_line make check KERNEL=debug TOPOLOGY=endpoint FILTER="${smoke//[[:space:]]/ }"
}

full() {
	count lint totals_line make lint KERNEL=all
	build_debug_kernel
	without_a_guest
	count miri totals_line make miri
	count check totals_line make check KERNEL=all
	wait "$debug_setup" || true
	count "debug kernel" totals_line make check KERNEL=debug
	count soak totals_line make soak
	count mutants mutant_lines make mutants
}

export CARGO_TERM_COLOR=never
# Installs make, among others.
if scripts/setup/host.sh; then
	case ${1:-} in
	'') full ;;
	--ci) quick ;;
	*) die "usage: check-full.sh [--ci]" ;;
	esac
else
	failed=1
fi
printf '\n'
printf '%s\n' "${counted[@]}"
totals
