#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme e1000e sriov zpci
# timeout: 90
#
# A capability list that loops, leads astray or ends early. Where it hides a capability
# that the core saves, the first save is refused, and says why: the core would save what
# it still finds, without an error. Otherwise the kernel copes with such hardware, and
# so does the driver.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

# check_list HIDDEN REASON: armed is a fault that breaks a list. Where it hides the
# capability HIDDEN (empty: none) the first save is refused, and with it the driver, for
# that reason; without the fault the driver binds. Otherwise it binds, and REASON, if
# there is one, is a warning.
check_list() {
	driver_unbind "$KT_DEVICE"
	dmesg_mark "$KT_TEST"
	driver_bind "$KT_DEVICE"
	if [ -n "$1" ]; then
		check_false "the driver is bound" bound "$KT_DEVICE"
	else
		diag "nothing that is saved is hidden"
		check_true "the driver is not bound" bound "$KT_DEVICE"
	fi
	[ -z "$2" ] || check_true "no line '$2' in dmesg" dmesg_has "$2"
	fault_off
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	check_true "the driver is not bound without the fault" bound "$KT_DEVICE"
	check_regs "after the bind"
}

# next_is VALUE: the first capability points to VALUE.
next_is() {
	fault stuck "range=$((FIRST + 1))" "value=$1"
}

# ends LIST HIDDEN: the reason where a list just ends.
ends() {
	ENDS=
	[ -z "$2" ] || ENDS="${1}capability 0x${2#00} is in no list any more"
}

ends_early() {
	next_is 0
	ends "" "$HIDDEN"
	check_list "$HIDDEN" "$ENDS"
}

loops() {
	next_is "$FIRST"
	check_list "$HIDDEN" "$(printf 'a capability list loops, it comes back to 0x%03x' "$FIRST")"
}

leads_astray() {
	fault stuck "range=$FIRST" value=0xff
	check_list "$ORDINARY" "$(printf 'a capability list leads to 0x%03x, which reads all-ones' "$FIRST")"
}

# Status says that there is no list.
is_not_there() {
	fault stuck range=0x06 value=0
	ends "" "$ORDINARY"
	check_list "$ORDINARY" "$ENDS"
}

# need_extended: sets EXTENDED to the first extended capability, or skips.
need_extended() {
	EXTENDED=$(cfg_read "$KT_DEVICE" 0x100 4) || EXTENDED=0
	case $((EXTENDED)) in
	0 | 4294967295)
		skip "the device has no extended capabilities"
		return 1
		;;
	esac
}

extended_is_not_there() {
	need_extended || return 0
	fault stuck range=0x100-0x103 value=0
	check_list "$EXTENDED_ANY" "${EXTENDED_ANY:+is in no list any more}"
}

extended_loops() {
	need_extended || return 0
	# Next Capability Offset, the upper 12 bits: 0x100.
	fault stuck range=0x102-0x103 "value=$((EXTENDED >> 16 & 0xf | 0x1000))"
	check_list "$EXTENDED_BEHIND" "a capability list loops, it comes back to 0x100"
}

extended_leads_astray() {
	need_extended || return 0
	fault stuck range=0x100-0x103 value=0xffffffff
	check_list "$EXTENDED_ANY" "a capability list leads to 0x100, which reads all-ones"
}

# ltr_reads VALUE: behind the last capability there is one of LTR.
ltr_reads() {
	fault stuck "range=$((LAST_CAP + 2))-$((LAST_CAP + 3))" "value=$((EXTENDED >> 16 & 0xf | 0x7000))"
	fault stuck range=0x700-0x703 value=0x00010018
	fault stuck range=0x704-0x707 "value=$1"
}

# What the core saves is compared wherever the list leads to, here to Latency Tolerance
# Reporting, which the fault injector presents.
is_compared_where_the_list_leads() {
	local deviations
	need_extended || return 0
	if cap_find "$KT_DEVICE" 0018 || [ -z "$KT_PORT" ]; then
		skip "the device has LTR, or no port to scan again"
		return 0
	fi
	LAST_CAP=0x100
	while [ $((EXTENDED >> 20)) -ne 0 ]; do
		LAST_CAP=$((EXTENDED >> 20))
		EXTENDED=$(cfg_read "$KT_DEVICE" "$LAST_CAP" 4)
	done
	echo 0 > /sys/bus/pci/drivers_autoprobe
	driver_unbind "$KT_DEVICE"
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	ltr_reads 0x10011001
	echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
	echo 1 > /sys/bus/pci/drivers_autoprobe
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	check_write restore 1 OK
	saved_value 0x704
	check_eq "LTR in the known-good state" "$((SAVED))" "$((0x10011001))"
	status_get deviations
	deviations=$STATUS
	events_mark
	fault_off
	ltr_reads 0x10011002
	check_write restore 1 OK
	check_event "mismatch PCI_LTR_MAX_SNOOP_LAT"
	check_status deviations $((deviations + 1))
	driver_unbind "$KT_DEVICE"
	fault_off
	echo 0 > /sys/bus/pci/drivers_autoprobe
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
	echo 1 > /sys/bus/pci/drivers_autoprobe
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	regs_write_back "$KT_DEVICE" reference
	rebind
	check_regs "afterwards"
}

fault_need
FIRST=$(cfg_read "$KT_DEVICE" 0x34 1)
[ $((FIRST)) -ne 0 ] || skip_all "the device has no capabilities"
[ $(($(cfg_read "$KT_DEVICE" $((FIRST + 1)) 1))) -ne 0 ] ||
	skip_all "the device has only one capability"

# What the core saves: PCI Express and PCI-X; of the extended ones AER, VC, TPH, LTR, DPC,
# L1 PM Substates and PTM. Of those the function has: any, and any behind the first one.
ORDINARY=
HIDDEN=
for id in 07 10; do
	cap_find "$KT_DEVICE" $id || continue
	ORDINARY=$id
	[ $((CAP)) -eq $((FIRST)) ] || HIDDEN=$id
done
EXTENDED_ANY=
EXTENDED_BEHIND=
for id in 0001 0002 0008 0009 0017 0018 001d 001e 001f; do
	cap_find "$KT_DEVICE" $id || continue
	EXTENDED_ANY=$id
	[ $((CAP)) -eq 256 ] || EXTENDED_BEHIND=$id
done
rebind
subtests ends_early loops leads_astray is_not_there extended_is_not_there \
	extended_loops extended_leads_astray is_compared_where_the_list_leads
