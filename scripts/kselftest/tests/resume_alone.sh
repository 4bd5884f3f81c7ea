#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# A recovery of which a driver hears its begin and its end, as one without mmio_enabled
# does: nobody has compared the function since the error. It is compared then, and
# repaired, or counts as lost. AER always asks this driver before the end; the fault
# injector stands in for it.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

# recovery COMMAND...: what COMMAND does happens in the middle of it.
recovery() {
	events_mark
	echo 1 > "$FAULT_FUNCTION/give_up"
	check_status state recovering
	"$@"
	echo 1 > "$FAULT_FUNCTION/resume"
	check_status channel normal
}

an_intact_one_is_well() {
	recovery :
	check_callbacks "error_detected frozen need_reset; resume"
	check_no_event restore mismatch lost
	check_status state ok
	check_write save 1 OK
}

a_wiped_one_is_restored() {
	recovery device_wipe
	check_event restore
	check_status state ok
	check_regs "after the recovery"
}

stuck() {
	sk_bar=${BARS%% *}
	fault stuck value=0 "range=$sk_bar-$((sk_bar + 3))"
}

one_that_does_not_take_its_state_is_lost() {
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		skip "the device has no base address register"
		return 0
	fi
	recovery stuck
	check_event lost
	check_status state lost
	check_write save 1 EIO
	fault_off
	check_status state lost
	check_write restore 1 OK
	check_status state ok
	check_regs "after the restore"
}

undo() {
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

fault_need
at_exit undo
subtests an_intact_one_is_well a_wiped_one_is_restored \
	one_that_does_not_take_its_state_is_lost
