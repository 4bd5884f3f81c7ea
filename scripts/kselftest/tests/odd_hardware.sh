#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint e1000e conventional switch
#
# Hardware that is not as most is, as the fault injector presents it: it is bound and
# saved. What no hardware has is refused.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

# odd REASON COMMAND...: binds the function with a register that COMMAND makes odd; the
# log says REASON (empty: nothing). It can be saved, restored and bound again.
odd() {
	od_reason=$1
	shift
	driver_unbind "$KT_DEVICE"
	dmesg_mark "$KT_TEST"
	"$@"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	[ -z "$od_reason" ] || check_dmesg "$KT_DEVICE: .*$od_reason"
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
	if ! cap_find "$KT_DEVICE" 0001; then
		skip "the device has no AER"
		return 0
	fi
	ao_mask=$((CAP + 0x14))
	odd "registers of AER read all-ones by themselves" \
		fault stuck "range=$ao_mask-$((ao_mask + 3))" value=0xffffffff
}

# Nobody was bound when it was wiped: what the core has saved of it is its state.
aer_mask_is_all_ones_and_it_is_wiped() {
	if ! cap_find "$KT_DEVICE" 0001; then
		skip "the device has no AER"
		return 0
	fi
	aw_mask=$((CAP + 0x14))
	driver_unbind "$KT_DEVICE"
	fault stuck "range=$aw_mask-$((aw_mask + 3))" value=0xffffffff
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
	if ! cap_find "$KT_DEVICE" 0001; then
		skip "the device has no AER"
		return 0
	fi
	driver_unbind "$KT_DEVICE"
	al_mask=$((CAP + 0x14))
	fault ones "range=$al_mask-$((al_mask + 3))" count=1
	driver_bind "$KT_DEVICE"
	al_bound=0
	! bound "$KT_DEVICE" || al_bound=1
	fault_off
	check_eq "bound with a mask that was lost" "$al_bound" 0
	[ "$al_bound" = 1 ] || driver_bind "$KT_DEVICE"
	check_status state ok
}

# A reader of the file `rom` in sysfs has it enabled while somebody saves.
rom_enable_is_not_kept() {
	re_rom=$(cfg_read "$KT_DEVICE" 0x30 4)
	cfg_write "$KT_DEVICE" 0x30 4 $((re_rom | 1))
	if [ $(($(cfg_read "$KT_DEVICE" 0x30 4) & 1)) -eq 0 ]; then
		skip "the device has no expansion ROM"
		return 0
	fi
	check_write save 1 OK
	saved_value 0x30
	check_eq "ROM enable in the known-good state" "$((SAVED & 1))" 0
	re_core=$(awk '$1 == "0x030" { print $3 }' "$FAULT_FUNCTION/would_restore")
	check_eq "ROM enable in what the core would restore" $((${re_core:-0} & 1)) 0
	check_write restore 1 OK
	check_eq "ROM enable after a restore" $(($(cfg_read "$KT_DEVICE" 0x30 4) & 1)) 0
	cfg_write "$KT_DEVICE" 0x30 4 "$re_rom"
	check_write save 1 OK
	check_regs "afterwards"
}

# on_bridge COMMAND...: with the bridge above the device as the one that is meant.
on_bridge() {
	ob_device=$KT_DEVICE
	KT_DEVICE=$KT_PORT
	fault_unwrap
	fault_wrap "$KT_DEVICE"
	"$@"
	fault_off
	KT_DEVICE=$ob_device
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
	driver_unbind "$KT_DEVICE"
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

# A save would keep the bus below in reset for ever.
bus_below_is_in_reset() {
	bridge_bind
	bb_control=$(cfg_read "$KT_DEVICE" 0x3e 1)
	fault stuck range=0x3e "value=$((bb_control | 0x40))"
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

# What is below it was not asked whether it may.
stays_awake_in_a_suspend() {
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the bridge has no power management capability"
		return 0
	fi
	sa_control=$(printf '0x%03x' $((CAP + 4)))
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	bridge_bind
	sleep_prepare freeze
	fault_clear
	check_true "the suspend fails" sleep_cycle
	sleep_undo
	check_false "it was put to sleep" sleep_was_written
	check_status state ok
	bridge_unbind
}

# What enables it is not its own: it has no BAR, and what is below it no other way.
decodes_for_its_windows() {
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
	dw_command=$(cfg_read "$KT_DEVICE" 0x04 2)
	cfg_write "$KT_DEVICE" 0x04 2 "$((dw_command & ~7))"
	bridge_bind
	dw_now=$(cfg_read "$KT_DEVICE" 0x04 2)
	check_eq "memory decoding of the bridge" "$((dw_now & 2))" 2
	cfg_write "$KT_DEVICE" 0x04 2 "$((dw_command | 7))"
	bridge_unbind
}

sleep_was_written() {
	fault_record | grep -q "^$FAULT_FN w $sa_control 2 0x...[37bf] "
}

bridge() {
	need_bridge || return 0
	on_bridge "$1"
}

fault_need
subtests bus_master_is_hard_wired aer_mask_is_all_ones \
	aer_mask_is_all_ones_and_it_is_wiped aer_mask_is_lost_once \
	rom_enable_is_not_kept "bridge primary_bus_is_0" "bridge bus_below_is_in_reset" \
	"bridge stays_awake_in_a_suspend" "bridge decodes_for_its_windows"
