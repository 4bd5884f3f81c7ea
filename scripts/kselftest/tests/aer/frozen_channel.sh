#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# A recovery goes on and the channel is frozen: the function must not be touched, and no
# result of anybody ends the recovery early. AER holds the device lock for most of
# that time; the fault injector stands in for a platform that does not.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

freeze_channel() {
	events_mark
	echo 1 > "$FAULT_FUNCTION/give_up"
	check_event "error_detected frozen need_reset"
	check_status state recovering
	check_status channel frozen
}

# check_left_alone WHEN
check_left_alone() {
	check_status state recovering
	check_no_event lost restore\; mismatch
	check_status last_verdict need_reset
}

debugfs_is_refused() {
	freeze_channel
	fault_clear
	check_write save 1 EIO
	status_get last_refusal
	check_eq last_refusal "$STATUS" "the channel is frozen"
	check_status state recovering
	check_write restore 1 EIO
	fault_counters
	check_eq "accesses" "$ACCESSES" 0
	check_left_alone
}

# Nor is it powered up where the core takes it to be in D3cold: it was suspended, and the
# core has read all-ones when it resumed it.
taken_for_d3cold_is_left_alone() {
	local pmcsr
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the device has no power management capability"
		return 0
	fi
	pmcsr=$((CAP + 4))
	channel_back
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	freeze_channel
	fault ones "range=$pmcsr-$((pmcsr + 1))"
	control on
	fault_off
	check_power_state D3cold
	fault_clear
	check_write save 1 EIO
	check_status last_refusal "the channel is frozen"
	check_write restore 1 EIO
	fault_counters
	check_eq "accesses" "$ACCESSES" 0
	check_left_alone
}

# The core restores it and looks at nothing; the driver neither puts it to sleep nor
# repairs it.
suspend_leaves_it_alone() {
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	channel_back
	freeze_channel
	sleep_prepare freeze
	fault_clear
	check_true "the suspend fails" sleep_cycle
	sleep_undo
	check_event pm_resume
	check_left_alone
	if cap_find "$KT_DEVICE" 01; then
		PM_CONTROL_AT=$(printf '0x%03x' $((CAP + 4)))
		check_false "it was put to sleep" sleep_was_written
	fi
}

sleep_was_written() {
	fault_record | grep -q "^$FAULT_FN w $PM_CONTROL_AT 2 0x...[37bf] "
}

# An error that is recovered from makes the channel normal.
channel_back() {
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
	# Frozen still, but of no recovery that this binding knows.
	check_status channel frozen
	check_write save 1 OK
	check_write restore 1 OK
	events_mark
	check_inject nonfatal || return 0
	await_event resume
	check_status channel normal
	check_status state ok
}

is_well_afterwards() {
	channel_back
	check_write save 1 OK
	check_regs "afterwards"
}

need_injection nonfatal
fault_need
subtests debugfs_is_refused taken_for_d3cold_is_left_alone suspend_leaves_it_alone is_well_afterwards
