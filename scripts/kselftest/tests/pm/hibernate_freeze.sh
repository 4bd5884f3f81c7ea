#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Hibernation up to the point where the image would be written: the device is
# frozen and comes back, through the kernel's pm_test (which takes the way back
# of a hibernation that was resumed), and by a real image of the memory that has
# nowhere to go (which takes that of one that failed).

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

POWER=/sys/power
DELAY=/sys/module/hibernate/parameters/pm_test_delay
[ -w $POWER/state ] || skip_all "no $POWER/state"
[ -w $POWER/disk ] || skip_all "no $POWER/disk (CONFIG_HIBERNATION)"
[ -w $POWER/pm_test ] || skip_all "no $POWER/pm_test (CONFIG_PM_DEBUG)"
grep -qw disk $POWER/state || skip_all "the kernel does not hibernate here"
# A machine with swap would write the image and switch off.
read_line $POWER/resume
RESUME=$LINE

read_line $POWER/image_size
IMAGE_SIZE=$LINE
OLD_DELAY=
if [ -w $DELAY ]; then
	read_line $DELAY
	OLD_DELAY=$LINE
	echo "$KT_SUSPEND" > $DELAY
fi
# No page needs to be freed for an image that may be as large as it likes.
echo 999999999999 > $POWER/image_size

undo() {
	echo none > $POWER/pm_test
	echo "$IMAGE_SIZE" > $POWER/image_size
	[ -z "$OLD_DELAY" ] || echo "$OLD_DELAY" > $DELAY
	device_reconnect
}
at_exit undo
hotplug_detach
at_exit hotplug_attach

# hibernate LEVEL: one cycle up to that level of pm_test. Sets ERRNO.
hibernate() {
	echo "$1" > $POWER/pm_test
	write_errno $POWER/state disk
	echo none > $POWER/pm_test
}

check_known_good_kept() {
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

# check_well WHEN
check_well() {
	check_no_event refusal mismatch lost
	check_status state ok
	check_regs "$1"
	check_saved_agrees "$1"
}

# Frozen, and back before interrupts are off.
devices() {
	local saves
	status_get saves
	saves=$STATUS
	events_mark
	hibernate devices
	check_eq "hibernate" "$ERRNO" OK
	check_callbacks "freeze; pm_restore"
	status_get saves
	[ "$STATUS" -gt "$saves" ] || fail "nothing was saved on freeze"
	check_well "after freeze and restore"
}

platform() {
	events_mark
	hibernate platform
	check_eq "hibernate" "$ERRNO" OK
	check_callbacks "freeze; freeze_noirq; restore_noirq; pm_restore"
	check_well "after freeze, with interrupts off, and restore"
}

# No pm_test: the memory is copied, the device thawed, and there is no swap.
image_without_swap() {
	if [ "$RESUME" != 0:0 ] || grep -q '^/' /proc/swaps; then
		skip "this machine may have swap to hibernate into"
		return 0
	fi
	events_mark
	hibernate none
	case $ERRNO in
	OK) fail "hibernated without swap" ;;
	esac
	check_callbacks "freeze; freeze_noirq; thaw_noirq; thaw"
	check_well "after freeze and thaw"
}

# Wrong registers are not saved on freeze, and repaired on the way back.
wiped_is_repaired() {
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	hibernate platform
	check_eq "hibernate" "$ERRNO" OK
	check_event refusal
	# The core restores what it was given, not what it has read.
	check_no_event mismatch core_state_bad lost
	check_known_good_kept
	check_status state ok
	check_regs "after freezing a wiped device"
}

# It reads all-ones all the time and is back some time afterwards.
gone() {
	if ! cut_off_possible "$1"; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	events_mark
	device_cut_off "$1" || fail "$CUT_OFF_REASON"
	hibernate platform
	check_eq "hibernate" "$ERRNO" OK
	check_event refusal
	check_known_good_kept
	check_callbacks "freeze; freeze_noirq; restore_noirq; pm_restore"
	check_status state lost
	check_true "the device does not come back" device_reconnect
	check_write restore 1 OK
	check_known_good_kept
	check_status state ok
	check_regs "after freezing while gone, and a restore"
	! failed || device_repair
}

# stuck LEVEL EARLY LATE: a BAR does not take its address. The core's restore is looked at
# in both phases, and what the first one cannot repair is reported by the second.
stuck() {
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
	if [ "$1" = none ] && { [ "$RESUME" != 0:0 ] || grep -q '^/' /proc/swaps; }; then
		skip "this machine may have swap to hibernate into"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
	events_mark
	hibernate "$1"
	fault_off
	events_new
	case "; $EVENTS" in
	*"; $2; mismatch "*"; $3; mismatch "*"; lost"*) ;;
	*) fail "no mismatch in each of $2 and $3, and then lost: $EVENTS" ;;
	esac
	check_status state lost
	check_write restore 1 OK
	check_status state ok
	check_regs "after a restore"
	fault_unload
}

subtests devices platform image_without_swap wiped_is_repaired \
	"stuck platform restore_noirq pm_restore" "stuck none thaw_noirq thaw" \
	"gone secondary_bus" "gone slot_power"
