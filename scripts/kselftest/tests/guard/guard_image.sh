#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: hibernation
# forgiven: WARNING: kernel/smp.c:[0-9]* at smp_call_function_many_cond
# timeout: 300
# weight: 40
#
# Hibernation with an image on a disk, with pci_guard loaded: the saves of the image
# are those of freeze_noirq, with and without parallel callbacks (pm_async), of which
# some hooks of the kernel do not see any. Lost in one, a function is as before when
# the image has been restored, and when the machine was off in between.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/kernel_driver.sh
. "$KT_DIR/lib/kernel_driver.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/image.sh
. "$KT_DIR/lib/image.sh"

PM_ASYNC=/sys/power/pm_async

image() {
	check_hibernate test_resume
}

# as_far_as_the_save: the phases of an image, without one: where its save is.
as_far_as_the_save() {
	echo platform > /sys/power/pm_test
	sleep_cycle disk
	echo none > /sys/power/pm_test
}

# Every function of the machine is saved in the image by way of the guard, the swap disk's
# own among them.
in_peace() {
	echo "$2" > $PM_ASYNC
	guarded_bind "$1"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	reference_take "$KT_DEVICE" guarded
	guard_table "$KT_TMP/before"
	image
	check_guard hooks "in force"
	check_guard_all_more saves "$KT_TMP/before" "in the image"
	check_guard_all_more restores "$KT_TMP/before" "by the image"
	check_no_refusal
	check_guarded "after the image"
	# A driver of the kernel's goes on with another Command than it was saved with.
	[ "$1" = stock ] || check_guard_agrees "after the image"
	guarded_end
	echo 0 > $PM_ASYNC
}

# The stock kernel: expected to destroy it.
without_the_guard() {
	guarded_bind stub
	first_save as_far_as_the_save
	guarded_damage image
}

# lost_in_freeze DRIVER AT: from that access of the image's save on, and back when it is over.
lost_in_freeze() {
	guarded_begin "$1" as_far_as_the_save || return 0
	GUARDED_POINTS=0
	fault_clear
	fault gone from=$((SAVE_FROM + $2)) count=$((SAVE_LENGTH - $2))
	guarded_run "after a loss from access $2 of the image's save" image
	check_guard_more refusals 0 "$KT_DEVICE"
	report "points=$GUARDED_POINTS path=guard_save_$1_image"
	failed || report "poisoned=0"
	guarded_end
}

# Lost in the save of the image, then the machine is off: neither the firmware nor the
# second kernel, which has no guard, knows what the registers were.
machine_is_switched_off() {
	local refusals
	guarded_begin stub as_far_as_the_save || return 0
	device_flip
	reference_take "$KT_DEVICE" guarded
	echo 1 > "$FAULT_FUNCTION/save"
	check_guard_agrees "of changed registers"
	if witness_find; then
		check_true "the witness bit does not stick" witness_set
	fi
	guard_get refusals "$KT_DEVICE"
	refusals=$GUARD
	fault_clear
	# Behind the guard's look.
	fault gone from=$((SAVE_FROM + 5)) count=$((SAVE_LENGTH - 8))
	if ! harness poweron > "$KT_TMP/poweron"; then
		fail "the harness does not switch on again: $(cat "$KT_TMP/poweron")"
		return 0
	fi
	check_hibernate "$IMAGE_OFF"
	fault_off
	if [ -n "$WITNESS" ] && witness_is_set; then
		fail "the machine was not switched off: the witness bit is still set"
		witness_clear
	fi
	check_guard hooks "in force"
	check_guard_more refusals "$refusals" "$KT_DEVICE"
	check_guard state ok "$KT_DEVICE"
	device_is_flipped
	check_guarded "after the machine was switched off"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	guarded_end
}

undo() {
	echo "$ASYNC" > $PM_ASYNC
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
image_need
fault_need
read_line $PM_ASYNC
ASYNC=$LINE
at_exit undo
echo 0 > $PM_ASYNC
subtests "in_peace stub 0" "in_peace none 1" "in_peace stock 0" without_the_guard \
	"lost_in_freeze stub 3" "lost_in_freeze stub 17" "lost_in_freeze none 9" \
	"lost_in_freeze stock 9" machine_is_switched_off
