#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Probe of a function that reads all-ones: it fails with EIO and one clear line,
# and works when the function is back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

METHOD=secondary_bus
cut_off_possible $METHOD || skip_all "$CUT_OFF_REASON"
at_exit device_reconnect

bind_fails() {
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	dmesg_mark probe
	if ! device_cut_off $METHOD; then
		fail "$CUT_OFF_REASON"
		return 0
	fi
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	check_false "it is bound" bound "$KT_DEVICE"
	check_false "debugfs has files of a device that is not bound" \
		[ -e "$DEBUGFS/$KT_DEVICE" ]
}

one_line_says_why() {
	local lines
	check_dmesg "$KT_DEVICE: .*config space reads all-ones"
	lines=$(dmesg_since "$DMESG_MARK" | grep -c 'reads all-ones') || :
	check_eq "lines about it in dmesg" "$lines" 1
}

bind_works_when_it_is_back() {
	check_true "the device does not come back" device_reconnect
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	check_true "it is not bound" bound "$KT_DEVICE"
	check_status state ok
	check_regs "after a failed probe"
	check_saved_agrees "after a failed probe"
}

# A wiped function may bind or not, but wiped is never known-good.
# The core saved it when it was added: probe restores that before it enables it.
wiped_is_restored_by_probe() {
	driver_unbind "$KT_DEVICE"
	device_wipe
	driver_bind "$KT_DEVICE"
	check_eq "bind to a wiped function" "$ERRNO" OK
	check_dmesg "$KT_DEVICE: it was not in order .*restored what the core had saved"
	check_regs "after binding to a wiped function"
	check_saved_agrees "after binding to a wiped function"
}

# Wiped, and a BAR does not take its address: it is not made a bus master before that
# is found out.
a_wiped_one_that_stays_so_is_not_enabled() {
	local bar
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		skip "the device has no base address register"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	driver_unbind "$KT_DEVICE"
	device_wipe
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
	fault_clear
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	check_false "it was made a bus master" master_was_written
	fault_off
	driver_bind "$KT_DEVICE"
	check_eq "bind without the fault" "$ERRNO" OK
	check_regs "after binding"
	fault_unload
}

# It answers, but for the register of its power state: it cannot be used.
taken_for_d3cold() {
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the device has no power management capability"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	driver_unbind "$KT_DEVICE"
	fault ones "range=$((CAP + 4))-$((CAP + 5))"
	# Which has the core look.
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/enable"
	check_power_state D3cold
	dmesg_mark probe
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	check_dmesg "$KT_DEVICE: not bound: the function is in D3cold"
	fault_off
	driver_bind "$KT_DEVICE"
	check_eq "bind without the fault" "$ERRNO" OK
	check_power_state D0
	driver_unbind "$KT_DEVICE"
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/enable"
	driver_bind "$KT_DEVICE"
	check_regs "after binding"
	fault_unload
}

# Bit 2 of Command.
master_was_written() {
	fault_record | grep -qE "^$FAULT_FN w 0x004 2 0x...[4567cdef] "
}

subtests bind_fails one_line_says_why bind_works_when_it_is_back \
	wiped_is_restored_by_probe a_wiped_one_that_stays_so_is_not_enabled taken_for_d3cold
