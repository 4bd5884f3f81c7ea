#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A non-fatal error: the driver says that it can recover, is asked again with
# access to the device, and resumes. Nothing is reset.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

need_injection nonfatal

is_counted_and_recovered() {
	aer_mark
	events_mark
	dmesg_mark nonfatal
	check_inject nonfatal || return 0
	await_event resume
	check_counted 0 1 0
}

callbacks_are_in_order() {
	check_callbacks "error_detected normal can_recover; mmio_enabled recovered; resume"
	check_no_event refusal mismatch lost
	check_status state ok
	check_status channel normal
	check_status last_verdict recovered
}

kernel_says_recovered() {
	await_dmesg "device recovery successful"
}

registers_are_the_same() {
	check_regs "after a non-fatal error"
	check_saved_agrees "after a non-fatal error"
}

# Nothing was reset: a bit that a reset clears is still there.
nothing_was_reset() {
	if ! witness_find; then
		skip "the device has no register that shows a reset"
		return 0
	fi
	check_true "the witness bit does not stick" witness_set
	events_mark
	check_inject nonfatal || return 0
	await_event resume
	check_true "the device was reset on a non-fatal error" witness_is_set
	witness_clear
	check_regs "after a second non-fatal error"
}

# That it answers is not enough: one that was wiped is not recovered without a restore.
wiped_is_not_recovered_by_itself() {
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	check_inject nonfatal || return 0
	await_event resume
	check_callbacks "error_detected normal can_recover; mmio_enabled need_reset; slot_reset recovered; resume"
	check_status state ok
	check_regs "after a non-fatal error of a wiped function"
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

subtests is_counted_and_recovered callbacks_are_in_order kernel_says_recovered \
	registers_are_the_same nothing_was_reset wiped_is_not_recovered_by_itself
