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
smoke='aer_nonfatal aer_fatal bind edu_recovery failslab_save kunit loss_save '
smoke+='save_refused_* suspend_s2idle sysfs_reset unbind_rmmod'

# And on 7.2, for which rust/pci/compat.rs is different: each callback and each file.
selection_7_2='aer_* bind edu_recovery loss_probe loss_save save_* suspend_s2idle '
selection_7_2+='sysfs_reset unbind_rmmod'

# CI is over after 40 minutes. With an empty cache, on a slow machine, the debug kernel
# may not be there in time: after so many seconds nobody waits for it any more.
ci_patience=1900

# As totals_line, for the output of `make mutants`.
mutant_lines() {
	sed -nE 's/^([0-9]+) caught, ([0-9]+) survived.*/\1 \2 0/p'
}

without_a_guest() {
	count lint totals_line make lint KERNEL="$1"
	count "what the types forbid" totals_line make check-types KERNEL="$1"
	count "doc examples" totals_line make doc-test KERNEL="$1"
	count "cargo test" cargo_lines make test-host
	count fuzz totals_line make fuzz
}

# check KERNEL [TOPOLOGY TESTS]: all tests in all topologies, or these in that one.
check() {
	count "check, $1" totals_line make check KERNEL="$1" TOPOLOGY="${2-}" FILTER="${3-*}"
}

# The kernels NAME... are made while others run, out of their way: a guest waits for
# most of its time. What goes wrong with one, set-up says again when it is wanted.
#
# Not in a session of its own (setsid): to the scheduler that is a group, which gets as
# much as all others together (sched_autogroup), and nice counts within a group only.
making=
make_meanwhile() {
	# A process group, to be ended as one.
	set -m
	# shellcheck disable=SC2016 # the other shell's
	nice -n 19 bash -c 'for KERNEL; do export KERNEL; scripts/setup.sh; done' - "$@" \
		</dev/null >/dev/null 2>&1 &
	making=$!
	set +m
	trap 'kill -- "-$making" 2>/dev/null || true' EXIT
}

# made SECONDS: waits for them, until so many after the start. False if they are not there.
made() {
	while kill -0 "$making" 2>/dev/null; do
		[ "$SECONDS" -lt "$1" ] || return 1
		sleep 2
	done
}

quick() {
	export FUZZ_SECONDS=20
	make setup KERNEL=7.3 || true
	make_meanwhile 7.2 debug
	without_a_guest 7.3
	check 7.3
	count "bench, its counts" totals_line make bench-check
	check 7.2 endpoint "$selection_7_2"
	count "what the types forbid, 7.2" totals_line make check-types KERNEL=7.2
	if made "$ci_patience"; then
		check debug endpoint "$smoke"
	else
		skip "check, debug" "its kernel is not built yet: make check KERNEL=debug builds it"
	fi
}

full() {
	make setup KERNEL=all || true
	make_meanwhile debug
	without_a_guest all
	count miri totals_line make miri
	check all
	check debug
	count "bench, its counts" totals_line make bench-check
	count models totals_line make models KERNEL=all
	count "models, debug" totals_line make models KERNEL=debug
	count soak totals_line make soak
	count mutants mutant_lines make mutants
}

export CARGO_TERM_COLOR=never
# A make that runs this has exported its own, which is not long enough for every kernel.
unset TIMEOUT
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
