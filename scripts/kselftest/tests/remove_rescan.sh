#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# `echo 1 > remove` and `echo 1 > rescan`: while nothing goes on, in the middle of a
# recovery, while the function reads all-ones, in the middle of a save. The removal
# waits for what holds the device lock, and not for ever.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../lib/moment.sh
. "$KT_DIR/lib/moment.sh"

# removed MOMENT
removed() {
	reach "$1" || return 0
	check_bounded "remove" sysfs_remove
	check_away "when removed"
	moment_over
	# What was begun is finished: the function is still there.
	case $1 in
	restore) check_dmesg "device recovery successful" ;;
	save) check_eq "the save that was going on" "$(cat "$KT_TMP/save.errno")" OK ;;
	esac
	check_bounded "rescan" sysfs_rescan
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "the function does not come back"
	check_new "after remove and rescan"
}

sysfs_remove() {
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
}

sysfs_rescan() {
	echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
}

away_setup
moment_setup
subtests "removed idle" "removed reset" "removed restore" "removed unreachable" "removed save"
