#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel knows something else of the function than when its state was judged: what
# was good then may be a loss now, even where it is the same byte for byte. The fault
# injector stands in for the driver's own code that turns bus mastering off and on.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

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
	local command
	bus_master 1
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 $((command & ~MASTER))
	events_mark
	check_write save 1 EIO
	check_event "refusal wiped:"
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 "$command"
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
	local on
	if ! cap_find "$KT_DEVICE" 05 && ! cap_find "$KT_DEVICE" 11; then
		skip "the device has neither MSI nor MSI-X"
		return 0
	fi
	for on in 1 0; do
		msi $on
		events_mark
		device_wipe
		check_write restore 1 OK
		check_intx_disable "after a restore" $on
		saved_value "$PCI_COMMAND"
		check_eq "INTx Disable in the known-good state" $((SAVED & INTX_DISABLE)) $((on * INTX_DISABLE))
		check_no_event mismatch
	done
	check_write save 1 OK
	check_regs "with MSI off"
}

# bar_moves: the kernel moves the first BAR. Sets MOVED to what it holds now.
bar_moves() {
	local before
	before=$(cfg_read "$KT_DEVICE" "$BAR" 4)
	echo $(((BAR - 16) / 4)) > "$FAULT_FUNCTION/move_bar"
	MOVED=$(cfg_read "$KT_DEVICE" "$BAR" 4)
	[ "$MOVED" != "$before" ] || fail "the BAR has not moved from $MOVED"
	events_mark
}

# check_moved WHEN: it is where the kernel has moved it to, in the known-good state, too.
check_moved() {
	check_eq "the BAR $1" "$(cfg_read "$KT_DEVICE" "$BAR" 4)" "$MOVED"
	saved_value "$BAR"
	check_eq "the BAR in the known-good state $1" "$SAVED" "$MOVED"
	check_no_event refusal mismatch lost
	check_status state ok
}

# With each of what may come next and the last one with a save: and back it moves.
moved_bar_is_followed() {
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		skip "the device has no base address register"
		return 0
	fi
	BAR=${BARS%% *}
	bar_moves
	check_write save 1 OK
	check_moved "after a save"
	bar_moves
	device_wipe
	check_write restore 1 OK
	check_moved "after a restore"
	bar_moves
	reset
	check_moved "after a reset"
	if [ "$KT_INJECT" != none ]; then
		bar_moves
		check_inject nonfatal || return 0
		await_event resume
		check_callbacks "error_detected normal can_recover; mmio_enabled recovered; resume"
		check_moved "after a non-fatal error"
	else
		bar_moves
		check_write save 1 OK
	fi
	check_regs "with the BAR where it was"
}

# lost_and_msi COMMAND...: the function counts as lost, and is as it should be, but that the
# kernel has switched MSI on, or off, since: COMMAND, which has nothing to save, finds
# nothing wrong.
lost_and_msi() {
	local bar on value
	if ! cap_find "$KT_DEVICE" 05 && ! cap_find "$KT_DEVICE" 11; then
		skip "the device has neither MSI nor MSI-X"
		return 0
	fi
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		skip "the device has no base address register in use"
		return 0
	fi
	bar=${BARS%% *}
	for on in 1 0; do
		value=$(cfg_read "$KT_DEVICE" "$bar" 4)
		fault stuck value=0 "range=$bar-$((bar + 3))"
		check_write restore 1 EIO
		fault_off
		cfg_write "$KT_DEVICE" "$bar" 4 "$value"
		check_status state lost
		msi $on
		events_mark
		"$@"
		check_no_event mismatch core_state_bad lost
		check_intx_disable "after $*" $on
		check_status state ok
		check_write save 1 OK
	done
	check_regs "with MSI off"
}

reset() {
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	check_eq "write to reset" "$ERRNO" OK
}

suspend() {
	sleep_prepare freeze
	check_true "the suspend fails" sleep_cycle
	sleep_undo
}

undo() {
	echo 0 > "$FAULT_FUNCTION/msi"

	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

fault_need
at_exit undo
subtests turned_off_is_saved lost_after_it_was_turned_on_is_refused turned_on_is_saved \
	msi_is_followed moved_bar_is_followed "lost_and_msi reset" "lost_and_msi suspend"
