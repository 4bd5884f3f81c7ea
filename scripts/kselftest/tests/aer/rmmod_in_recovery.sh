#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# The driver goes in the middle of a recovery, by rmmod or because another driver is
# to have the function: it waits for the device lock, not for ever, and the recovery
# comes to its end. What is left, a function that was reset and not restored,
# is brought back when the driver is bound again.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"

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

# rmmod_in PHASE
rmmod_in() {
	own_module || return 0
	phase_reach "$1" || return 0
	check_bounded rmmod rmmod "$DRIVER"
	check_gone "$DEBUGFS"
	check_false "the driver is still registered" [ -e "$DRIVER_DIR" ]
	phase_end
	module_load || fail "cannot load the module again: $MODULE_ERROR"
	check_works "after rmmod in the $1"
}

# other_driver_in PHASE
other_driver_in() {
	if ! pci_stub_possible; then
		skip "$PCI_STUB_REASON"
		return 0
	fi
	phase_reach "$1" || return 0
	check_bounded "giving the function to pci-stub" pci_stub_bind
	check_gone "$DEBUGFS/$KT_DEVICE"
	phase_end
	driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	check_works "after pci-stub in the $1"
}

phase_need
subtests "rmmod_in reset" "rmmod_in restore" "other_driver_in reset" "other_driver_in restore"
