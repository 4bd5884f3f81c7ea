#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci zpci_nvme
# arch: s390x
#
# Error events of a zPCI function: the machine blocks the function, the kernel calls the
# driver, enables the function anew (which in QEMU resets none of its registers), and the
# driver brings the known-good state back. That it does, and that nothing is luck, is
# proved with registers that are changed behind the driver's back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/zpci.sh
. "$KT_DIR/lib/zpci.sh"

need_injection
fault_need
reset_need

callbacks_are_in_order() {
	dmesg_mark zpci_error
	recovered
	check_no_event refusal mismatch lost
	check_status state ok
	check_status channel normal
	check_status last_verdict recovered
	await_dmesg "Event 0x2 reports an error for PCI function"
}

registers_are_the_same() {
	recovered
	check_regs "after an error"
	check_saved_agrees "after an error"
}

# Registers that were changed after the save get the known-good value.
known_good_values_return() {
	local line
	line=$(cfg_read "$KT_DEVICE" 0x3c 1)
	cfg_write "$KT_DEVICE" 0x3c 1 $((line ^ 0x05))
	device_wipe
	check_damaged
	recovered
	check_regs "after an error with changed registers"
}

repeatedly() {
	local left
	left=20
	until [ $left -eq 0 ]; do
		recovered
		left=$((left - 1))
	done
	check_regs "after 20 errors"
	check_no_event lost
}

# An event comes while somebody resets the function. Not by FLR, after which the kernel
# waits a minute for a function that is blocked.
error_in_reset() {
	reset_method bus || return 0
	events_mark
	device_wipe
	fault_clear
	fault delay us=20000
	reset_device > "$KT_TMP/reset" &
	wait_for "$KT_WAIT" restore_has_begun || fail "nothing is restored"
	check_inject fatal || :
	fault_off
	wait $! || :
	wait_for "$KT_WAIT" is_over || fail "not over after $KT_WAIT s: state $STATUS"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	check_status state ok
	check_regs "after the reset"
	recovered
	check_regs "after the next error"
}

subtests callbacks_are_in_order registers_are_the_same known_good_values_return repeatedly \
	error_in_reset
