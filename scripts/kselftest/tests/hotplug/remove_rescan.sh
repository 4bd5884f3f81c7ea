#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# `echo 1 > remove` and `echo 1 > rescan`: while nothing goes on, in the middle of a
# recovery, while the function reads all-ones, in the middle of a save. The removal
# waits for what holds the device lock, and not for ever.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"

# removed PHASE
removed() {
	phase_reach "$1" || return 0
	check_bounded "remove" sysfs_remove
	check_away "when removed"
	phase_end
	# What was begun is finished: the function is still there.
	case $1 in
	restore) check_dmesg "device recovery successful" ;;
	save) check_eq "the save that was going on" "$(cat "$KT_TMP/save.errno")" OK ;;
	esac
	check_bounded "rescan" sysfs_rescan
	check_new "after remove and rescan"
}

# The core looks for the PCI Express capability once more to make a buffer for it. Not
# found then, there is none, without an error until it saves: which must not be known-good.
without_a_buffer_it_is_not_bound() {
	local n refused
	if ! cap_find "$KT_DEVICE" 10; then
		skip "the device has no PCI Express capability"
		return 0
	fi
	n=1
	refused=
	while [ -z "$refused" ] && [ $n -le 40 ]; do
		driver_unbind "$KT_DEVICE"
		sysfs_remove
		fault ones "range=$CAP-$((CAP + 1))" from=$n count=1
		sysfs_rescan
		fault_off
		driver_override "$KT_DEVICE" "$DRIVER"
		dmesg_mark "$KT_TEST.$n"
		driver_bind "$KT_DEVICE"
		! dmesg_has "$KT_DEVICE: buffer not found in pci_save_pcie_state" || refused=$ERRNO
		n=$((n + 1))
	done
	check_eq "bind without a buffer" "$refused" ENOMEM
	check_false "it is bound" bound "$KT_DEVICE"
	sysfs_remove
	sysfs_rescan
	check_new "after it was added once more"
}

away_setup
phase_need
subtests "removed idle" "removed reset" "removed restore" "removed unreachable" "removed save" \
	without_a_buffer_it_is_not_bound
