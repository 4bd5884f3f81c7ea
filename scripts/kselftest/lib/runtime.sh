# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Runtime power management of the device under test.

# is_suspended, is_active: by the PM core's account. Both set LINE to the state.
is_suspended() {
	read_line "$SYSFS_PCI/$KT_DEVICE/power/runtime_status"
	[ "$LINE" = suspended ]
}

is_active() {
	read_line "$SYSFS_PCI/$KT_DEVICE/power/runtime_status"
	[ "$LINE" = active ]
}

# control WHAT: on keeps it in D0, auto allows to suspend it.
control() {
	write_errno "$SYSFS_PCI/$KT_DEVICE/power/control" "$1"
	check_eq "write of $1 to power/control" "$ERRNO" OK
}
