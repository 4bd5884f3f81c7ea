#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci zpci_nvme
# arch: s390x
#
# What this project comes from: a user program drives a zPCI function through VFIO, an
# error event comes, and the kernel leaves the recovery to the program. It reads what
# has happened (VFIO_DEVICE_FEATURE_ZPCI_ERROR) and resets the function
# (VFIO_DEVICE_RESET) while its config space is inaccessible. Linux 7.3 looks whether it
# can be read, before it saves it; zpci_vfio_unchecked has the kernel that does not.

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
# shellcheck source=../../lib/vfio.sh
. "$KT_DIR/lib/vfio.sh"
# shellcheck source=../../lib/zpci_vfio.sh
. "$KT_DIR/lib/zpci_vfio.sh"

# The event is there once, and the reset ends it.
event_is_passed_on() {
	begin || return 0
	blocked
	read_line "$SYSFS_PCI/$KT_DEVICE/function_handle"
	vfio zpci_error
	check_eq "VFIO: the event" "$VFIO" "event 0x2 handle $LINE"
	vfio zpci_error
	check_eq "VFIO: the next event" "$VFIO" ENOMSG
	by_program
	await_accessible
	vfio_close
	guarded_driver_back
	check_regs "after they were written back"
}

# The controller reads where no memory is: the machine blocks it by itself.
wrong_dma_is_passed_on() {
	read_line "$SYSFS_PCI/$KT_DEVICE/class"
	if [ "$LINE" != 0x010802 ]; then
		skip "only of an NVMe controller is known how to have it read from anywhere"
		return 0
	fi
	begin guard || return 0
	fault_clear
	vfio bad_dma
	check_eq "VFIO: a command without memory" "$VFIO" OK
	vfio error
	check_eq "VFIO: the error" "$VFIO" reported
	check_false "the function answers" accessible "$KT_DEVICE"
	read_line "$SYSFS_PCI/$KT_DEVICE/function_handle"
	vfio zpci_error
	check_eq "VFIO: the event" "$VFIO" "event 0x4 handle $LINE"
	by_program
	await_accessible
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	check_guarded "after the reset"
	vfio_close
	guarded_end
}

# The kernel alone, which looks before it saves: the reset restores what was saved before the
# error.
checked() {
	begin || return 0
	reset_after_error "$1"
	check_guarded "after the reset"
	vfio_close
	guarded_driver_back
}

zpci_vfio_need
subtests event_is_passed_on wrong_dma_is_passed_on "checked by_program" "guarded by_program" \
	"checked by_administrator" "guarded by_administrator"
