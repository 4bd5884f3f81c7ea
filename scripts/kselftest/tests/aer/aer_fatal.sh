#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint switch sriov
#
# A fatal error: the channel is frozen, the kernel resets the secondary bus, and
# the driver brings the known-good state back. That the reset was real, and that
# the state comes from the known-good one and not from luck, is proved with
# registers that are changed behind the driver's back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

need_injection
need_bus_alone

is_counted_and_recovered() {
	aer_mark
	events_mark
	dmesg_mark fatal
	check_inject fatal || return 0
	await_event resume
	check_counted 0 0 1
}

callbacks_are_in_order() {
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_no_event refusal mismatch lost
	check_status state ok
	check_status channel normal
	check_status last_verdict recovered
}

kernel_says_recovered() {
	await_dmesg "device recovery successful"
}

registers_are_back() {
	check_regs "after a fatal error"
	check_saved_agrees "after a fatal error"
}

# A bit that a reset clears, and that is not restored, is clear afterwards.
reset_was_real() {
	if ! witness_find; then
		skip "the device has no register that shows a reset"
		return 0
	fi
	check_true "the witness bit does not stick" witness_set
	events_mark
	check_inject fatal || return 0
	await_event resume
	if witness_is_set; then
		fail "the secondary bus was not reset: the witness bit is still set"
		witness_clear
	fi
	check_regs "after a second fatal error"
}

# Registers that were changed after the save get the known-good value.
known_good_values_return() {
	local cls line
	cls=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	line=$(cfg_read "$KT_DEVICE" 0x3c 1)
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $((cls ^ 0x10))
	cfg_write "$KT_DEVICE" 0x3c 1 $((line ^ 0x05))
	device_wipe
	check_damaged
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_regs "after a fatal error with changed registers"
}

subtests is_counted_and_recovered callbacks_are_in_order kernel_says_recovered \
	registers_are_back reset_was_real known_good_values_return
