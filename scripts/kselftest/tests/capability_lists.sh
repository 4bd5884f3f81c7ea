#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme e1000e sriov
#
# A capability list that loops, leads astray or ends early: the core would save what
# it still finds, without an error. The first save is refused, and says why.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

# check_list REASON: armed is a fault that breaks a list. While it lasts the first save
# is refused, and with it the driver, for that reason; without it the driver binds.
check_list() {
	driver_unbind "$KT_DEVICE"
	dmesg_mark "$1"
	driver_bind "$KT_DEVICE"
	check_false "the driver is bound" bound "$KT_DEVICE"
	check_true "no line '$1' in dmesg" dmesg_has "$1"
	fault_off
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	check_true "the driver is not bound" bound "$KT_DEVICE"
	check_regs "after the bind"
}

# next_is VALUE: the first capability points to VALUE.
next_is() {
	fault stuck "range=$((FIRST + 1))" "value=$1"
}

ends_early() {
	next_is 0
	check_list "$(printf 'the capability at 0x%03x is in no list any more' "$SECOND")"
}

loops() {
	next_is "$FIRST"
	check_list "$(printf 'a capability list loops, it comes back to 0x%03x' "$FIRST")"
}

leads_astray() {
	fault stuck "range=$FIRST" value=0xff
	check_list "$(printf 'a capability list leads to 0x%03x, which reads all-ones' "$FIRST")"
}

# Status says that there is no list.
is_not_there() {
	fault stuck range=0x06 value=0
	check_list "$(printf 'the capability at 0x%03x is in no list any more' "$LOWEST")"
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
	check_list "the capability at 0x100 is in no list any more"
}

extended_loops() {
	need_extended || return 0
	# Next Capability Offset, the upper 12 bits: 0x100.
	fault stuck range=0x102-0x103 "value=$((EXTENDED >> 16 & 0xf | 0x1000))"
	check_list "a capability list loops, it comes back to 0x100"
}

extended_leads_astray() {
	need_extended || return 0
	fault stuck range=0x100-0x103 value=0xffffffff
	check_list "a capability list leads to 0x100, which reads all-ones"
}

fault_need
FIRST=$(cfg_read "$KT_DEVICE" 0x34 1)
[ $((FIRST)) -ne 0 ] || skip_all "the device has no capabilities"
SECOND=$(cfg_read "$KT_DEVICE" $((FIRST + 1)) 1)
[ $((SECOND)) -ne 0 ] || skip_all "the device has only one capability"
# The one that is missed first is the lowest of those that are missing.
LOWEST=$FIRST
next=$SECOND
while [ $((next)) -ne 0 ]; do
	[ $((next)) -ge $((LOWEST)) ] || LOWEST=$next
	[ $((next)) -ge $((SECOND)) ] || SECOND=$next
	next=$(cfg_read "$KT_DEVICE" $((next + 1)) 1)
done
if cap_find "$KT_DEVICE" 10; then
	# Before the known-good state, the kernel's own record is looked at.
	LOWEST=$CAP
	[ $((CAP)) -eq $((FIRST)) ] || SECOND=$CAP
fi
rebind
subtests ends_early loops leads_astray is_not_there extended_is_not_there \
	extended_loops extended_leads_astray
