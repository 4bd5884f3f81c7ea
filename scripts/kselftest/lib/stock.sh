# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Benchmarks: the driver that the kernel has for the device under test, where it has
# error handlers. It is loaded when it is wanted.

# stock_find: sets STOCK_DRIVER; false where there is none, here and now.
stock_find() {
	STOCK_DRIVER=
	read_line "$SYSFS_PCI/$KT_DEVICE/vendor"
	[ "$LINE" != 0x1af4 ] || STOCK_DRIVER=virtio-pci
	read_line "$SYSFS_PCI/$KT_DEVICE/class"
	if [ "$LINE" = 0x010802 ] && kmod_possible nvme; then
		STOCK_DRIVER=nvme
		kmod_load nvme
	fi
	[ -n "$STOCK_DRIVER" ] && [ -d "/sys/bus/pci/drivers/$STOCK_DRIVER" ]
}

# stock_recovers: has it handlers of errors, and not only of resets?
stock_recovers() {
	stock_find && [ "$STOCK_DRIVER" != virtio-pci ]
}
