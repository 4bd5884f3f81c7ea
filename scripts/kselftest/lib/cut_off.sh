# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Makes a function read all-ones from outside, and brings it back; wipes it;
# and finds a witness that shows whether it has been reset.
#
#   secondary_bus  the port's Secondary and Subordinate Bus numbers become 0, as
#                  after a reset: configuration requests are lost. Both, or
#                  the port would claim the buses of its neighbours. The function
#                  keeps its state.
#   slot_power     Slot Control, Power Controller Control (bit 10), with the
#                  power indicator on. The function comes back wiped.

CUT_OFF=
HOTPLUG_SERVICE=

# hotplug_detach: takes the port from pciehp, which removes a device when it
# notices that it is gone: at once on most hardware when the slot's power goes,
# in QEMU only on resume. hotplug_attach: gives the port back.
hotplug_detach() {
	local dir
	[ -n "$KT_PORT" ] || return 0
	for dir in "$SYSFS_PCI/$KT_PORT/$KT_PORT":pcie*; do
		[ -e "/sys/bus/pci_express/drivers/pciehp/${dir##*/}" ] || continue
		HOTPLUG_SERVICE=${dir##*/}
		echo "$HOTPLUG_SERVICE" > /sys/bus/pci_express/drivers/pciehp/unbind
	done
}

hotplug_attach() {
	[ -n "$HOTPLUG_SERVICE" ] || return 0
	echo "$HOTPLUG_SERVICE" > /sys/bus/pci_express/drivers/pciehp/bind
	HOTPLUG_SERVICE=
}

# slot_control PORT: sets SLOT_CONTROL to the register's offset; false, with
# the reason in CUT_OFF_REASON, when the slot's power cannot be switched.
slot_control() {
	CUT_OFF_REASON="the port $1 has no slot with a power controller and indicator"
	cap_find "$1" 10 || return 1
	# PCI_EXP_FLAGS_SLOT, then PCI_EXP_SLTCAP_PCP and _PIP.
	[ $(($(cfg_read "$1" $((CAP + 2)) 2) & 0x100)) -ne 0 ] || return 1
	[ $(($(cfg_read "$1" $((CAP + 20)) 4) & 0x12)) -eq 18 ] || return 1
	SLOT_CONTROL=$((CAP + 24))
}

# cut_off_possible METHOD: false, with CUT_OFF_REASON, when it cannot be done here.
cut_off_possible() {
	CUT_OFF_REASON="the device is on a root bus, there is no port to cut it off at"
	[ -n "$KT_PORT" ] || return 1
	case $1 in
	slot_power) slot_control "$KT_PORT" ;;
	esac
}

# device_cut_off METHOD: from now on its configuration space reads all-ones.
device_cut_off() {
	cut_off_possible "$1" || return 1
	case $1 in
	secondary_bus)
		cut_off_offset=$PCI_PRIMARY_BUS
		cut_off_size=4
		;;
	slot_power)
		cut_off_offset=$SLOT_CONTROL
		cut_off_size=2
		;;
	esac
	cut_off_value=$(cfg_read "$KT_PORT" "$cut_off_offset" "$cut_off_size")
	CUT_OFF=$1
	case $1 in
	secondary_bus)
		cfg_write "$KT_PORT" "$cut_off_offset" 4 $((cut_off_value & 0xff0000ff))
		;;
	slot_power)
		# Indicator on (bits 9:8 are 01) with the power off.
		cut_off_lit=$((cut_off_value & ~0x300 | 0x100))
		cfg_write "$KT_PORT" "$cut_off_offset" 2 $((cut_off_lit | 0x400))
		;;
	esac
	if accessible "$KT_DEVICE"; then
		CUT_OFF_REASON="$1 did not make $KT_DEVICE read all-ones"
		device_reconnect
		return 1
	fi
}

# port_reconnect: undoes what device_cut_off did to the port, where the function may not
# be there any more.
port_reconnect() {
	[ -z "$CUT_OFF" ] || cfg_write "$KT_PORT" "$cut_off_offset" "$cut_off_size" "$cut_off_value"
	CUT_OFF=
}

# device_reconnect: undoes device_cut_off; does nothing when the device is there.
device_reconnect() {
	case $CUT_OFF in
	secondary_bus) cfg_write "$KT_PORT" "$cut_off_offset" 4 "$cut_off_value" ;;
	slot_power)
		cfg_write "$KT_PORT" "$cut_off_offset" 2 "$cut_off_lit"
		wait_for "$KT_WAIT" accessible "$KT_DEVICE" || :
		cfg_write "$KT_PORT" "$cut_off_offset" 2 "$cut_off_value"
		;;
	*) return 0 ;;
	esac
	CUT_OFF=
	wait_for "$KT_WAIT" accessible "$KT_DEVICE"
}

# device_wipe: makes the state after a bus reset without a restore: BARs 0, Command 0.
device_wipe() {
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
	guest config-write "$KT_DEVICE" $((PCI_BASE_ADDRESS_0)) 4 0 0 0 0 0 0
}

# witness_find: sets WITNESS to "OFFSET SIZE BIT VALUE" of a bit that a reset
# clears and that is neither saved nor restored: MSI-X Function Mask while MSI-X is
# off, else the MSI address while MSI is off. False when there is none.
witness_find() {
	local control
	if cap_find "$KT_DEVICE" 11; then
		control=$(cfg_read "$KT_DEVICE" $((CAP + 2)) 2)
		WITNESS="$((CAP + 2)) 2 0x4000"
		[ $((control & 0xc000)) -ne 0 ] || return 0
	fi
	if cap_find "$KT_DEVICE" 05; then
		control=$(cfg_read "$KT_DEVICE" $((CAP + 2)) 2)
		WITNESS="$((CAP + 4)) 4 0x5a5a5a58"
		[ $((control & 1)) -ne 0 ] || return 0
	fi
	WITNESS=
	return 1
}

# witness_set: sets the bit; false when it does not stick.
witness_set() {
	local value
	# shellcheck disable=SC2086 # three words
	set -- $WITNESS
	value=$(cfg_read "$KT_DEVICE" "$1" "$2")
	cfg_write "$KT_DEVICE" "$1" "$2" $((value | $3))
	witness_is_set
}

witness_is_set() {
	# shellcheck disable=SC2086
	set -- $WITNESS
	[ $(($(cfg_read "$KT_DEVICE" "$1" "$2") & $3)) -eq $(($3)) ]
}

witness_clear() {
	local value
	# shellcheck disable=SC2086
	set -- $WITNESS
	value=$(cfg_read "$KT_DEVICE" "$1" "$2")
	cfg_write "$KT_DEVICE" "$1" "$2" $((value & ~$3))
}
