#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint e1000e conventional switch
#
# Hardware that is not as most is, as the fault injector presents it: it is bound and
# saved. What no hardware has is refused.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

# odd REASON COMMAND...: binds the function with a register that COMMAND makes odd; the
# log says REASON (empty: nothing). It can be saved, restored and bound again.
odd() {
	local reason
	reason=$1
	shift
	driver_unbind "$KT_DEVICE"
	dmesg_mark "$KT_TEST"
	"$@"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	[ -z "$reason" ] || check_dmesg "$KT_DEVICE: .*$reason"
	if bound "$KT_DEVICE"; then
		check_write save 1 OK
		check_write save 1 OK
		check_write restore 1 OK
		check_status state ok
		check_status refusals 0
	fi
	fault_off
	driver_unbind "$KT_DEVICE"
	# What was written while it read something else.
	regs_write_back "$KT_DEVICE" reference
	driver_bind "$KT_DEVICE"
	check_eq "bind without the fault" "$ERRNO" OK
	check_regs "afterwards"
}

# A UART card, which never masters the bus: memory and I/O is all that Command takes.
bus_master_is_hard_wired() {
	odd "Bus Master Enable is hard-wired to 0" fault stuck range=0x04 value=0x03
}

aer_mask_is_all_ones() {
	local mask
	if ! cap_find "$KT_DEVICE" 0001; then
		skip "the device has no AER"
		return 0
	fi
	mask=$((CAP + 0x14))
	odd "registers of AER read all-ones by themselves" \
		fault stuck "range=$mask-$((mask + 3))" value=0xffffffff
}

# No driver was bound when it was wiped: the core's saved state is its state.
aer_mask_is_all_ones_and_it_is_wiped() {
	local mask
	if ! cap_find "$KT_DEVICE" 0001; then
		skip "the device has no AER"
		return 0
	fi
	mask=$((CAP + 0x14))
	driver_unbind "$KT_DEVICE"
	fault stuck "range=$mask-$((mask + 3))" value=0xffffffff
	echo 1 > "$FAULT_FUNCTION/save"
	device_wipe
	dmesg_mark "$KT_TEST"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	check_dmesg "$KT_DEVICE: it was not in order .*restored what the core had saved"
	fault_off
	driver_unbind "$KT_DEVICE"
	regs_write_back "$KT_DEVICE" reference
	driver_bind "$KT_DEVICE"
	check_eq "bind without the fault" "$ERRNO" OK
	check_regs "afterwards"
}

# Once it reads something else, all-ones would be a loss again: but a mask of which the
# first save was lost is none that reads so twice.
aer_mask_is_lost_once() {
	local mask bound
	if ! cap_find "$KT_DEVICE" 0001; then
		skip "the device has no AER"
		return 0
	fi
	driver_unbind "$KT_DEVICE"
	mask=$((CAP + 0x14))
	fault ones "range=$mask-$((mask + 3))" count=1
	driver_bind "$KT_DEVICE"
	bound=0
	! bound "$KT_DEVICE" || bound=1
	fault_off
	check_eq "bound with a mask that was lost" "$bound" 0
	[ "$bound" = 1 ] || driver_bind "$KT_DEVICE"
	check_status state ok
}

# A reader of the file `rom` in sysfs has it enabled while somebody saves.
rom_enable_is_not_kept() {
	local rom core
	rom=$(cfg_read "$KT_DEVICE" 0x30 4)
	cfg_write "$KT_DEVICE" 0x30 4 $((rom | 1))
	if [ $(($(cfg_read "$KT_DEVICE" 0x30 4) & 1)) -eq 0 ]; then
		skip "the device has no expansion ROM"
		return 0
	fi
	check_write save 1 OK
	saved_value 0x30
	check_eq "ROM enable in the known-good state" "$((SAVED & 1))" 0
	core=$(awk '$1 == "0x030" { print $3 }' "$FAULT_FUNCTION/would_restore")
	check_eq "ROM enable in what the core would restore" $((${core:-0} & 1)) 0
	check_write restore 1 OK
	check_eq "ROM enable after a restore" $(($(cfg_read "$KT_DEVICE" 0x30 4) & 1)) 0
	cfg_write "$KT_DEVICE" 0x30 4 "$rom"
	check_write save 1 OK
	check_regs "afterwards"
}

# on_bridge COMMAND...: with the bridge above the device as the one that is meant.
on_bridge() {
	local device
	device=$KT_DEVICE
	KT_DEVICE=$KT_PORT
	fault_unwrap
	fault_wrap "$KT_DEVICE"
	"$@"
	fault_off
	KT_DEVICE=$device
	fault_unwrap
	fault_wrap "$KT_DEVICE"
}

# need_bridge: a conventional bridge above, below a port, so that its own bus is not 0.
need_bridge() {
	pci_upstream_port "$KT_PORT"
	if [ -z "$PORT" ]; then
		skip "there is no bridge above the device that is below a port"
		return 1
	fi
}

