#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A platform that gives a recovery up without a word to the driver, as s390 does: the
# function must not be refused for ever. AER always ends a recovery by a callback, so
# the fault injector stands in for such a platform.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

# As GIVEN_UP_NS in rust/recovery/lifecycle.rs says, and some more.
GIVEN_UP=180
MORE=20

# silence SECONDS: waits, with a sign of life every 10 s.
silence() {
	si_left=$(($1 / 10))
	while [ "$si_left" -gt 0 ]; do
		si_left=$((si_left - 1))
		sleep 10
		diag "still waiting"
	done
}

nothing_is_done_meanwhile() {
	echo 1 > "$FAULT_FUNCTION/give_up"
	check_event "error_detected frozen need_reset"
	check_status state recovering
	check_write save 1 EIO
	check_write restore 1 EIO
	check_status state recovering
	silence $((GIVEN_UP / 2))
	check_write restore 1 EIO
	check_status state recovering
}

it_is_lost_afterwards_and_can_be_restored() {
	silence $((GIVEN_UP / 2 + MORE))
	check_write save 1 EIO
	check_status state lost
	check_event lost
	check_dmesg "$KT_DEVICE: .*the recovery from an error was given up"
	check_write restore 1 OK
	check_status state ok
	check_write save 1 OK
	check_regs "after the restore"
}

# The channel is as the platform has left it; a reset does not look at that, and a new
# error makes it normal again where the platform recovers.
undo() {
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

fault_need
at_exit undo
events_mark
dmesg_mark given_up
subtests nothing_is_done_meanwhile it_is_lost_afterwards_and_can_be_restored
