#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: sriov
#
# As aer_while_suspended, of a virtual function: the core resumes it with pci_bus_sem held
# for reading, it does not come out of its sleep at once, and a function elsewhere is being
# removed meanwhile.

# shellcheck disable=SC2034 # lib/fleet.sh reads FLEET and FLEET_TAKEN
# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../../lib/sriov.sh
. "$KT_DIR/lib/sriov.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

need_injection
sriov_need
sriov_up
cap_find "$VF" 01 || skip_all "the virtual function has no power management capability"
PMCSR=$((CAP + 4))

# unused_find: sets OTHER to a function on the root bus that has no driver.
unused_find() {
	local dir
	for dir in "$SYSFS_PCI"/0000:00:*; do
		OTHER=${dir##*/}
		read_line "$dir/class"
		case $LINE in
		0x06*) continue ;;
		esac
		[ -e "$dir/driver" ] || return 0
	done
	return 1
}
unused_find || skip_all "there is no other function without a driver"

undo() {
	pci_exists "$OTHER" || echo 1 > /sys/bus/pci/rescan
}
fault_need
at_exit undo

removed() {
	! pci_exists "$OTHER"
}

event_of_vf() {
	with "$VF" event_happened "$1"
}

vf_is_suspended() {
	with "$VF" is_suspended
}

another_is_removed() {
	with "$VF" control auto
	wait_for "$KT_WAIT" vf_is_suspended || fail "not suspended but $LINE"
	with "$VF" events_mark
	FAULT_FN=${VF##*:}
	fault drop "range=$PMCSR-$((PMCSR + 1))" from=1 count=1
	fault delay us=8000
	harness inject pf0 COMP_TIME > "$KT_TMP/answer" || fail "$(cat "$KT_TMP/answer")"
	wait_for "$KT_WAIT" event_of_vf runtime_resume || fail "it is not resumed"
	echo 1 > "$SYSFS_PCI/$OTHER/remove" &
	wait_for "$KT_WAIT" event_of_vf resume || fail "the recovery does not end"
	# Or the driver had nothing to power up.
	event_of_vf "mismatch PCI_PM_CTRL" || fail "no mismatch of PCI_PM_CTRL: $EVENTS"
	fault_off
	with "$VF" control on
	with "$VF" check_no_event lost
	check_true "the removal does not end" wait_for "$KT_WAIT" removed
	echo 1 > /sys/bus/pci/rescan
	check_true "the other function does not come back" wait_for "$KT_WAIT" pci_exists "$OTHER"
	fleet_check_status state ok
	fleet_check_regs "after the error"
	check_eq "PowerState" $(($(cfg_read "$VF" "$PMCSR" 2) & 3)) 0
}

subtests another_is_removed
