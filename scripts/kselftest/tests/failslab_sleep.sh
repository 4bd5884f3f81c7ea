#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Each allocation of a suspend and resume fails, of the phases of hibernation in
# which the image is made, and of a runtime suspend and resume: what was new is
# saved and comes back, or nobody went to sleep.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

CONTROL=$SYSFS_PCI/$KT_DEVICE/power/control
RUNTIME_STATUS=$SYSFS_PCI/$KT_DEVICE/power/runtime_status

path_sleep() {
	write_armed /sys/power/state "$SLEEP_STATE"
}

# Whatever became of the sleep, what was new is not lost.
new_is_kept() {
	failslab_is_well
	[ "$J_REGS" = "$NEW" ] || wrong "$RESULT, the registers are $J_REGS, were $NEW"
	[ "$RESULT$J_VAULT" != "ok$1" ] || wrong "it slept without a save: the vault is $1"
}

sleep_by() {
	if ! sleep_possible "$1"; then
		skip "$SLEEP_REASON"
		return 0
	fi
	sleep_prepare "$1"
	# The callbacks of all functions by the task that asks for the sleep.
	fail_set /sys/power/pm_async 0
	sweep_before() {
		:
	}
	# The image is thousands of pages, and what the kernel allocates for it is not ours:
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
	WORKERS=
	for wf_comm in /proc/[0-9]*/comm; do
		read -r wf_name < "$wf_comm" || continue
		case $wf_name in
		kworker/u*) WORKERS="$WORKERS ${wf_comm%/comm}" ;;
		esac
	done 2> /dev/null
}

workers_arm() {
	for wa_dir in $WORKERS; do
		echo "$1" > "$wa_dir/fail-nth" || :
	done 2> /dev/null
}

# workers_disarm: sets LEFT to that of the one which has come farthest.
workers_disarm() {
	for wd_dir in $WORKERS; do
		read -r wd_left < "$wd_dir/fail-nth" || continue
		[ "$wd_left" -ge "$LEFT" ] || LEFT=$wd_left
	done 2> /dev/null
	workers_arm 0
}

path_runtime_suspend() {
	workers_find
	LEFT=$FAIL_N
	workers_arm "$FAIL_N"
	echo auto > "$CONTROL"
	pr_status=0
	wait_for "$KT_WAIT" suspended_or_refused || pr_status=1
	workers_disarm
	[ "$SUSPENDED" = suspended ] || pr_status=1
	echo on > "$CONTROL"
	return "$pr_status"
}

suspended_or_refused() {
	read -r SUSPENDED < "$RUNTIME_STATUS"
	[ "$SUSPENDED" != suspended ] || return 0
	status_get refusals
	[ "$STATUS" != "$pr_refusals" ]
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
	pr_refusals=$STATUS
}

slept_and_kept() {
	read -r sk_status < "$RUNTIME_STATUS"
	[ "$sk_status" = active ] || wrong "runtime_status is $sk_status"
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
