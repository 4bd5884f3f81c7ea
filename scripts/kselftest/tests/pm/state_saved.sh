#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint e1000e
#
# state_saved tells the PCI core, when the system goes to sleep, that the driver has
# saved and puts the function to sleep by itself. Whatever else saves, restores or
# replaces what the core has saved leaves that flag as it was.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# left_by COMMAND...: as it was, set or not.
left_by() {
	local flag
	for flag in 0 1; do
		echo $flag > "$FAULT_FUNCTION/state_saved"
		"$@"
		read_line "$FAULT_FUNCTION/state_saved"
		check_eq "state_saved after $*" "$LINE" $flag
	done
}

save() {
	check_write save 1 OK
}

# Refused in the middle of what the core saves: the known-good state is loaded again.
refused_save() {
	fault gone from=10 count=4
	check_write save 1 EIO
	fault_off
}

# What the driver does not keep is taken out of the core's buffer, too.
save_without_rom_enable() {
	cfg_write "$KT_DEVICE" 0x30 4 $((ROM | 1))
	check_write save 1 OK
	cfg_write "$KT_DEVICE" 0x30 4 "$ROM"
	check_write save 1 OK
}

save_with_rom() {
	ROM=$(cfg_read "$KT_DEVICE" 0x30 4)
	cfg_write "$KT_DEVICE" 0x30 4 $((ROM | 1))
	if [ $(($(cfg_read "$KT_DEVICE" 0x30 4) & 1)) -eq 0 ]; then
		skip "the device has no expansion ROM"
		return 0
	fi
	cfg_write "$KT_DEVICE" 0x30 4 "$ROM"
	left_by save_without_rom_enable
}

restore() {
	device_wipe
	check_write restore 1 OK
}

bind() {
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	driver_unbind "$KT_DEVICE"
}

bind_wiped() {
	device_wipe
	bind
}

# Lost in the first save: what was in the core's buffer before is put back.
bind_refused() {
	# After the driver's look and the header, which it reads first.
	fault gone from=40
	driver_bind "$KT_DEVICE"
	fault_off
	check_false "it is bound" bound "$KT_DEVICE"
}

unbound() {
	driver_unbind "$KT_DEVICE"
	"$@"
	driver_bind "$KT_DEVICE"
	check_regs "after it was bound again"
}

# The core has saved poison and restored it, and clears the flag: what is put into its
# buffer instead leaves it so.
reset_with_a_poisoned_buffer() {
	local methods
	read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
	methods=$LINE
	case " $methods " in
	*' pm '*) ;;
	*)
		skip "the device has no reset method pm"
		return 0
		;;
	esac
	echo pm > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	device_wipe
	events_mark
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	check_eq "reset" "$ERRNO" OK
	if [ -n "${KT_WITH_GUARD-}" ]; then
		check_no_event core_state_bad
	else
		check_event core_state_bad
	fi
	read_line "$FAULT_FUNCTION/state_saved"
	check_eq "state_saved after the reset" "$LINE" 0
	check_regs "after the reset"
}

fault_need
subtests "left_by save" "left_by refused_save" save_with_rom "left_by restore" \
	"unbound left_by bind" "unbound left_by bind_wiped" "unbound left_by bind_refused" \
	reset_with_a_poisoned_buffer
