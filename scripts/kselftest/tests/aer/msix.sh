#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: e1000e
#
# MSI-X is configured and fires before and after a recovery. msix_test.ko has the
# device fire each time that it starts, and says whether the interrupt came.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

TESTED=msix_test
MODULE=${KT_MODULE%/*}/$TESTED.ko
[ -e "$MODULE" ] || skip_all "there is no $TESTED.ko beside the module"
read_line "$SYSFS_PCI/$KT_DEVICE/vendor"
vendor=$LINE
read_line "$SYSFS_PCI/$KT_DEVICE/device"
[ "$vendor$LINE" = 0x80860x10d3 ] || skip_all "the device is no e1000e (8086:10d3)"
cap_find "$KT_DEVICE" 11 || skip_all "the device has no MSI-X"
CONTROL=$((CAP + 2))

give_back() {
	! [ -d "/sys/module/$TESTED" ] || rmmod $TESTED || :
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
}
at_exit give_back

# interrupts: sets COUNT to how many the kernel has counted, on all processors.
interrupts() {
	COUNT=$(awk -v name=$TESTED '$NF == name {
		for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i
	} END { print n + 0 }' /proc/interrupts)
}

mark() {
	interrupts
	BEFORE=$COUNT
	dmesg_mark msix
}

# check_fired WHEN: an interrupt has come, and MSI-X is as it was.
check_fired() {
	await_dmesg "$TESTED $KT_DEVICE: interrupt [0-9]+ came"
	! dmesg_has "$TESTED $KT_DEVICE: no interrupt came" || fail "no interrupt came $1"
	! dmesg_has "$TESTED $KT_DEVICE: the core's saved state" ||
		fail "the core's buffer was found wrong $1"
	interrupts
	[ "$COUNT" -gt "$BEFORE" ] || fail "the kernel has counted no interrupt $1"
	# Enable is set, Function Mask is not.
	check_eq "MSI-X control $1" $(($(cfg_read "$KT_DEVICE" $CONTROL 2) & 0xc000)) 32768
	regs_snapshot "$KT_DEVICE" "$KT_TMP/msix.now"
	if ! regs_diff "$KT_TMP/msix.regs" "$KT_TMP/msix.now" > "$KT_TMP/difference"; then
		fail "registers differ $1:"
		diag_lines < "$KT_TMP/difference"
	fi
}

when_bound() {
	driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" $TESTED
	mark
	BEFORE=0
	insmod "$MODULE" || fail "cannot load $TESTED"
	pci_driver "$KT_DEVICE"
	check_eq "driver" "$PCI_DRIVER" $TESTED
	regs_snapshot "$KT_DEVICE" "$KT_TMP/msix.regs"
	check_fired "when bound"
}

after_an_error() {
	mark
	check_inject_at_port "$1" || return 0
	check_fired "after a $1 error"
}

after_a_reset() {
	local methods
	read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
	methods=$LINE
	case " $LINE " in
	*" $1 "*) ;;
	*)
		skip "the device has no reset method $1"
		return 0
		;;
	esac
	mark
	echo "$1" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	check_eq "reset" "$ERRNO" OK
	check_fired "after a reset by $1"
}

after_suspend() {
	mark
	sleep_prepare freeze
	sleep_cycle freeze || fail "the suspend failed"
	sleep_undo
	check_fired "after suspend to idle"
}

after_suspend_to_ram() {
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	mark
	s3_prepare
	check_s3
	s3_undo
	check_fired "after suspend to RAM"
}

need_injection
sleep_possible freeze || skip_all "$SLEEP_REASON"
subtests when_bound "after_an_error nonfatal" "after_an_error fatal" \
	"after_a_reset flr" "after_a_reset pm" "after_a_reset bus" \
	after_suspend after_suspend_to_ram
