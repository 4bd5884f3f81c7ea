# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034,SC2153 # answers in variables; those of lib/fault.sh
#
# Functions that hardware has and QEMU does not model: the fault injector presents a
# register file, models/NAME.model, in place of a device. Needs lib/fault.sh.

# What the kernel has of a function is made when it is found, so it is removed and found
# again: present BDF MODEL; with MODEL `off` the device itself. False, with PRESENT_ERROR.
present() {
	local port text ok
	port=$(cd -P "$SYSFS_PCI/$1/.." && pwd)
	text=$KT_DIR/models/$2.model
	fault_wrap "$1"
	echo 1 > "$SYSFS_PCI/$1/remove"
	if [ "$2" = off ]; then
		write_errno "$FAULT_FUNCTION/model" off
	else
		present_write "$text"
	fi
	PRESENT_ERROR="$1 does not become $2: $ERRNO"
	ok=1
	[ "$ERRNO" = OK ] || ok=0
	bus_rescan "$port"
	wait_for "$KT_WAIT" pci_exists "$1" || ok=0
	[ "$ok" = 1 ]
}

# present_write FILE: writes a model at once, as the injector takes it. Sets ERRNO.
present_write() {
	ERRNO=$(guest write "$FAULT_FUNCTION/model" < "$1")
}

# present_topology: what the topology wants to be presented, and there is a model of. False, with
# PRESENT_ERROR.
present_topology() {
	local path model
	KT_PRESENTED=
	[ -s "$TOPOLOGY-models" ] || return 0
	read -r path model < "$TOPOLOGY-models"
	[ -e "$KT_DIR/models/$model.model" ] || [ "$model" != own ] || return 0
	if ! fault_possible; then
		PRESENT_ERROR="no model can be presented: $FAULT_REASON"
		return 1
	fi
	fault_load
	KT_PRESENTED=1
	export KT_PRESENTED
	while read -r path model; do
		PRESENT_ERROR="there is no function at $path for $model"
		pci_by_path "$path" || return 1
		present "$BDF" "$model" || return 1
	done < "$TOPOLOGY-models"
	# What the device under test is called may have changed with its port.
	# shellcheck disable=SC2154 # from run_kselftest.sh
	device_choose "$opt_device" || return 1
}
