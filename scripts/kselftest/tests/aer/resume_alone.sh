#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# A recovery of which a driver hears its begin and its end, as one without mmio_enabled
# does: the function was not compared since the error. It is compared then, and
# repaired, or counts as lost. AER always asks this driver before the end; the fault
# injector stands in for it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

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
	local bar
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
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

# Found to be well by mmio_enabled, it is not saved before the recovery is over.
an_intact_one_is_not_saved_before() {
	recovery not_saved
	check_callbacks "error_detected frozen need_reset; mmio_enabled recovered; resume"
	check_no_event restore mismatch lost
	check_status state ok
	check_write save 1 OK
}

# A platform need not resume it, as AER does: who touches it sees to that.
a_suspended_one_is_resumed() {
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the device has no power management capability"
		return 0
	fi
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	events_mark
	echo 1 > "$FAULT_FUNCTION/give_up"
	echo 1 > "$FAULT_FUNCTION/mmio_enabled"
	check_event runtime_resume
	check_event "mmio_enabled recovered"
	echo 1 > "$FAULT_FUNCTION/resume"
	control on
	check_no_event mismatch lost
	check_status state ok
	check_regs "after the recovery"
}

not_saved() {
	echo 1 > "$FAULT_FUNCTION/mmio_enabled"
	check_write save 1 EIO
	check_status last_refusal "an error was reported and the function is not restored yet"
	check_status state recovering
}

undo() {
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

fault_need
at_exit undo
subtests an_intact_one_is_well an_intact_one_is_not_saved_before \
	a_suspended_one_is_resumed a_wiped_one_is_restored \
	one_that_does_not_take_its_state_is_lost
