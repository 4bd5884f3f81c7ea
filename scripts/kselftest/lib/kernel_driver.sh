# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# The driver that the kernel has for the device under test, where it has error handlers. It is
# loaded when it is wanted.

# kernel_driver_find: sets KERNEL_DRIVER; false where there is none, here and now.
kernel_driver_find() {
	KERNEL_DRIVER=
	read_line "$SYSFS_PCI/$KT_DEVICE/vendor"
	[ "$LINE" != 0x1af4 ] || KERNEL_DRIVER=virtio-pci
	read_line "$SYSFS_PCI/$KT_DEVICE/class"
	if [ "$LINE" = 0x010802 ] && kmod_possible nvme; then
		KERNEL_DRIVER=nvme
		kmod_load nvme
	fi
	[ -n "$KERNEL_DRIVER" ] && [ -d "/sys/bus/pci/drivers/$KERNEL_DRIVER" ]
}

# kernel_driver_recovers: true where it has handlers of errors, and not only of resets.
kernel_driver_recovers() {
	kernel_driver_find && [ "$KERNEL_DRIVER" != virtio-pci ]
}

# kernel_driver_bind: gives the device to it; false where there is none, or it does not bind.
kernel_driver_bind() {
	kernel_driver_find || return 1
	pci_driver "$KT_DEVICE"
	[ -z "$PCI_DRIVER" ] || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" "$KERNEL_DRIVER"
	write_errno "/sys/bus/pci/drivers/$KERNEL_DRIVER/bind" "$KT_DEVICE"
	pci_driver "$KT_DEVICE"
	[ "$PCI_DRIVER" = "$KERNEL_DRIVER" ]
}
