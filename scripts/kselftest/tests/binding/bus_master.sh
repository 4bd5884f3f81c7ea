#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# weight: 7
#
# A function without a driver is no bus master: its driver's memory is freed, and a
# function may still write into it. Nor does the kernel make it one again, by what it
# has saved.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/edu.sh
. "$KT_DIR/lib/edu.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

MASTER=4
RESET_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
read_line "$RESET_FILE"
RESETS=$LINE

undo() {
	fault_unload
	bound "$KT_DEVICE" || device_bind
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
	echo "$RESETS" > "$RESET_FILE"
}
at_exit undo

# check_master WHEN YES: checks whether the function is a bus master, by its Command register.
check_master() {
	FOUND_COMMAND=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	check_eq "Bus Master Enable $1 (Command $FOUND_COMMAND)" $((FOUND_COMMAND & MASTER)) "$2"
}

unbind_it() {
	check_master "while it is bound" $MASTER
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	check_master "when unbound" 0
}

bind_again() {
	device_bind || fail "$DEVICE_ERROR"
	check_status state ok
	check_regs "when bound again"
}

# resumed_unbound: the kernel suspends a function without a driver in D0: it saves its
# state, and restores it.
resumed_unbound() {
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	control on
	is_active || fail "not active but $LINE"
	check_master "when unbound and resumed" 0
}

unbound_while_active() {
	unbind_it
	control auto
	resumed_unbound
	bind_again
}

# It is the core that suspends it, before the driver's data is gone.
unbound_while_suspended() {
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	unbind_it
	resumed_unbound
	bind_again
}

module_unloaded() {
	own_module || return 0
	control auto
	module_unload || fail "cannot unload the module: $MODULE_ERROR"
	check_master "when the module is unloaded" 0
	resumed_unbound
	bind_again
}

# another_driver unbind|rmmod: QEMU's edu, whose driver has a buffer for DMA.
another_driver() {
	local device
	device=$KT_DEVICE
	if ! device_bdf edu0 || [ ! -e "$EDU_MODULE" ]; then
		skip "there is no edu0 in this topology, or no $EDU_DRIVER.ko"
		return 0
	fi
	edu_take "$BDF"
	KT_DEVICE=$BDF
	control auto
	check_master "while it is bound" $MASTER
	case $1 in
	unbind) driver_unbind "$KT_DEVICE" ;;
	rmmod) rmmod "$EDU_DRIVER" ;;
	esac
	check_master "after $1" 0
	resumed_unbound
	KT_DEVICE=$device
	edu_give_back
}

# The kernel counts who has enabled it, and switches nothing off before the last.
enabled_by_somebody_else() {
	unbind_it
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/enable"
	bind_again
	unbind_it
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/enable"
	bind_again
}

# A reset whose save is left out, since the function does not answer: what is restored
# is what was saved while it was bound.
reset_unbound() {
	case " $RESETS " in
	*' flr '*) ;;
	*)
		skip "the device offers no FLR"
		return 0
		;;
	esac
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	unbind_it
	echo flr > "$RESET_FILE"
	fault_load
	fault_wrap "$KT_DEVICE"
	fault ones "range=$PCI_COMMAND-$((PCI_COMMAND + 3))" count=1
	dmesg_mark "$KT_TEST.reset_unbound"
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	check_eq "write to reset in sysfs" "$ERRNO" OK
	fault_unload
	if dmesg_has "inaccessible; unable to save state"; then
		check_master "when unbound and reset" 0
	else
		skip "this kernel saves what does not answer"
		regs_write_back "$KT_DEVICE" reference
	fi
	bind_again
}

sleep_unbound() {
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	unbind_it
	sleep_prepare freeze
	sleep_cycle freeze || fail "the suspend failed"
	sleep_undo
	check_master "when unbound, after the system slept" 0
	bind_again
}

# A probe that fails when the function is enabled: its first save is refused.
probe_fails() {
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	unbind_it
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	fault_load
	fault_wrap "$KT_DEVICE"
	# The subsystem IDs are read when it is resumed, before it is enabled, and then by
	# the save.
	fault ones range=0x2c-0x2f from=2
	dmesg_mark "$KT_TEST.probe_fails"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	check_dmesg "cannot recover a function without a known-good state"
	fault_unload
	check_master "when its probe has failed" 0
	resumed_unbound
	bind_again
}

# all_ones_at_unbind: it does not answer to reads when it is unbound, and it is there.
all_ones_at_unbind() {
	local before
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	fault_load
	fault_wrap "$KT_DEVICE"
	before=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	fault ones
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	fault_unload
	check_master "when it answers again" 0
	# Only decoding is off: it might have been reset.
	check_eq "Command (was $before)" $((FOUND_COMMAND)) $((before & ~7))
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	# The driver has no use for I/O, which the firmware had enabled.
	regs_write_back "$KT_DEVICE" reference
	check_regs "when bound again"
}

# resumed_by_the_kernel: which makes a function without a driver a bus master again where
# it was enabled, and the kernel takes it for one.
resumed_by_the_kernel() {
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	unbind_it
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/enable"
	bind_again
	fault_load
	fault_wrap "$KT_DEVICE"
	fault ones
	driver_unbind "$KT_DEVICE"
	fault_unload
	check_master "when it answers again" 0
	sleep_prepare freeze
	sleep_cycle freeze || fail "the suspend failed"
	sleep_undo
	check_master "after the system slept" 0
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/enable"
	driver_bind "$KT_DEVICE"
	regs_write_back "$KT_DEVICE" reference
	check_regs "when bound again"
}

# poison_at_unbind: it reads all-ones, and the core has saved that.
poison_at_unbind() {
	local command
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	fault_load
	fault_wrap "$KT_DEVICE"
	fault ones
	echo 1 > "$FAULT_FUNCTION/save"
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	fault_off
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	check_eq "Command" $((command)) 0
	grep -q '^0x004 4 0xffffffff$' "$FAULT_FUNCTION/would_restore" ||
		fail "the poison has changed: $(grep '^0x004 ' "$FAULT_FUNCTION/would_restore")"
	fault_unload
	regs_write_back "$KT_DEVICE" reference
	bind_again
}

# gone_at_unbind: it does not answer; the unbinding ends nevertheless.
gone_at_unbind() {
	local start
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	fault_load
	fault_wrap "$KT_DEVICE"
	fault gone
	uptime_cs
	start=$UPTIME_CS
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	uptime_cs
	[ $((UPTIME_CS - start)) -lt $((KT_WAIT * 100)) ] ||
		fail "the unbinding took $((UPTIME_CS - start)) hundredths of a second"
	fault_unload
	# No write reached it.
	check_master "when it is there again" $MASTER
	bind_again
}

subtests unbound_while_active unbound_while_suspended module_unloaded \
	"another_driver unbind" "another_driver rmmod" enabled_by_somebody_else \
	reset_unbound sleep_unbound probe_fails all_ones_at_unbind \
	resumed_by_the_kernel poison_at_unbind gone_at_unbind
