#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The function is lost at any access of a verified restore: the restore fails or
# is right, and the next one is right.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

path_restore() {
	driver_write restore
}

# One that says it is right has written the known-good state; the vault stays.
right_or_failed() {
	[ "$J_VAULT" = "$1" ] || wrong "the vault is $J_VAULT, it was $1"
	[ "$RESULT$J_REGS" = "ok$1" ] || [ "$RESULT" = error ] ||
		wrong "the restore succeeded, the registers are $J_REGS, should be $1"
}

# A function that is gone is asked once, and nothing is written to it.
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
	fault_clear
	check_write restore 1 OK
	fault_counters
	al_middle=$((ACCESSES - 8))
	status_get mismatches
	al_mismatches=$STATUS
	events_mark
	fault gone "from=$al_middle"
	check_write restore 1 EIO
	fault_off
	check_no_event mismatch
	check_status mismatches "$al_mismatches"
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
