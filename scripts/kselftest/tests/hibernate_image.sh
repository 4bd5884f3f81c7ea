#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: hibernation
#
# Hibernation with an image on a disk. By `test_resume` the kernel reads back what
# it has just written; then the machine is really switched off, and on again: a
# second kernel boots, and hands over to the image. What happens after the image
# was made (thaw, poweroff) is not in the memory that comes back: the driver's
# timeline goes from freeze to restore.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

POWER=/sys/power
SWAP=/dev/vda
IMAGE="freeze; freeze_noirq; restore_noirq; pm_restore"

sleep_possible disk || skip_all "$SLEEP_REASON"
grep -qw test_resume $POWER/disk || skip_all "the kernel has no test_resume"
# A disk of the harness: a real machine's swap is not the tests'.
[ "$KT_GUEST" = 1 ] || skip_all "not in the harness's guest"
[ -e /etc/pci-recovery/swap ] || skip_all "the topology has no swap disk"
[ -b $SWAP ] || skip_all "no $SWAP: the module virtio_blk is not in the guest"
sleep_need disk
echo none > $POWER/pm_test
read_line $POWER/disk
MODE=${LINE#*\[}
MODE=${MODE%\]*}
mode_back() {
	echo "$MODE" > $POWER/disk
	swapoff $SWAP
}
at_exit mode_back
mkswap $SWAP > "$KT_TMP/mkswap"
swapon $SWAP
fault_need

# hibernate MODE: to the disk, and back.
hibernate() {
	echo "$1" > $POWER/disk
	write_errno $POWER/state disk
	check_eq "hibernate" "$ERRNO" OK
}

# check_back WHEN: it is as it was when it was frozen.
check_back() {
	check_callbacks "$IMAGE"
	check_no_event lost
	check_status state ok
	check_regs "$1"
}

image_is_restored() {
	status_get saves
	ii_saves=$STATUS
	events_mark
	hibernate test_resume
	check_back "after the image"
	check_no_event refusal mismatch core_state_bad
	check_status saves $((ii_saves + 1))
	check_saved_agrees "after the image"
}

# The one read with which freeze looks whether it is there finds nothing.
lost_during_freeze() {
	saved_copy "$KT_TMP/saved.before"
	events_mark
	fault gone count=1
	hibernate test_resume
	fault_off
	check_event refusal
	check_no_event mismatch core_state_bad
	check_back "after it was lost during freeze"
	check_known_good_kept
}

# Gone from freeze on, and back before the driver's first look on the way back: the
# core restores to nobody.
lost_until_the_restore() {
	saved_copy "$KT_TMP/saved.before"
	events_mark
	fault_clear
	fault gone count=8
	hibernate test_resume
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
	hibernate test_resume
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
	hibernate platform
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

# device_flip: turns over bits that do no harm, in the header, in a capability and
# in an extended one. device_is_flipped: they are.
device_flip() {
	df_cls=$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1) ^ 0x10))
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $df_cls
	cap_find "$KT_DEVICE" 10
	df_control=$(($(cfg_read "$KT_DEVICE" $((CAP + 8)) 2) ^ 0x8))
	cfg_write "$KT_DEVICE" $((CAP + 8)) 2 $df_control
	cap_find "$KT_DEVICE" 0001
	df_mask=$(($(cfg_read "$KT_DEVICE" $((CAP + 20)) 4) ^ 0x1000))
	cfg_write "$KT_DEVICE" $((CAP + 20)) 4 $df_mask
}

device_is_flipped() {
	check_eq "Cache Line Size" "$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)))" "$df_cls"
	cap_find "$KT_DEVICE" 10
	check_eq "Device Control" "$(($(cfg_read "$KT_DEVICE" $((CAP + 8)) 2)))" "$df_control"
	cap_find "$KT_DEVICE" 0001
	check_eq "AER, correctable mask" "$(($(cfg_read "$KT_DEVICE" $((CAP + 20)) 4)))" "$df_mask"
}

errors_are_recovered_afterwards() {
	for ea_kind in nonfatal fatal; do
		events_mark
		check_inject $ea_kind || return 0
		await_event resume
		check_no_event refusal mismatch lost
		check_status state ok
		check_regs "after a $ea_kind error after hibernation"
	done
}

subtests image_is_restored lost_during_freeze lost_until_the_restore wiped_before \
	machine_is_switched_off errors_are_recovered_afterwards