# bridge_bind: instead of the driver that it has. bridge_unbind: and back.
bridge_bind() {
	[ ! -d "$SYSFS_PCI/$KT_DEVICE/driver" ] || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	check_eq "bind the bridge" "$ERRNO" OK
}

bridge_unbind() {
	local command
	driver_unbind "$KT_DEVICE"
	# What is below it goes on.
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	check_eq "Bus Master Enable of the bridge when unbound" $((command & 4)) 4
	driver_override "$KT_DEVICE" ""
	write_errno /sys/bus/pci/drivers_probe "$KT_DEVICE"
	# It may have got another vector than before; nothing else differs.
	if ! reference_same "$KT_DEVICE" port > "$KT_TMP/bridge.diff"; then
		if grep -qv ' MSI+' "$KT_TMP/bridge.diff"; then
			fail "the bridge has other registers than before:"
			diag_lines < "$KT_TMP/bridge.diff"
		fi
		reference_take "$KT_DEVICE" port
	fi
}

# The kernel knows such bridges (probe.c) by their other two numbers.
primary_bus_is_0() {
	fault stuck range=0x18 value=0
	bridge_bind
	check_write save 1 OK
	check_write save 1 OK
	check_write restore 1 OK
	check_status state ok
	fault_off
	bridge_unbind
}

# A save would keep the bus below in reset for good.
bus_below_is_in_reset() {
	local control
	bridge_bind
	control=$(cfg_read "$KT_DEVICE" 0x3e 1)
	fault stuck range=0x3e "value=$((control | 0x40))"
	check_write save 1 EIO
	status_get last_refusal
	case $STATUS in
	'PCI_BRIDGE_CONTROL '*) ;;
	*) fail "the refusal does not name Bridge Control: $STATUS" ;;
	esac
	fault_off
	check_write save 1 OK
	bridge_unbind
}

# What enables it is not its own: it has no BAR, and what is below it no other way.
decodes_for_its_windows() {
	local command now
	if [ -n "$(sed -n '1,6{/^0x0* 0x0* 0x0*$/!p}' "$SYSFS_PCI/$KT_DEVICE/resource")" ]; then
		skip "the bridge has a BAR, too"
		return 0
	fi
	if [ -z "$(sed -n '15,16{/^0x0* 0x0* 0x0*$/!p}' "$SYSFS_PCI/$KT_DEVICE/resource")" ]; then
		skip "the bridge has no window for memory"
		return 0
	fi
	[ ! -d "$SYSFS_PCI/$KT_DEVICE/driver" ] || driver_unbind "$KT_DEVICE"
	while [ "$(cat "$SYSFS_PCI/$KT_DEVICE/enable")" != 0 ]; do
		echo 0 > "$SYSFS_PCI/$KT_DEVICE/enable" || break
	done
	command=$(cfg_read "$KT_DEVICE" 0x04 2)
	cfg_write "$KT_DEVICE" 0x04 2 "$((command & ~7))"
	bridge_bind
	now=$(cfg_read "$KT_DEVICE" 0x04 2)
	check_eq "memory decoding of the bridge" "$((now & 2))" 2
	cfg_write "$KT_DEVICE" 0x04 2 "$((command | 7))"
	bridge_unbind
}

# added_anew: the kernel finds the function once more, as it reads now; no driver takes it.
added_anew() {
	echo 0 > /sys/bus/pci/drivers_autoprobe
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "the function does not come back"
	echo 1 > /sys/bus/pci/drivers_autoprobe
	driver_override "$KT_DEVICE" "$DRIVER"
}

# Firmware has left the ROM enabled, and nothing else of the function is in memory.
decodes_for_its_rom() {
	local rom command
	rom=$(cfg_read "$KT_DEVICE" 0x30 4)
	cfg_write "$KT_DEVICE" 0x30 4 $((rom | 1))
	if [ $(($(cfg_read "$KT_DEVICE" 0x30 4) & 1)) -eq 0 ]; then
		skip "the device has no expansion ROM"
		return 0
	fi
	driver_unbind "$KT_DEVICE"
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
	fault zeros range=0x10-0x27
	added_anew
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	check_eq "memory decoding (Command $command)" $((command & 2)) 2
	check_write save 1 OK
	driver_unbind "$KT_DEVICE"
	fault_off
	cfg_write "$KT_DEVICE" 0x30 4 "$rom"
	added_anew
	regs_write_back "$KT_DEVICE" reference
	driver_bind "$KT_DEVICE"
	check_eq "bind without the fault" "$ERRNO" OK
	check_regs "afterwards"
}

bridge() {
	need_bridge || return 0
	on_bridge "$1"
}

fault_need
subtests bus_master_is_hard_wired aer_mask_is_all_ones \
	aer_mask_is_all_ones_and_it_is_wiped aer_mask_is_lost_once \
	rom_enable_is_not_kept decodes_for_its_rom "bridge primary_bus_is_0" "bridge bus_below_is_in_reset" \
	"bridge decodes_for_its_windows"
