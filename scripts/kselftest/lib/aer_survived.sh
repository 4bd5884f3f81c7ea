# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
# shellcheck disable=SC2154 # EVENTS of driver.sh
#
# Subtests for each back end of the injection: errors that need no reset.

correctable() {
	aer_mark
	events_mark
	check_inject correctable || return 0
	check_counted 1 0 0
	events_new
	check_eq "new events" "$EVENTS" ""
}

nonfatal() {
	aer_mark
	events_mark
	check_inject nonfatal || return 0
	await_event resume
	check_callbacks "error_detected normal can_recover; mmio_enabled recovered; resume"
	check_counted 0 1 0
	check_regs "after a non-fatal error"
}
