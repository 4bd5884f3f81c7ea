#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check-full.sh [--ci]: runs every check of the project; with --ci those that a change
# must pass within the time of CI. Each part is a target of make, and runs also when
# another one has failed. Ends with `N passed, N failed, N skipped`, the sum of all.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
cd "$top"

# CI on the debug kernel: each path once, and the tests that only that kernel can run.
smoke='aer_nonfatal aer_fatal bind edu_recovery failslab_save kunit loss_save '
smoke+='save_refused_* suspend_s2idle sysfs_reset unbind_rmmod'

# CI on 7.2, for which rust/pci/compat.rs differs: each callback and each file.
selection_7_2='aer_* bind edu_recovery loss_probe loss_save save_* suspend_s2idle '
selection_7_2+='sysfs_reset unbind_rmmod'

# On the kernel that has the options of scripts/setup/small.config and no others, in one
# topology: each option is for some of these.
selection_small='aer_* bind debugfs_* edu_recovery fault_injector hotplug_* loss_save '
selection_small+='loss_suspend runtime_pm save_* suspend_* sysfs_reset uevent unbind_rmmod'

# CI should end within 40 minutes. With an empty cache, on a slow machine, the debug
# kernel may not be built in time: gives up waiting for it after this many seconds.
ci_patience=1900

# The results of each part.
results=build/check-full
# For `pci-recovery-qemu total`.
parts=()

# part NAME KIND CMD...: runs CMD, which writes its results as KIND into the file REPORT: json
# by the harness, ktap by scripts/lib/tally.sh. Of cargo what it prints is kept.
part() {
	local name=$1 file=$results/${#parts[@]}.$2 kind=$2 status=0 start=$SECONDS
	shift 2

	heading "== $name"
	if [ "$kind" = cargo ]; then
		"$@" </dev/null 2>&1 | tee "$file" || status=$?
	else
		REPORT=$file "$@" </dev/null 2>&1 || status=$?
	fi
	parts+=(--part "$name" "$status" $((SECONDS - start)) "$file")
	say "== $name: status $status, $((SECONDS - start)) s"
}

# totals: what has failed, the time of each part, and the sum as the last line.
totals() {
	local harness=qemu/target/release/pci-recovery-qemu

	# Without one, a part that needs it has failed.
	[ -x "$harness" ] || cargo build --release --locked --manifest-path qemu/Cargo.toml || {
		say "the harness does not build, and nothing is counted"
		echo '0 passed, 1 failed, 0 skipped'
		return 1
	}
	"$harness" total "${parts[@]}"
}

without_a_guest() {
	part lint ktap make lint KERNEL="$1"
	part "what the types forbid" ktap make check-types KERNEL="$1"
	part "doc examples" ktap make doc-test KERNEL="$1"
	part "cargo test" cargo make test-host
	part fuzz ktap make fuzz
}

# check KERNEL [TOPOLOGY TESTS]: all tests in all topologies, or these in that one.
check() {
	part "check, $1" json make check KERNEL="$1" TOPOLOGY="${2-}" FILTER="${3-*}"
}

# make_meanwhile NAME...: sets these kernels up in the background, at low priority: a
# guest is idle most of the time. Errors are reported when the kernel is used.
#
# Not in a session of its own (setsid): the scheduler makes each session a group with an
# equal share (sched_autogroup), and nice counts within a group only.
making=
make_meanwhile() {
	# A process group, so that all of it can be killed.
	set -m
	# shellcheck disable=SC2016 # the other shell's
	nice -n 19 bash -c 'for KERNEL; do export KERNEL; scripts/setup.sh; done' - "$@" \
		</dev/null >/dev/null 2>&1 &
	making=$!
	set +m
	trap 'kill -- "-$making" 2>/dev/null || true' EXIT
}

# made SECONDS: waits for those kernels, up to SECONDS after the start of the script.
# False where they are not built by then.
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
	part "bench, its counts" json make bench-check
	check 7.2 endpoint "$selection_7_2"
	part "what the types forbid, 7.2" ktap make check-types KERNEL=7.2
	if made "$ci_patience"; then
		check debug endpoint "$smoke"
	else
		parts+=(--skip "check, debug" "its kernel is not built yet: make check KERNEL=debug builds it")
	fi
}

full() {
	make setup KERNEL=all || true
	make_meanwhile debug small
	without_a_guest all
	check all
	check debug
	check small endpoint "$selection_small"
	part "check, 7.3 on arm64" json make check KERNEL=7.3 ARCH=arm64
	part "check, 7.3 on s390x" json make check KERNEL=7.3 ARCH=s390x
	part "bench, its counts" json make bench-check
	part models json make models KERNEL=all
	part "models, debug" json make models KERNEL=debug
	part soak json make soak
	part mutants ktap make mutants
}

export CARGO_TERM_COLOR=never
# The calling make exports a TIMEOUT that is too short for some kernels.
unset TIMEOUT
rm -rf "$results"
mkdir -p "$results"
# Installs make, among others.
if scripts/setup/host.sh; then
	case ${1:-} in
	'') full ;;
	--ci) quick ;;
	*) die "usage: check-full.sh [--ci]" ;;
	esac
else
	parts+=(--part "set up the host" 1 0 "$results/none.ktap")
fi
totals
