#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: e1000e
#
# A function of another make, whose errors are those of the kernel's aer_inject, of
# every kind. Its PCI Express capability ends at the end of the first 256 bytes: where
# a register that it does not have would be, there is one of AER.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/aer_survived.sh
. "$KT_DIR/lib/aer_survived.sh"

# The reset is a real one, of the emulated hardware.
fatal() {
	aer_mark
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_counted 0 0 1
	check_status state ok
	check_regs "after a fatal error"
	check_saved_agrees "after a fatal error"
}

# The core's buffer, register by register, is the known-good state.
reset_finds_nothing_wrong() {
	events_mark
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	check_eq "reset through sysfs" "$ERRNO" OK
	check_no_event core_state_bad mismatch refusal
	check_regs "after a reset"
	check_saved_agrees "after a reset"
}

aer_inject_possible || skip_all "$AER_INJECT_REASON"
# shellcheck disable=SC2034 # lib/inject.sh reads it
KT_INJECT=aer_inject
at_exit aer_inject_unload
subtests reset_finds_nothing_wrong correctable nonfatal fatal
