#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
# timeout: 180
# weight: 30
#
# Suspend to RAM (S3) of functions with pci_guard loaded, whoever has them: pci-stub,
# nobody, the kernel's own driver. The platform resets every function on the way
# back: what the registers are then comes from what was saved. Lost while it was
# saved, at whatever access, or while it is restored, a function is as before.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/kernel_driver.sh
. "$KT_DIR/lib/kernel_driver.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/nvme.sh
. "$KT_DIR/lib/nvme.sh"

# asleep: to RAM and back. With nvme, its disk is looked at.
asleep() {
	check_s3
	[ -z "$NVME_DISK" ] || check_nvme "after S3"
}

# has_driver DRIVER: false, and the subtest skipped, where there is none of the kernel's.
has_driver() {
	NVME_DISK=
	[ "$1" = stock ] || return 0
	kernel_driver_find || {
		skip "the kernel has no driver for this function here"
		return 1
	}
}

# disk_of DRIVER: what it is bound to has perhaps a disk, with something on it.
disk_of() {
	[ "$1" = stock ] && [ "$KERNEL_DRIVER" = nvme ] || return 0
	wait_for "$KT_WAIT" nvme_is_live || fail "the controller is '$NVME_STATE', not live"
	wait_for "$KT_WAIT" nvme_disk_find || fail "the controller has no disk"
	nvme_keep || fail "the disk cannot be written"
}

# Every function of the machine is saved and restored by way of the guard, and nothing is
# refused, lost or suspicious.
in_peace() {
	has_driver "$1" || return 0
	guarded_bind "$1"
	disk_of "$1"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	reference_take "$KT_DEVICE" guarded
	guard_table "$KT_TMP/before"
	asleep
	check_guard hooks "in force"
	check_guard_all_more saves "$KT_TMP/before" "in S3"
	check_guard_all_more restores "$KT_TMP/before" "in S3"
	check_no_refusal
	check_guarded "after S3 in peace"
	# A driver of the kernel's goes on with another Command than it was saved with.
	[ "$1" = stock ] || check_guard_agrees "after S3 in peace"
	guarded_end
}

# The stock kernel: expected to destroy it.
without_the_guard() {
	NVME_DISK=
	guarded_bind stub
	first_save check_s3
	guarded_damage check_s3
}

# saves_by DRIVER STEP: lost at each STEP-th access of the save.
saves_by() {
	has_driver "$1" || return 0
	guarded_bind "$1"
	disk_of "$1"
	guarded_begin as_is asleep || return 0
	guarded_sweep_saves "$1_s3" "$2" asleep
	guarded_end
}

# Reset by the platform, it does not answer until the core has given it up: it is restored
# when it is there again.
restored_late() {
	NVME_DISK=
	guarded_begin stub asleep || return 0
	fault_clear
	fault gone from=$((SAVE_FROM + SAVE_LENGTH)) ms=3000
	asleep
	check_guard state owed "$KT_DEVICE"
	wait_for "$((KT_WAIT + 5))" guarded_is_ok || fail "it is not restored but '$GUARD'"
	fault_counters
	fault_off
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	check_dmesg "it has come back"
	check_guarded "when it has come back"
	guarded_end
}

undo() {
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
sleep_need mem
s3_possible || skip_all "$SLEEP_REASON"
at_exit s3_undo
s3_prepare
fault_need
at_exit undo
subtests "in_peace stub" "in_peace none" "in_peace stock" without_the_guard \
	"saves_by stub 4" "saves_by none 12" "saves_by stock 12" restored_late
