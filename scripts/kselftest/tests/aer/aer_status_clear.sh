#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: models_few
#
# A fault of the kernel (7.2, 7.3, aer_process_err_devices()): the function that an error message
# names is referenced, and the reference is dropped only where the function shows the error when
# it is read. Where the status is clear by then, or reads all-ones, nobody is called, and the
# `struct pci_dev` is lost when the function is removed. Expected (XFAIL).

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../../lib/slab.sh
. "$KT_DIR/lib/slab.sh"

# lost_devices: the function is removed, and added again. Sets LOST to how many more of these
# structures there are.
lost_devices() {
	local before
	devices_count
	before=$DEVICES
	check_true "no struct pci_dev is counted" [ "$before" -gt 0 ]
	sysfs_remove
	check_away "when removed"
	sysfs_rescan
	check_new "after it was added once more"
	devices_count
	LOST=$((DEVICES - before))
}

# when_handled [guard]
when_handled() {
	if [ $# -gt 0 ]; then
		guard_possible || {
			skip "$GUARD_REASON"
			return 0
		}
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fi
	events_mark
	check_inject nonfatal || return 0
	await_event resume
	lost_devices
	check_eq "lost after an error that was handled" "$LOST" 0
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

# when_read KIND
when_read() {
	events_mark
	dmesg_mark "$1"
	fault "$1" "range=$UNCOR_STATUS-$((UNCOR_STATUS + 7))"
	check_inject nonfatal || return 0
	await_dmesg "[Ee]rror message received from $KT_DEVICE"
	# The kernel has read it twice by then.
	wait_for "$KT_WAIT" status_was_read || fail "the status of errors is not read"
	fault_off
	# Nobody has cleared it.
	cfg_write "$KT_DEVICE" "$UNCOR_STATUS" 4 0xffffffff
	events_new
	check_eq "events" "$EVENTS" ""
	lost_devices
	case $LOST in
	1) xfail "one struct pci_dev lost" ;;
	0) fail "nothing is lost: this kernel drops the reference" ;;
	*) fail "$LOST of struct pci_dev are lost" ;;
	esac
}

status_was_read() {
	fault_counters
	[ "$FAULTED" -ge 4 ]
}

need_injection nonfatal
slab_possible || skip_all "$SLAB_REASON"
fault_need
at_exit guard_unload
away_setup
cap_find "$KT_DEVICE" 0001 || skip_all "the device has no AER"
UNCOR_STATUS=$((CAP + 4))
subtests when_handled "when_handled guard" "when_read zeros" "when_read ones"
