#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci zpci_nvme
# arch: s390x
#
# Error events after which the kernel writes a zPCI function off: the driver gives up, or a
# second event comes while it restores. It ends, nothing is poisoned, and a person who
# writes 1 to the file `recover` has the function back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/zpci.sh
. "$KT_DIR/lib/zpci.sh"

need_injection
fault_need

# by_hand: a person recovers it. The function is found anew, with its bus, and works.
by_hand() {
	fault_unwrap
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/recover"
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "$KT_DEVICE does not come back"
	reset_offered
	device_bind || fail "$DEVICE_ERROR"
	fault_wrap "$KT_DEVICE"
	check_regs "after it was recovered by hand"
	events_mark
	reset_device
	check_eq "a reset after it was recovered by hand" "$ERRNO" OK
	check_callbacks "reset_prepare; reset_done"
	recovered
	check_regs "after the next error"
}

# The function does not answer after the reset of its recovery.
gives_up() {
	events_mark
	dmesg_mark gives_up
	fault gone ms=3000
	check_inject fatal || return 0
	await_dmesg "Automatic recovery failed"
	fault_off
	check_status state lost
	check_write save 1 EIO
	by_hand
}

# The next event comes while the state is restored after the first one.
error_in_recovery() {
	events_mark
	device_wipe
	fault_clear
	fault delay us=20000
	check_inject fatal || return 0
	wait_for "$KT_WAIT" restore_has_begun || fail "nothing is restored"
	check_inject fatal || :
	fault_off
	wait_for "$KT_WAIT" is_over || fail "not over after $KT_WAIT s: state $STATUS"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	status_get state
	diag "the recovery has ended as $STATUS"
	by_hand
}

subtests gives_up error_in_recovery
