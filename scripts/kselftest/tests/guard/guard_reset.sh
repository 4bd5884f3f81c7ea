#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint zpci
# timeout: 300
# weight: 60
#
# A reset through sysfs of a function that is bound to pci-stub, with pci_guard
# loaded, by each method: lost at each access of the save, and in the restore.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"

saves_by() {
	reset_method "$1" || return 0
	guarded_begin stub reset_device || return 0
	guarded_sweep_saves "reset_$1" "$2" reset_device
	guarded_end
}

restores_by() {
	reset_method "$1" || return 0
	guarded_begin stub reset_device || return 0
	guarded_restore_ends
	guarded_sweep_restores "reset_$1" "$2" reset_device
	guarded_end
}

# Wiped by a bus reset that nobody restored, as by the recovery from an error: the reset
# does not save that, and brings back what was good. The kernel has to have it enabled.
wiped_before_reset() {
	local bar
	reset_method flr || return 0
	guarded_begin none reset_device || return 0
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/enable"
	reference_take "$KT_DEVICE" guarded
	echo 1 > "$FAULT_FUNCTION/save"
	check_guard_agrees "after a save"
	secondary_bus_reset "$KT_PORT"
	bars "$KT_DEVICE"
	for bar in $BARS; do
		check_eq "the BAR at $bar of a wiped function" \
			"$(($(cfg_read "$KT_DEVICE" "$bar" 4) & ~15))" 0
	done
	[ -n "$BARS" ] || fail "the function has no BAR"
	reset_device
	check_eq "the reset" "$ERRNO" OK
	check_guard last_refusal "wiped: the assigned BARs read 0, it was reset" "$KT_DEVICE"
	check_guarded "after the reset of a wiped function"
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/enable"
	guarded_end
}

in_peace() {
	local method
	guarded_begin stub reset_device || return 0
	for method in $METHODS; do
		reset_method "$method" || continue
		reset_device
		check_eq "the reset by $method" "$ERRNO" OK
	done
	check_no_refusal
	check_guarded "in peace"
	guarded_end
}

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
reset_need
fault_need
at_exit guarded_undo
subtests in_peace "saves_by flr 1" "saves_by pm 4" "saves_by bus 8" \
	"restores_by flr 2" wiped_before_reset
