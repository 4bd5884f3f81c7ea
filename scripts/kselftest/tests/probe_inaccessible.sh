#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Probe of a function that reads all-ones: it fails with EIO and one clear line,
# and works when the function is back.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

METHOD=secondary_bus
gone_possible $METHOD || skip_all "$GONE_REASON"
at_exit device_back

bind_fails() {
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	dmesg_mark probe
	if ! device_gone $METHOD; then
		fail "$GONE_REASON"
		return 0
	fi
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	check_false "it is bound" bound "$KT_DEVICE"
	check_false "debugfs has files of a device that is not bound" \
		[ -e "$DEBUGFS/$KT_DEVICE" ]
}

one_line_says_why() {
	check_dmesg "$KT_DEVICE: .*config space reads all-ones"
	ol_lines=$(dmesg_since "$DMESG_MARK" | grep -c 'reads all-ones') || :
	check_eq "lines about it in dmesg" "$ol_lines" 1
}

bind_works_when_it_is_back() {
	check_true "the device does not come back" device_back
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
	ws_bar=${BARS%% *}
	fault stuck value=0 "range=$ws_bar-$((ws_bar + 3))"
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

# Bit 2 of Command.
master_was_written() {
	fault_record | grep -qE "^$FAULT_FN w 0x004 2 0x...[4567cdef] "
}

subtests bind_fails one_line_says_why bind_works_when_it_is_back \
	wiped_is_restored_by_probe a_wiped_one_that_stays_so_is_not_enabled
