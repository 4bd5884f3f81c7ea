#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 400
# weight: 200
#
# A platform that gives a recovery up without a word to the driver, as s390 does: the
# function must not be refused for ever. AER always ends a recovery by a callback, so
# the fault injector stands in for such a platform.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

# As GIVEN_UP_NS in rust/recovery/lifecycle.rs says, and some more.
GIVEN_UP=180
MORE=20

# silence SECONDS: waits, with a sign of life every 10 s.
silence() {
	local left
	left=$(($1 / 10))
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		sleep 10
		diag "still waiting"
	done
}

# others_give_up: so do those of two other functions: one was found to be well before, and
# a restore by hand is the first to notice it.
others_give_up() {
	local id
	for id in edu0 testdev0; do
		device_bdf $id || skip_all "there is no $id in this topology"
		fault_wrap "$BDF"
		echo 1 > "$FAULT_FUNCTION/give_up"
		[ $id = testdev0 ] || echo 1 > "$FAULT_FUNCTION/mmio_enabled"
	done
	fault_wrap "$KT_DEVICE"
}

# on ID COMMAND...: the helpers mean the function that the topology calls so.
on() {
	local device
	device=$KT_DEVICE
	device_bdf "$1" || :
	KT_DEVICE=$BDF
	shift
	"$@"
	KT_DEVICE=$device
}

nothing_is_done_meanwhile() {
	others_give_up
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

that_was_intact_before_is_lost_too() {
	on edu0 check_status state recovering
	on edu0 check_write save 1 EIO
	on edu0 check_status state lost
	on edu0 check_write restore 1 OK
	on edu0 check_status state ok
}

can_be_restored_at_once() {
	on testdev0 check_status state recovering
	on testdev0 check_write restore 1 OK
	on testdev0 check_status state ok
}

# It is as new: what went before does not count.
the_next_error_is_given_its_time() {
	echo 1 > "$FAULT_FUNCTION/give_up"
	check_write save 1 EIO
	check_status state recovering
}

# The channel is as the platform has left it; a reset does not look at that, and a new
# error makes it normal again where the platform recovers.
undo() {
	local id
	for id in edu0 testdev0; do
		device_bdf $id || continue
		driver_unbind "$BDF"
		driver_bind "$BDF"
	done
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

fault_need
at_exit undo
events_mark
dmesg_mark given_up
subtests nothing_is_done_meanwhile it_is_lost_afterwards_and_can_be_restored \
	that_was_intact_before_is_lost_too can_be_restored_at_once \
	the_next_error_is_given_its_time
