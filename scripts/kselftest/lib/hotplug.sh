# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The device under test leaves the bus and comes back: by its slot (pciehp; the
# harness on the host is the hand that plugs), or by `remove` and `rescan`.

SYSFS_BUS=/sys/bus/pci
# Slot Control: Hot-Plug Interrupt Enable; Power Controller Control (1: off) with
# the power indicator, which is on (01) in a slot in use, off (11) in others.
SLOT_HPIE=0x20
SLOT_POWER=0x700
SLOT_ON=0x100
SLOT_OFF=0x700

# away_setup: what leaves can be found again, and is not given to another driver.
away_setup() {
	[ -n "$KT_PORT" ] || skip_all "$KT_DEVICE is on a root bus, there is no port to scan again"
	not_given_away
}

# not_given_away: a function that comes back is not given to another driver, until the test's
# end; some are bound a moment later (PROBE_PREFER_ASYNCHRONOUS).
not_given_away() {
	at_exit away_undo
	echo 0 > "$SYSFS_BUS/drivers_autoprobe"
}

away_undo() {
	echo 1 > "$SYSFS_BUS/drivers_autoprobe"
}

# sysfs_remove, and sysfs_rescan, until the kernel has added it again.
sysfs_remove() {
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
}

sysfs_rescan() {
	bus_rescan "$SYSFS_PCI/$KT_PORT"
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "the function does not come back"
}

# slot_setup: skips the test where the device cannot be pulled out of its slot.
slot_setup() {
	[ "$KT_INJECT" = qemu ] ||
		skip_all "only the harness's emulated hardware can be pulled out and plugged in"
	# Removing takes pciehp's reset_lock below pci_rescan_remove_lock, and the other way
	# round (7.3.4): lockdep reports that once, and is silent then.
	[ ! -e /proc/lockdep_stats ] || skip_all "pciehp itself is reported by lockdep"
	cut_off_possible slot_power || skip_all "$CUT_OFF_REASON"
	[ -e "$SYSFS_BUS/slots/$(slot_name)/power" ] || skip_all "pciehp has no slot at $KT_PORT"
	SLOT_FOUND=$(cfg_read "$KT_PORT" "$SLOT_CONTROL" 2)
	at_exit slot_undo
	away_setup
}

# The device is in its slot, and the indicators are as they were.
slot_undo() {
	if ! pci_exists "$KT_DEVICE"; then
		harness plug "$KT_INJECT_ID" > /dev/null || :
		wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || :
	fi
	cfg_write "$KT_PORT" "$SLOT_CONTROL" 2 "$SLOT_FOUND"
}

# slot_name: prints the slot's name in sysfs, the one below the port.
slot_name() {
	local dir
	for dir in "$SYSFS_BUS"/slots/*; do
		read_line "$dir/address"
		# domain:bus:device, without a function.
		[ "$LINE" != "${KT_DEVICE%.*}" ] || printf '%s\n' "${dir##*/}"
	done
}

# slot_is ON|OFF: true where pciehp has finished, and left the slot so.
slot_is() {
	[ $(($(cfg_read "$KT_PORT" "$SLOT_CONTROL" 2) & SLOT_POWER)) -eq $(($1)) ]
}

# slot_pull: surprise removal. QEMU takes the device out at once when the power
# goes off with the indicator off. pciehp, which cares for no slot whose power is
# off, hears of it when the power is on again: an empty slot.
slot_pull() {
	local on
	on=$((SLOT_FOUND & ~SLOT_POWER | SLOT_ON))
	cfg_write "$KT_PORT" "$SLOT_CONTROL" 2 $(((SLOT_FOUND | SLOT_OFF) & ~SLOT_HPIE))
	cfg_write "$KT_PORT" "$SLOT_CONTROL" 2 $on
}

# device_away: true where it is not on the bus.
device_away() {
	! pci_exists "$KT_DEVICE"
}

# slot_plug: puts it back into the empty slot; until the kernel has added it.
slot_plug() {
	# QEMU lets go of what was there a moment later.
	wait_for "$KT_WAIT" slot_take || fail "cannot plug it in: $SLOT_ERROR"
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "the function does not come back"
	wait_for "$KT_WAIT" slot_is "$SLOT_ON" || fail "the slot is not switched on"
}

slot_take() {
	SLOT_ERROR=$(harness plug "$KT_INJECT_ID")
}

# check_away WHEN: the kernel removes it, within a bound, and nothing is left of it.
check_away() {
	wait_for "$KT_WAIT" device_away || fail "the function is still there $1"
	check_false "debugfs still has files of the function $1" [ -e "$DEBUGFS/$KT_DEVICE" ]
}

# check_new WHEN: what came back is bound, and works: it has a known-good state of
# its own, and recovers from a fatal error.
check_new() {
	firmware_values
	if ! device_bind; then
		fail "$DEVICE_ERROR"
		return 0
	fi
	check_status state ok
	check_status refusals 0
	check_saved_agrees "$1"
	check_regs "$1"
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_regs "after a fatal error, $1"
}

# firmware_values: the kernel gives the function its BARs again, the same as the
# firmware did; SERR# and I/O in Command and the interrupt line were the firmware's,
# and are lost with the function. Nothing else may differ.
firmware_values() {
	local offset before now mask
	regs_same > "$KT_TMP/difference" && return 0
	while read -r offset _ before _ now; do
		case $offset in
		0x004) mask=0x107 ;;
		0x03c) mask=0xff ;;
		*) mask=0 ;;
		esac
		[ $(((before ^ now) & ~mask)) -ne 0 ] || continue
		fail "the function that came back is another one:"
		diag_lines < "$KT_TMP/difference"
		return 0
	done < "$KT_TMP/difference"
	regs_write_back "$KT_DEVICE" reference
}
