#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel knows something else of the function than when its state was judged: what
# was good then may be a loss now, even where it is the same byte for byte. The fault
# injector stands in for the driver's own code that turns bus mastering off and on.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

MASTER=4
INTX_DISABLE=0x400

# bus_master 0|1: by the kernel, which knows it then.
bus_master() {
	echo "$1" > "$FAULT_FUNCTION/bus_master"
	check_eq "Bus Master Enable" $(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2) & MASTER)) $(($1 * MASTER))
}

# check_saved_master VALUE: Bus Master Enable in the known-good state.
check_saved_master() {
	saved_value "$PCI_COMMAND"
	check_eq "Bus Master Enable in the known-good state" $((SAVED & MASTER)) "$1"
}

turned_off_is_saved() {
	bus_master 0
	check_write save 1 OK
	check_saved_master 0
}

# Command is, byte for byte, what the known-good state has: but the kernel has turned
# bus mastering on since, and somebody has lost it.
lost_after_it_was_turned_on_is_refused() {
	bus_master 1
	to_command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 $((to_command & ~MASTER))
	events_mark
	check_write save 1 EIO
	check_event "refusal wiped:"
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 "$to_command"
}

turned_on_is_saved() {
	check_write save 1 OK
	check_saved_master $MASTER
	check_saved_agrees "with bus mastering on"
	check_regs "with bus mastering on"
}

# msi 0|1: MSI-X or MSI, and INTx Disable along with it.
msi() {
	echo "$1" > "$FAULT_FUNCTION/msi"
	check_intx_disable "with MSI switched to $1" "$1"
}

# check_intx_disable WHEN 0|1
check_intx_disable() {
	check_eq "INTx Disable $1" $(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2) & INTX_DISABLE)) $(($2 * INTX_DISABLE))
}

# A restore, or a look at it, without a save in between: INTx Disable is as the kernel
# has it now.
msi_is_followed() {
	if ! cap_find "$KT_DEVICE" 05 && ! cap_find "$KT_DEVICE" 11; then
		skip "the device has neither MSI nor MSI-X"
		return 0
	fi
	for mf_on in 1 0; do
		msi $mf_on
		events_mark
		device_wipe
		check_write restore 1 OK
		check_intx_disable "after a restore" $mf_on
		saved_value "$PCI_COMMAND"
		check_eq "INTx Disable in the known-good state" $((SAVED & INTX_DISABLE)) $((mf_on * INTX_DISABLE))
		check_no_event mismatch
	done
	check_write save 1 OK
	check_regs "with MSI off"
}

undo() {
	echo 0 > "$FAULT_FUNCTION/msi"

	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

fault_need
at_exit undo
subtests turned_off_is_saved lost_after_it_was_turned_on_is_refused turned_on_is_saved \
	msi_is_followed
