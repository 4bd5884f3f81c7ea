# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Hibernation with an image on a disk of the harness. Needs lib/sleep.sh.

IMAGE_SWAP=/dev/vda
IMAGE_MODES=/sys/power/disk

# image_need: prepares it until the test's end; skips the whole test where there is none.
image_need() {
	sleep_possible disk || skip_all "$SLEEP_REASON"
	grep -qw test_resume $IMAGE_MODES || skip_all "the kernel has no test_resume"
	# A disk of the harness: a real machine's swap is not the tests'.
	[ "$KT_GUEST" = 1 ] || skip_all "not in the harness's guest"
	[ -e /etc/pci-recovery/swap ] || skip_all "the topology has no swap disk"
	[ -b $IMAGE_SWAP ] || skip_all "no $IMAGE_SWAP: the module virtio_blk is not in the guest"
	sleep_need disk
	echo none > /sys/power/pm_test
	read_line $IMAGE_MODES
	IMAGE_MODE=${LINE#*\[}
	IMAGE_MODE=${IMAGE_MODE%\]*}
	at_exit image_undo
	# With the firmware's help, where it knows of hibernation.
	IMAGE_OFF=shutdown
	! grep -qw platform $IMAGE_MODES || IMAGE_OFF=platform
	mkswap $IMAGE_SWAP > "$KT_TMP/mkswap"
	swapon $IMAGE_SWAP
}

image_undo() {
	echo "$IMAGE_MODE" > $IMAGE_MODES
	swapoff $IMAGE_SWAP
}

# hibernate test_resume|$IMAGE_OFF: to the disk, and back, with the machine off in between in
# the latter case. Sets ERRNO. check_hibernate: the same, which must succeed.
hibernate() {
	echo "$1" > $IMAGE_MODES
	write_errno /sys/power/state disk
}

check_hibernate() {
	hibernate "$1"
	check_eq "hibernate" "$ERRNO" OK
}

# device_flip: turns over bits that do no harm, in the header, in a capability and
# in an extended one, so that they are not what the firmware makes them. device_is_flipped:
# they are.
device_flip() {
	FLIPPED_CLS=$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1) ^ 0x10))
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $FLIPPED_CLS
	cap_find "$KT_DEVICE" 10
	FLIPPED_CONTROL=$(($(cfg_read "$KT_DEVICE" $((CAP + 8)) 2) ^ 0x8))
	cfg_write "$KT_DEVICE" $((CAP + 8)) 2 $FLIPPED_CONTROL
	cap_find "$KT_DEVICE" 0001
	FLIPPED_MASK=$(($(cfg_read "$KT_DEVICE" $((CAP + 20)) 4) ^ 0x1000))
	cfg_write "$KT_DEVICE" $((CAP + 20)) 4 $FLIPPED_MASK
}

device_is_flipped() {
	check_eq "Cache Line Size" "$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)))" "$FLIPPED_CLS"
	cap_find "$KT_DEVICE" 10
	check_eq "Device Control" "$(($(cfg_read "$KT_DEVICE" $((CAP + 8)) 2)))" "$FLIPPED_CONTROL"
	cap_find "$KT_DEVICE" 0001
	check_eq "AER, correctable mask" "$(($(cfg_read "$KT_DEVICE" $((CAP + 20)) 4)))" "$FLIPPED_MASK"
}
