#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme multifunction sriov zpci zpci_nvme
#
# Reset through sysfs, once for each method that the device offers, and through
# the driver: the state is the same afterwards, and a wrong one is repaired.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"

reset_find || skip_all "the device offers no reset method"
at_exit reset_methods_back

# resets METHOD: true where it certainly clears registers. A PM reset may not, nor does that
# of a slot of zPCI in QEMU.
resets() {
	[ "$1" = flr ] || { [ "$1" = bus ] && [ -n "$KT_PORT" ]; }
}

# set_witness METHOD: a bit that must be clear after the reset.
set_witness() {
	if resets "$1" && witness_find; then
		check_true "the witness bit does not stick" witness_set
	else
		WITNESS=
	fi
}

check_witness() {
	if [ -n "$WITNESS" ] && witness_is_set; then
		fail "the device was not reset: the witness bit is still set"
		witness_clear
	fi
}

reset_by() {
	echo "$1" > "$METHOD_FILE"
	set_witness "$1"
	events_mark
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	check_eq "write to reset" "$ERRNO" OK
	check_callbacks "reset_prepare; reset_done"
	check_no_event refusal mismatch lost
	check_witness
	check_status state ok
	check_regs "after a reset by $1"
	check_saved_agrees "after a reset by $1"
}

# The driver's own reset, with the first method of the list.
reset_by_driver() {
	local resets
	echo "$METHODS" > "$METHOD_FILE"
	set_witness "${METHODS%% *}"
	status_get resets
	resets=$STATUS
	events_mark
	check_write reset 1 OK
	check_event reset
	status_get resets
	[ "$STATUS" -gt "$resets" ] || fail "status, resets: is still $STATUS"
	check_no_event refusal mismatch lost
	check_witness
	check_status state ok
	check_regs "after the driver's reset"
}

# The core warns, once, where the bridge above is not locked.
reset_of_the_bus_by_driver() {
	case " $METHODS " in
	*' bus '*) ;;
	*)
		skip "the device has no reset method bus"
		return 0
		;;
	esac
	echo bus > "$METHOD_FILE"
	dmesg_mark unlocked
	check_write reset 1 OK
	echo "$METHODS" > "$METHOD_FILE"
	check_false "the bridge is not locked" dmesg_has "unlocked secondary bus reset"
	check_regs "after the driver's reset by bus"
}

# Linux saves the wiped registers before the reset and restores them after it;
# the driver refuses that state and repairs from its own. With pci_guard loaded Linux
# does neither.
wiped_before_reset_is_repaired() {
	local mismatches
	echo "${METHODS%% *}" > "$METHOD_FILE"
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	status_get mismatches
	mismatches=$STATUS
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	check_eq "write to reset" "$ERRNO" OK
	check_event refusal
	if [ -n "${KT_WITH_GUARD-}" ]; then
		# There is nothing to repair.
		check_no_event core_state_bad
		check_status mismatches "$mismatches"
	else
		check_event core_state_bad
		check_status mismatches $((mismatches + 1))
	fi
	check_callbacks "reset_prepare; reset_done"
	check_status state ok
	check_regs "after a reset of a wiped device"
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

# A driver's reset that fails is not one that worked, however well the function is.
without_a_method() {
	local failed
	status_get resets_failed
	failed=$STATUS
	echo > "$METHOD_FILE"
	check_write reset 1 ENOTTY
	echo "$METHODS" > "$METHOD_FILE"
	check_status resets_failed $((failed + 1))
	check_status state ok
	check_regs "after no reset"
}

set --
for method in $METHODS; do
	set -- "$@" "reset_by $method"
done
subtests "$@" reset_by_driver reset_of_the_bus_by_driver \
	without_a_method wiped_before_reset_is_repaired
