#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci zpci_nvme
# arch: s390x
#
# What this project comes from: a user program drives a zPCI function through VFIO, an
# error event comes, and the kernel leaves the recovery to the program. It reads what
# has happened (VFIO_DEVICE_FEATURE_ZPCI_ERROR) and resets the function
# (VFIO_DEVICE_RESET) while its config space is inaccessible, so that the reset saves
# what it cannot read.
#
# Disable and enable of a function reset none of its registers in QEMU; on a real machine
# all. They are written before the error here, as a reset would leave them.

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

# begin [guard]: bound to vfio-pci and open.
begin() {
	vfio_bind || fail "$KT_DEVICE does not bind to vfio-pci: $ERRNO"
	if [ "${1-}" = guard ]; then
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fi
	vfio_open
}

# blocked: an error event comes. The kernel tells the program, and leaves the rest to it.
blocked() {
	dmesg_mark "$KT_TEST.blocked"
	check_inject fatal || return 0
	vfio error
	check_eq "VFIO: the error" "$VFIO" reported
	await_dmesg "Leaving recovery of pass-through device to user-space"
	check_false "the function answers" accessible "$KT_DEVICE"
	vfio command
	check_eq "VFIO: Command while it is blocked" "$VFIO" ENODEV
}

# by_program: the program resets it, as often as the kernel is busy with the event.
by_program() {
	wait_for "$KT_WAIT" vfio_has_reset || :
	check_eq "VFIO_DEVICE_RESET" "$VFIO" OK
}

vfio_has_reset() {
	vfio reset
	[ "$VFIO" != EAGAIN ]
}

# by_administrator: the program does not look at its eventfd.
by_administrator() {
	echo "$METHODS" > "$METHOD_FILE"
	reset_device
	check_eq "the reset through sysfs" "$ERRNO" OK
}

# reset_after_error checked|unchecked WHO: an error event, and a reset of the function while it
# is blocked. `checked`: the kernel looks whether it can be read, before it saves it (Linux
# 7.3). `unchecked`: it is as before 7.3, since the function answers this one look.
reset_after_error() {
	local command
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 4)
	device_wipe
	blocked
	[ "$1" = checked ] || fault stuck range=4-7 value="$command" count=1
	"$2"
	fault_off
	await_accessible
}

await_accessible() {
	wait_for "$KT_WAIT" accessible "$KT_DEVICE" || fail "the function does not answer after the reset"
}

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

# The kernel alone, which looks before it saves: the reset restores what was saved before the
# error.
checked() {
	begin || return 0
	reset_after_error checked "$@"
	check_guarded "after the reset"
	vfio_close
	guarded_driver_back
}

# The kernel alone, as it was before: expected to lose the function.
unchecked() {
	local all_ones
	begin || return 0
	reset_after_error unchecked "$@"
	if reference_same "$KT_DEVICE" guarded > "$KT_TMP/damage"; then
		fail "nothing is destroyed: this kernel has learnt something"
	else
		diag_lines < "$KT_TMP/damage"
		all_ones=$(grep -ci -e '-> 0x[0-9a-f]*ffff' "$KT_TMP/damage") || :
		xfail "$(grep -c . "$KT_TMP/damage") registers destroyed, all-ones in $all_ones of them"
	fi
	vfio_close
	guarded_driver_back
	check_regs "after they were written back"
}

guarded() {
	begin guard || return 0
	fault_clear
	reset_after_error "$@"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	check_guarded "after the reset"
	check_guard state ok "$KT_DEVICE"
	vfio_close
	guarded_end
}

undo() {
	fault_off
	vfio_close
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

need_injection
guard_possible || skip_all "$GUARD_REASON"
vfio_possible || skip_all "$VFIO_REASON"
reset_need
fault_need
at_exit undo
subtests event_is_passed_on "checked by_program" "unchecked by_program" \
	"guarded checked by_program" "guarded unchecked by_program" \
	"checked by_administrator" "unchecked by_administrator" \
	"guarded checked by_administrator" "guarded unchecked by_administrator"
