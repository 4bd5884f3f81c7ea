# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Virtual functions of the device under test, bound to pci_recovery like it.

# sriov_need: skips the whole test where the device has no virtual functions. Sets
# VF_MAX to how many it has; none are enabled when the test ends.
sriov_need() {
	read_line "$SYSFS_PCI/$KT_DEVICE/sriov_totalvfs"
	VF_MAX=${LINE:-0}
	[ "$VF_MAX" -gt 0 ] || skip_all "the device has no SR-IOV"
	cap_find "$KT_DEVICE" 0010 || skip_all "the device has no SR-IOV capability"
	SRIOV=$CAP
	at_exit sriov_undo
	# Their stock driver would take them as soon as they are there.
	read_line "$SYSFS_PCI/$KT_DEVICE/sriov_drivers_autoprobe"
	VF_AUTOPROBE=$LINE
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/sriov_drivers_autoprobe"
}

sriov_undo() {
	sriov_set 0
	echo "$VF_AUTOPROBE" > "$SYSFS_PCI/$KT_DEVICE/sriov_drivers_autoprobe"
}

# sriov_set NUMBER: enables so many, or disables all. Sets ERRNO and VFS.
sriov_set() {
	write_errno "$SYSFS_PCI/$KT_DEVICE/sriov_numvfs" "$1"
	sriov_vfs
}

# sriov_vfs: sets VFS to the functions that are there, in their order, and VF to
# the first of them.
sriov_vfs() {
	local link dir
	VFS=
	VF=
	for link in "$SYSFS_PCI/$KT_DEVICE/../"*/physfn; do
		[ -e "$link" ] || continue
		dir=${link%/physfn}
		VFS="${VFS:+$VFS }${dir##*/}"
	done
	VF=${VFS%% *}
}

# sriov_up: all are enabled and bound to pci_recovery; FLEET is the device and
# they, with a reference of their registers.
sriov_up() {
	sriov_set "$VF_MAX"
	check_eq "write of $VF_MAX to sriov_numvfs" "$ERRNO" OK
	FLEET=$VFS
	fleet_bind || fail "$FLEET_REASON"
	FLEET="$KT_DEVICE $VFS"
	fleet_reference
}

# sriov_down: disables all.
sriov_down() {
	# What they were bound to, they take with them.
	FLEET_TAKEN=
	sriov_set 0
	check_eq "write of 0 to sriov_numvfs" "$ERRNO" OK
	check_eq "virtual functions" "$VFS" ""
	FLEET=
}

# sriov_registers: sets VF_CONTROL and NUM_VFS to what the capability says.
sriov_registers() {
	VF_CONTROL=$(cfg_read "$KT_DEVICE" $((SRIOV + 0x08)) 2)
	NUM_VFS=$(cfg_read "$KT_DEVICE" $((SRIOV + 0x10)) 2)
}

# with BDF COMMAND...: the helpers that take no BDF mean this one meanwhile.
with() {
	local device status
	device=$KT_DEVICE
	KT_DEVICE=$1
	shift
	status=0
	"$@" || status=$?
	KT_DEVICE=$device
	return $status
}
