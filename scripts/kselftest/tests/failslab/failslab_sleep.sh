#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
# weight: 40
#
# Each allocation of a suspend and resume fails, of the phases of hibernation in
# which the image is made, and of a runtime suspend and resume: what was new is
# saved and comes back, or no function went to sleep.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

CONTROL=$SYSFS_PCI/$KT_DEVICE/power/control
RUNTIME_STATUS=$SYSFS_PCI/$KT_DEVICE/power/runtime_status

path_sleep() {
	write_armed /sys/power/state "$SLEEP_STATE"
}

# Whatever became of the sleep, what was new is not lost.
new_is_kept() {
	failslab_is_well
	[ "$REGS_STATE" = "$NEW" ] || wrong "$RESULT, the registers are $REGS_STATE, were $NEW"
	[ "$RESULT$SAVED_STATE" != "ok$1" ] || wrong "it slept without a save: the known-good state is $1"
}

sleep_by() {
	if ! sleep_possible "$1"; then
		skip "$SLEEP_REASON"
		return 0
	fi
	sleep_prepare "$1"
	# The callbacks of all functions by the task that requests the sleep.
	fail_set /sys/power/pm_async 0
	sweep_before() {
		:
	}
	# The image is thousands of pages, and not allocated by the modules:
	# the callbacks' own allocations are those of `freeze`.
	if [ "$1" = disk ]; then
		FAIL_KINDS=slab
		FAIL_MOST=20
	fi
	failslab_sweep "$1" no path_sleep new_is_kept
	FAIL_KINDS="slab pages"
	FAIL_MOST=
	sleep_undo
}

# The core suspends by a kworker, whichever has time.
workers_find() {
	local comm name
	WORKERS=
	for comm in /proc/[0-9]*/comm; do
		read -r name < "$comm" || continue
		case $name in
		kworker/u*) WORKERS="$WORKERS ${comm%/comm}" ;;
		esac
	done 2> /dev/null
}

workers_arm() {
	local dir
	for dir in $WORKERS; do
		echo "$1" > "$dir/fail-nth" || :
	done 2> /dev/null
}

# workers_disarm: sets LEFT to that of the one which has come farthest.
workers_disarm() {
	local dir left
	for dir in $WORKERS; do
		read -r left < "$dir/fail-nth" || continue
		[ "$left" -ge "$LEFT" ] || LEFT=$left
	done 2> /dev/null
	workers_arm 0
}

path_runtime_suspend() {
	local status
	workers_find
	LEFT=$FAIL_N
	workers_arm "$FAIL_N"
	echo auto > "$CONTROL"
	status=0
	wait_for "$KT_WAIT" suspended_or_refused || status=1
	workers_disarm
	[ "$SUSPENDED" = suspended ] || status=1
	echo on > "$CONTROL"
	return "$status"
}

suspended_or_refused() {
	read -r SUSPENDED < "$RUNTIME_STATUS"
	[ "$SUSPENDED" != suspended ] || return 0
	status_get refusals
	[ "$STATUS" != "$REFUSALS_BEFORE" ]
}

# Suspended in peace; resumed while allocations fail.
path_runtime_resume() {
	echo auto > "$CONTROL"
	wait_for "$KT_WAIT" suspended_or_refused || return 1
	write_armed "$CONTROL" on && return 0
	echo on > "$CONTROL"
	return 1
}

remember_refusals() {
	status_get refusals
	REFUSALS_BEFORE=$STATUS
}

slept_and_kept() {
	local status
	read -r status < "$RUNTIME_STATUS"
	[ "$status" = active ] || wrong "runtime_status is $status"
	new_is_kept "$1"
}

runtime() {
	sweep_before() {
		remember_refusals
	}
	failslab_sweep "runtime_$1" no "path_runtime_$1" slept_and_kept
}

undo() {
	echo on > "$CONTROL"
}

failslab_need
sweep_setup
at_exit undo
subtests "runtime suspend" "runtime resume" "sleep_by freeze" "sleep_by disk"
