#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 10
#
# The function is lost at any access of a verified restore: the restore fails or
# is right, and the next one is right.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

path_restore() {
	driver_write restore
}

# One that says it is right has written the known-good state; that state stays.
right_or_failed() {
	[ "$SAVED_STATE" = "$1" ] || wrong "the known-good state is $SAVED_STATE, it was $1"
	[ "$RESULT$REGS_STATE" = "ok$1" ] || [ "$RESULT" = error ] ||
		wrong "the restore succeeded, the registers are $REGS_STATE, should be $1"
}

# A function that is gone is read once, and nothing is written to it.
gone_is_asked_once() {
	fault gone
	fault_clear
	check_write restore 1 EIO
	fault_counters
	fault_off
	check_eq "reads" "$READS" 1
	check_eq "writes" "$WRITES" 0
	check_write restore 1 OK
}

# Lost in the comparison: it is not a register that differs, which an FLR might mend.
a_loss_is_no_mismatch() {
	local middle mismatches
	fault_clear
	check_write restore 1 OK
	fault_counters
	middle=$((ACCESSES - 8))
	status_get mismatches
	mismatches=$STATUS
	events_mark
	fault gone "from=$middle"
	check_write restore 1 EIO
	fault_off
	check_no_event mismatch
	check_status mismatches "$mismatches"
	check_status state lost
	check_write restore 1 OK
}

lost_from_every_access() {
	sweep_begin restore yes path_restore right_or_failed
	sweep_from
	sweep_end
}

lost_between() {
	sweep_begin restore_blips yes path_restore right_or_failed
	sweep_blips
	sweep_end
	sweep_begin restore_windows yes path_restore right_or_failed
	sweep_until $((N / 4)) $((N / 2)) $((N * 3 / 4)) $((N - 1))
	sweep_end
}

wiped_from_every_access() {
	sweep_begin restore_wiped yes path_restore right_or_failed
	sweep_from wiped
	sweep_end
}

sweep_setup
subtests gone_is_asked_once a_loss_is_no_mismatch lost_from_every_access lost_between wiped_from_every_access
