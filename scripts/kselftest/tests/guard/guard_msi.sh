#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# What the core has saved is older than MSI-X, as of a driver that saves in its probe: the restore
# writes that, and the core then disables INTx with MSI-X. Nothing deviates.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
fault_need
at_exit guarded_undo

check_quiet() {
	check_guard deviations 0 "$KT_DEVICE"
	check_guard repaired 0 "$KT_DEVICE"
	check_guard mismatches 0 "$KT_DEVICE"
	check_guard state ok "$KT_DEVICE"
}

# saved_before LOADED: the guard is loaded before, or after MSI-X is enabled.
saved_before() {
	guarded_bind stub
	[ "$1" != first ] || guard_load || fail "cannot load the guard: $GUARD_ERROR"
	echo 1 > "$FAULT_FUNCTION/save"
	echo 1 > "$FAULT_FUNCTION/msi"
	[ "$1" = first ] || guard_load || fail "cannot load the guard: $GUARD_ERROR"
	reference_take "$KT_DEVICE" guarded
	echo 1 > "$FAULT_FUNCTION/restore"
	check_quiet
	check_guarded "after a restore"
	echo 0 > "$FAULT_FUNCTION/msi"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	guarded_driver_back
}

subtests "saved_before first" "saved_before after"
