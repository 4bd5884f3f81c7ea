# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The device under test in the hands of a program of user space, through VFIO:
# `guest vfio`, which carries out commands.

VFIO_DRIVER=/sys/bus/pci/drivers/vfio-pci

# vfio_possible: false, with VFIO_REASON, where there is no VFIO.
vfio_possible() {
	local module
	VFIO_REASON="$KT_DEVICE has no IOMMU group"
	[ -e "$SYSFS_PCI/$KT_DEVICE/iommu_group" ] || return 1
	for module in vfio-pci vfio_iommu_type1; do
		VFIO_REASON="no module $module"
		[ -d "/sys/module/$(echo "$module" | tr - _)" ] || kmod_possible "$module" || return 1
	done
}

# vfio_bind: gives the device to vfio-pci.
vfio_bind() {
	kmod_load vfio_iommu_type1
	kmod_load vfio-pci
	pci_driver "$KT_DEVICE"
	[ -z "$PCI_DRIVER" ] || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" vfio-pci
	write_errno "$VFIO_DRIVER/bind" "$KT_DEVICE"
	pci_driver "$KT_DEVICE"
	[ "$PCI_DRIVER" = vfio-pci ]
}

# vfio_open: the program opens the device, switches memory and bus mastering on, and resets
# it, as a virtual machine does when it starts: VFIO saves the function when it is opened and
# in each reset. Its registers are those of the reference `guarded` then. vfio_close: it ends.
vfio_open() {
	rm -f "$KT_TMP/vfio.in" "$KT_TMP/vfio.out"
	mkfifo "$KT_TMP/vfio.in" "$KT_TMP/vfio.out"
	guest vfio "$KT_DEVICE" < "$KT_TMP/vfio.in" > "$KT_TMP/vfio.out" 2> "$KT_TMP/vfio.error" &
	VFIO_PID=$!
	exec 3> "$KT_TMP/vfio.in" 4< "$KT_TMP/vfio.out"
	VFIO=
	# shellcheck disable=SC3045 # busybox has it
	read -r -t "$KT_WAIT" VFIO <&4 || :
	[ "$VFIO" = ready ] || {
		fail "guest vfio does not open $KT_DEVICE: $(cat "$KT_TMP/vfio.error")"
		return 1
	}
	vfio enable
	check_eq "VFIO: enable" "$VFIO" OK
	vfio reset
	check_eq "VFIO: reset" "$VFIO" OK
	reference_take "$KT_DEVICE" guarded
}

vfio_close() {
	[ -n "$VFIO_PID" ] || return 0
	exec 3>&- 4<&-
	wait "$VFIO_PID" || fail "guest vfio: $(cat "$KT_TMP/vfio.error")"
	VFIO_PID=
}
VFIO_PID=

# vfio WORD: sets VFIO to what the program answers.
vfio() {
	echo "$1" >&3
	VFIO=
	# shellcheck disable=SC3045 # busybox has it
	read -r -t 90 VFIO <&4 || VFIO="no answer"
}

# vfio_has_reset: the program resets the function; false while the kernel is busy with an error
# of it.
vfio_has_reset() {
	vfio reset
	[ "$VFIO" != EAGAIN ]
}
