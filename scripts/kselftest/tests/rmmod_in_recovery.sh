#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# The driver goes in the middle of a recovery, by rmmod or because another driver is
# to have the function: it waits for the device lock, not for ever, and the recovery
# comes to its end. What is left, a function that was reset and that nobody restored,
# is brought back when the driver is bound again.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/moment.sh
. "$KT_DIR/lib/moment.sh"
# shellcheck source=../lib/stub.sh
. "$KT_DIR/lib/stub.sh"

# check_works WHEN: bound again, it is as it was, and recovers.
check_works() {
	check_true "not bound $1" wait_for "$KT_WAIT" bound "$KT_DEVICE"
	check_status state ok
	check_regs "$1"
	check_saved_agrees "$1"
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_regs "after a fatal error, $1"
}

check_gone() {
	check_false "debugfs still has $1" [ -e "$1" ]
}

# rmmod_in MOMENT
rmmod_in() {
	own_module || return 0
	reach "$1" || return 0
	check_bounded rmmod rmmod "$DRIVER"
	check_gone "$DEBUGFS"
	check_false "the driver is still registered" [ -e "$DRIVER_DIR" ]
	moment_over
	module_load || fail "cannot load the module again: $MODULE_ERROR"
	check_works "after rmmod in the $1"
}

# other_driver_in MOMENT
other_driver_in() {
	if ! stub_possible; then
		skip "$STUB_REASON"
		return 0
	fi
	reach "$1" || return 0
	check_bounded "giving the function to pci-stub" stub_bind
	check_gone "$DEBUGFS/$KT_DEVICE"
	moment_over
	driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	check_works "after pci-stub in the $1"
}

moment_setup
subtests "rmmod_in reset" "rmmod_in restore" "other_driver_in reset" "other_driver_in restore"
