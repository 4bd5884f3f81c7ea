#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci zpci_nvme
# arch: s390x
#
# An administrator takes a zPCI function away (its slot's file `power`) while nothing goes on,
# and in the middle of what this driver does: a recovery, a reset, a save, while the function
# is blocked. It waits for what is going on, not for ever, and the function that comes back
# is like a new one.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/zpci.sh
. "$KT_DIR/lib/zpci.sh"

# phase_begin NAME [US]: returns in its middle. Each access takes US longer, but none while idle.
phase_begin() {
	PHASE=$1
	events_mark
	dmesg_mark "$1"
	fault_clear
	[ "$1" = idle ] || fault delay us="${2-10000}"
	case $1 in
	restore)
		device_wipe
		check_inject fatal
		wait_for "$KT_WAIT" restore_has_begun || fail "nothing is restored"
		;;
	reset)
		background reset_device
		wait_for "$KT_WAIT" is_slowed || fail "nothing is read"
		;;
	save)
		rm -f "$KT_TMP/save.errno"
		background save_by_hand
		wait_for "$KT_WAIT" is_slowed || fail "nothing is saved"
		;;
	blocked) check_inject fatal ;;
	esac
}

# phase_end: what was going on has ended.
phase_end() {
	fault_off
	case $PHASE in
	reset | save) check_true "the $PHASE does not end" background_ended ;;
	esac
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
}

# back: power on; the function is like a new one.
back() {
	check_false "the function is there without power" pci_exists "$KT_DEVICE"
	check_false "debugfs still has files of it" [ -e "$DEBUGFS/$KT_DEVICE" ]
	fault_unwrap
	check_bounded "power on" slot_power 1
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "$KT_DEVICE does not come back"
	reset_offered
	device_bind || fail "$DEVICE_ERROR"
	fault_wrap "$KT_DEVICE"
	check_status state ok
	check_status refusals 0
	check_regs "after power was on"
	check_saved_agrees "after power was on"
	recovered
	check_regs "after the next error"
}

# unplugged PHASE
unplugged() {
	[ "$1" != reset ] || reset_method bus || return 0
	phase_begin "$1"
	check_bounded "power off" slot_power 0
	phase_end
	[ "$1" != save ] || check_eq "the save" "$(cat "$KT_TMP/save.errno")" OK
	back
}

# An event comes while power off waits for a save, which is refused half-way. The kernel ignores
# the event: when its turn comes the function has another handle.
error_while_unplugged() {
	local power
	phase_begin save 100000
	slot_power 0 &
	power=$!
	usleep 300000
	check_inject fatal || :
	check_true "power off has not waited for the save" [ -e "$SYSFS_PCI/$KT_DEVICE" ]
	phase_end
	wait $power || fail "power off fails"
	check_eq "the save" "$(cat "$KT_TMP/save.errno")" EIO
	back
}

slot_power() {
	echo "$1" > "$SLOT/power"
}

need_injection
fault_need
reset_need
SLOT=$SYSFS_BUS/slots/$(slot_name)
[ -e "$SLOT/power" ] || skip_all "$KT_DEVICE has no slot"
not_given_away
subtests "unplugged idle" "unplugged restore" "unplugged reset" "unplugged save" \
	"unplugged blocked" error_while_unplugged
