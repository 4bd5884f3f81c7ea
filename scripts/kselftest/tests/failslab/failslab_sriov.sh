#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: sriov
# timeout: 1800
# weight: 30
#
# Each allocation of enabling a virtual function fails, up to that of its
# `struct pci_dev`. Behind it is a fault of the kernel (7.3.4): device_add() fails
# where there is no memory for a name or for its own part, which pci_device_add() only
# warns of, and pci_iov_add_virtfn() then removes what was never added: device_del()
# goes through a null pointer.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/sriov.sh
. "$KT_DIR/lib/sriov.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

path_enable() {
	write_armed "$SYSFS_PCI/$KT_DEVICE/sriov_numvfs" 1
}

# There is one, or none and the capability says so.
enabled_or_not() {
	local is want
	failslab_says_no ENOMEM
	failslab_is_well
	sriov_vfs
	read_line "$SYSFS_PCI/$KT_DEVICE/sriov_numvfs"
	sriov_registers
	is="$LINE $((VF_CONTROL & 9)) ${VFS:+vf}"
	case $RESULT in
	ok) want="1 9 vf" ;;
	*) want="0 0 " ;;
	esac
	[ "$is" = "$want" ] || wrong "$RESULT, sriov_numvfs, control, functions: $is"
	sriov_set 0
	[ "$ERRNO" = OK ] || wrong "cannot be disabled: $ERRNO"
	name_states
}

# shellcheck disable=SC2034 # lib/failslab.sh reads them
enable() {
	FAIL_KINDS=slab
	FAIL_LAST=pci_alloc_dev
	failslab_sweep sriov_enable no path_enable enabled_or_not
}

sriov_need
failslab_need
sweep_setup
subtests enable
