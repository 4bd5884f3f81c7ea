#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# timeout: 300
# weight: 60
#
# What baseline_pci_stub shows destroyed, with pci_guard loaded: a function that
# is bound to pci-stub, or to no driver at all, lost while the core saves it.
# Whatever access it is lost at, its registers are as before, and no all-ones are
# written. Lost while the core restores it, it is written once more.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

PM_DIR=$SYSFS_PCI/$KT_DEVICE/power

freeze() {
	sleep_cycle freeze
}

disk() {
	sleep_cycle disk
}

is_suspended() {
	read_line "$PM_DIR/runtime_status"
	[ "$LINE" = suspended ]
}

# Without a driver the function stays in D0, saved and restored all the same.
runtime_cycle() {
	echo auto > "$PM_DIR/control"
	wait_for "$KT_WAIT" is_suspended || fail "not suspended at run time but $LINE"
	echo on > "$PM_DIR/control"
}

no_driver() {
	driver_unbind "$KT_DEVICE"
}

# saves_by stub|none CYCLE STEP: the function is lost in the save of CYCLE.
saves_by() {
	guarded_begin "$1" "$2" || return 0
	guarded_sweep_saves "$1_$2" "$3" "$2"
	guarded_end
}

restores_by() {
	guarded_begin "$1" "$2" || return 0
	guarded_sweep_restores "$1_$2" "$3" "$2"
	guarded_end
}

# Nothing is refused, lost or suspicious where nothing is lost.
in_peace() {
	guarded_begin stub freeze || return 0
	freeze
	disk
	check_no_refusal
	check_guarded "in peace"
	guarded_end
}

undo() {
	echo on > "$PM_DIR/control"
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
sleep_possible freeze || skip_all "$SLEEP_REASON"
sleep_need disk
fault_need
at_exit undo
subtests in_peace "saves_by stub freeze 1" "saves_by stub disk 8" "saves_by none freeze 8" \
	"saves_by none runtime_cycle 4" "restores_by stub freeze 4" "restores_by none runtime_cycle 8"
