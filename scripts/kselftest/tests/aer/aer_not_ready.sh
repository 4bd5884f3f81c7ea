#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: switch
#
# A fatal error of the root port: after the reset the core waits for the switch, and restores its
# ports, but does not wait for what is below them. A function that does not answer yet when its
# slot_reset comes may take up to a second (PCIe r6.0, sec 6.6.1).

# shellcheck disable=SC2034 # lib/fleet.sh reads FLEET
# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"

[ "$KT_INJECT" = qemu ] || skip_all "it takes a harness to inject errors into a port"
fault_need
fleet_need
fleet_reference

# fatal_error: at the port above the switch.
fatal_error() {
	events_mark
	fleet_events_mark
	harness inject rp0 DLP > "$KT_TMP/answer" ||
		fail "cannot inject an error into rp0: $(cat "$KT_TMP/answer")"
}

# Not at the first accesses: the link below the switch is still being trained.
answers_late() {
	fault gone count=4
	fatal_error
	fleet_await_resume
	fault_counters
	fault_off
	check_eq "accesses that met nothing" "$FAULTED" 4
	fleet_check_events "error_detected frozen need_reset; restore; slot_reset recovered; resume"
	fleet_check_status state ok
	fleet_check_regs "after an error with a function that answers late"
}

# Gone for good: the recovery fails within a bound. It is restored when it is there again.
stays_away() {
	fault gone
	fatal_error
	await_event "slot_reset disconnect"
	await_event "error_detected perm_failure"
	check_status state lost
	fault_off
	check_write restore 1 OK
	check_status state ok
	fleet_write restore 1 || fail "the other functions are not restored"
	fleet_check_status state ok
	fleet_check_regs "after a recovery that failed, and a restore"
}

subtests answers_late stays_away
