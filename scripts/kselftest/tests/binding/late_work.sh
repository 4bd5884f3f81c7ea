#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# weight: 10
#
# A work item that comes when its driver has been unbound: the function has no driver,
# another driver's, or the same driver's again. It must not restore the state that was
# good for the one that has gone. late_test.ko leaves such a work behind.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

LATE=late_test
module=${KT_MODULE%/*}/$LATE.ko
[ -e "$module" ] || skip_all "there is no $LATE.ko beside the module"
CACHE_LINE=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
# What the new owner has on purpose.
CHANGED=$((CACHE_LINE ^ 0x14))
cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $CHANGED
[ $(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1))) -eq $CHANGED ] ||
	skip_all "Cache Line Size cannot be written"
cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$CACHE_LINE"

give_back() {
	! [ -d "/sys/module/$LATE" ] || rmmod $LATE || :
	driver_override "$KT_DEVICE" "$DRIVER"
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$CACHE_LINE"
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	! bound "$KT_DEVICE" || debugfs_write save 1
}
at_exit give_back
insmod "$module"

# take NAME: binds it to the driver NAME.
take() {
	driver_override "$KT_DEVICE" "$1"
	write_errno "/sys/bus/pci/drivers/$1/bind" "$KT_DEVICE"
	pci_driver "$KT_DEVICE"
	check_eq "driver" "$PCI_DRIVER" "$1"
}

# owned_by NAME|nobody: late_test lets go of it, and the next one takes it.
owned_by() {
	pci_driver "$KT_DEVICE"
	[ -z "$PCI_DRIVER" ] || driver_unbind "$KT_DEVICE"
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$CACHE_LINE"
	take $LATE
	dmesg_mark "$KT_TEST.owned_by_$1"
	driver_unbind "$KT_DEVICE"
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $CHANGED
	[ "$1" = nobody ] || take "$1"
	check_false "the work has come too early" dmesg_has "$LATE $KT_DEVICE: late restore"
	# A kernel without CONFIG_SYMBOLIC_ERRNAME has numbers.
	await_dmesg "late restore: Err\\((ENODEV|Error\\(19\\))\\)"
	check_eq "Cache Line Size, which its owner has changed" \
		$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1))) $CHANGED
	[ "$1" != "$DRIVER" ] || check_status state ok
}

subtests "owned_by nobody" "owned_by $DRIVER" "owned_by $LATE"
