#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# weight: 14
#
# An error of a function that is suspended at run time, and that does not come out of
# it at once, while a function elsewhere is being removed. The core resumes the function
# with pci_bus_sem held for reading, and who removes waits for it to write: who takes it
# once more to read, waits for ever.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

need_injection
cap_find "$KT_DEVICE" 01 || skip_all "the device has no power management capability"
PMCSR=$((CAP + 4))
device_bdf testdev0 || skip_all "there is no testdev0 in this topology"
OTHER=$BDF

undo() {
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
	pci_exists "$OTHER" || echo 1 > /sys/bus/pci/rescan
}
fault_need
at_exit undo

removed() {
	! pci_exists "$OTHER"
}

# error_arrives: the core's write that powers it up is lost, and the driver's is not.
# It takes long enough for something else to happen; then it is as it was.
error_arrives() {
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	events_mark
	fault drop "range=$PMCSR-$((PMCSR + 1))" from=1 count=1
	fault delay us=8000
	check_inject nonfatal
}

recovered() {
	await_event resume
	# Or the driver had nothing to power up.
	check_event "mismatch PCI_PM_CTRL"
	fault_off
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	control on
	check_no_event lost
	check_status state ok
	check_regs "after an error while suspended"
	check_eq "PowerState" $(($(cfg_read "$KT_DEVICE" "$PMCSR" 2) & 3)) 0
}

nobody_is_removed() {
	error_arrives || return 0
	recovered
}

another_is_removed() {
	error_arrives || return 0
	wait_for "$KT_WAIT" event_happened runtime_resume || fail "it is not resumed"
	echo 1 > "$SYSFS_PCI/$OTHER/remove" &
	recovered
	check_true "the removal does not end" wait_for "$KT_WAIT" removed
	echo 1 > /sys/bus/pci/rescan
	check_true "the other function does not come back" wait_for "$KT_WAIT" pci_exists "$OTHER"
}

subtests nobody_is_removed another_is_removed
