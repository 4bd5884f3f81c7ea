#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: hibernation
# forgiven: WARNING: kernel/smp.c:[0-9]* at smp_call_function_many_cond
# timeout: 300
# weight: 35
#
# Hibernation with an image on a disk. By `test_resume` the kernel reads back what
# it has just written; then the machine is really switched off, and on again: a
# second kernel boots, and hands over to the image. What happens after the image
# was made (thaw, poweroff) is not in the memory that comes back: the driver's
# timeline goes from freeze to restore.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"
# shellcheck source=../../lib/image.sh
. "$KT_DIR/lib/image.sh"

IMAGE="freeze; freeze_noirq; restore_noirq; pm_restore"

image_need
fault_need

# check_back WHEN: it is as it was when it was frozen.
check_back() {
	check_callbacks "$IMAGE"
	check_no_event lost
	check_status state ok
	check_regs "$1"
}

image_is_restored() {
	local saves
	status_get saves
	saves=$STATUS
	events_mark
	check_hibernate test_resume
	check_back "after the image"
	check_no_event refusal mismatch core_state_bad
	check_status saves $((saves + 1))
	check_saved_agrees "after the image"
}

# The one read with which freeze looks whether it is there finds nothing.
lost_during_freeze() {
	saved_copy "$KT_TMP/saved.before"
	events_mark
	fault gone count=1
	check_hibernate test_resume
	fault_off
	check_event refusal
	check_no_event mismatch core_state_bad
	check_back "after it was lost during freeze"
	check_known_good_kept
}

# Gone from freeze on, and back before the driver's first look on the way back: the
# core's writes are lost.
lost_until_the_restore() {
	saved_copy "$KT_TMP/saved.before"
	events_mark
	fault_clear
	fault gone count=8
	check_hibernate test_resume
	fault_off
	check_event refusal
	check_back "after it was lost until the restore"
	check_known_good_kept
	fault_counters
	[ "$FAULTED" -eq 8 ] || fail "the loss was not over: $FAULTED accesses of 8"
}

wiped_before() {
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	check_hibernate test_resume
	check_event refusal
	check_back "after freezing a wiped function"
	check_known_good_kept
}

# Neither the firmware nor the second kernel knows of the changed registers.
machine_is_switched_off() {
	if witness_find; then
		check_true "the witness bit does not stick" witness_set
	fi
	device_flip
	events_mark
	if ! harness poweron > "$KT_TMP/poweron"; then
		fail "the harness does not switch on again: $(cat "$KT_TMP/poweron")"
		return 0
	fi
	check_hibernate "$IMAGE_OFF"
	if [ -n "$WITNESS" ] && witness_is_set; then
		fail "the machine was not switched off: the witness bit is still set"
		witness_clear
	fi
	check_callbacks "$IMAGE"
	check_no_event refusal lost
	check_status state ok
	device_is_flipped
	check_saved_agrees "after the machine was switched off"
	device_flip
	check_write save 1 OK
	check_regs "after undoing the change"
}

errors_are_recovered_afterwards() {
	local kind
	for kind in nonfatal fatal; do
		events_mark
		check_inject $kind || return 0
		await_event resume
		check_no_event refusal mismatch lost
		check_status state ok
		check_regs "after a $kind error after hibernation"
	done
}

subtests image_is_restored lost_during_freeze lost_until_the_restore wiped_before \
	machine_is_switched_off errors_are_recovered_afterwards
