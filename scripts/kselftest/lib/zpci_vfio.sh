# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# A zPCI function in the hands of a user program, through VFIO: an error event blocks it, the
# kernel leaves the recovery to the program, and it is reset. Needs lib/guard.sh,
# lib/guarded.sh, lib/pci_stub.sh, lib/reset.sh, lib/vfio.sh and the injector.
#
# Disable and enable of a function reset none of its registers in QEMU; on a real machine
# all. They are written before the error here, as a reset would leave them.

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

# by_administrator: the program does not look at its eventfd.
by_administrator() {
	echo "$METHODS" > "$METHOD_FILE"
	reset_device
	check_eq "the reset through sysfs" "$ERRNO" OK
}

# reset_after_error WHO: an error event, and a reset of the function while it is blocked.
reset_after_error() {
	device_wipe
	blocked
	"$1"
	await_accessible
}

await_accessible() {
	wait_for "$KT_WAIT" accessible "$KT_DEVICE" || fail "the function does not answer after the reset"
}

# guarded WHO: with pci_guard it is as before, whatever the kernel does.
guarded() {
	begin guard || return 0
	fault_clear
	reset_after_error "$1"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	check_guarded "after the reset"
	check_guard state ok "$KT_DEVICE"
	vfio_close
	guarded_end
}

zpci_vfio_undo() {
	fault_off
	vfio_close
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

# zpci_vfio_need: skips the whole test where this cannot be done; cleans up at its end.
zpci_vfio_need() {
	need_injection
	guard_possible || skip_all "$GUARD_REASON"
	vfio_possible || skip_all "$VFIO_REASON"
	reset_need
	fault_need
	at_exit zpci_vfio_undo
}
