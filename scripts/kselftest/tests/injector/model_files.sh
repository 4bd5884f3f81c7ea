#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Models of the fault injector as files: a text that is not a model is refused with its line and the
# reason, and changes nothing; what is one is found by a rescan, and given back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/present.sh
. "$KT_DIR/lib/present.sh"

# away: the function leaves the bus. back: and is found again, as what stands there.
away() {
	[ ! -e "$SYSFS_PCI/$KT_DEVICE/driver" ] || driver_unbind "$KT_DEVICE"
	# No driver of the kernel's takes what is found.
	echo 0 > /sys/bus/pci/drivers_autoprobe
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	wait_for "$KT_WAIT" device_is_away
}

device_is_away() {
	! pci_exists "$KT_DEVICE"
}

back() {
	[ ! -e "$FAULT_FUNCTION/model" ] || [ "$(cat "$FAULT_FUNCTION/model")" = none ] ||
		write_errno "$FAULT_FUNCTION/model" off
	bus_rescan "$SYSFS_PCI/$KT_PORT"
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE"
	echo 1 > /sys/bus/pci/drivers_autoprobe
	regs_write_back "$KT_DEVICE" reference
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
}

undo() {
	pci_exists "$KT_DEVICE" || back
}

# check_refused TEXT LINE REASON: TEXT (as printf has it) is no model, and the log says so.
check_refused() {
	# shellcheck disable=SC2059 # it is a format
	printf "$1" > "$KT_TMP/broken.model"
	dmesg_mark "$KT_TEST"
	# The log has one line a second for what is written by mistake.
	sleep 1
	present_write "$KT_TMP/broken.model"
	check_eq "writing '$1'" "$ERRNO" EINVAL
	check_dmesg "pci_fault: $KT_DEVICE: no model: line $2: .*$3"
	check_eq "the model after '$1'" "$(cat "$FAULT_FUNCTION/model")" none
}

what_is_no_model_is_refused() {
	away
	check_refused '00: 36 1b f0 ff\n' 1 'the last line must be'
	check_refused 'end\n' 1 'vendor ID'
	check_refused '00: 36 1b f0 ff\nnonsense\nend\n' 2 'begin with OFFSET:'
	check_refused '00: 36 1b f0 ff\n\n# BAR 0\nbar 0 size=5\nend\n' 4 'power of two'
	check_refused '00: 36 1b f0 ff\n10: 00 00 00 fe\nend\n' 3 'has an address'
	check_refused '00: 36 1b f0 ff\nfixed range=0x1000\nend\n' 2 'out of its bounds'
	# As a terminal or a wrong file may have it.
	printf '00: 36 1b \377\nend\n' > "$KT_TMP/broken.model"
	present_write "$KT_TMP/broken.model"
	check_eq "writing bytes that are no text" "$ERRNO" EINVAL
	# A text without an end.
	head -c 66000 /dev/zero | tr '\0' '#' > "$KT_TMP/broken.model"
	present_write "$KT_TMP/broken.model"
	check_eq "writing more than 64 KiB" "$ERRNO" EINVAL
	check_eq "the model" "$(cat "$FAULT_FUNCTION/model")" none
	back
	check_regs "after models that are none"
}

a_function_that_is_there_keeps_its_registers() {
	dmesg_mark "$KT_TEST"
	sleep 1
	present_write "$KT_DIR/models/nic.model"
	check_eq "a model of a function that is on the bus" "$ERRNO" EBUSY
	check_dmesg "remove the function first"
	check_regs "after a model that came too early"
}

what_is_a_model_is_found() {
	away
	present_write "$KT_DIR/models/nic.model"
	check_eq "the model" "$ERRNO" OK
	write_errno "$FAULT_ROOT/unwrap" "$FAULT_BUS"
	check_eq "taking the wrapper off" "$ERRNO" EBUSY
	bus_rescan "$SYSFS_PCI/$KT_PORT"
	if wait_for "$KT_WAIT" pci_exists "$KT_DEVICE"; then
		read_line "$SYSFS_PCI/$KT_DEVICE/device"
		check_eq "what the kernel finds" "$LINE" 0xfff0
		# What was found of the device before is of no use.
		rm -f "$KT_TMP/caps.$KT_DEVICE"
		cap_find "$KT_DEVICE" 001f || fail "the kernel finds no PTM"
		driver_override "$KT_DEVICE" "$DRIVER"
		driver_bind "$KT_DEVICE"
		check_eq "bind" "$ERRNO" OK
		check_write save 1 OK
		write_errno "$FAULT_FUNCTION/model" off
		check_eq "giving it back while it is on the bus" "$ERRNO" EBUSY
	else
		fail "the kernel does not find it"
	fi
	rm -f "$KT_TMP/caps.$KT_DEVICE"
	away
	back
	check_regs "with the device itself again"
}

fault_need
[ -n "$KT_PORT" ] || skip_all "the device is on a root bus"
! fault_stays || skip_all "a model stands for the device already"
at_exit undo
subtests what_is_no_model_is_refused a_function_that_is_there_keeps_its_registers \
	what_is_a_model_is_found
