#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint zpci
# timeout: 240
# weight: 40
#
# The function is lost while pci_guard looks at it for the first time, and while somebody
# saves it for the first time, at each access of that: nothing that was read then is known
# good, or is restored, unless it is all there.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"

# The core's buffer has nothing good, either: what is known good is what was read, if it
# is anything.
core_has_nothing() {
	fault gone
	echo 1 > "$FAULT_FUNCTION/save"
	fault_off
}

# lost_at FROM: sets STATE to what the guard makes of it.
lost_at() {
	core_has_nothing
	fault_clear
	fault gone from="$1"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fault_counters
	fault_off
	guard_get state "$KT_DEVICE"
	STATE=$GUARD
	case $STATE in
	ok) check_guard_agrees "lost at access $1" ;;
	unknown) ;;
	*) fail "lost at access $1: state is '$STATE'" ;;
	esac
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

lost_in_the_first_look() {
	pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	LL_AT=0
	FAULTED=1
	while [ "$FAULTED" -gt 0 ]; do
		LL_STATE=${STATE-}
		LL_AT=$((LL_AT + 1))
		lost_at "$LL_AT"
	done
	report "points=$((LL_AT - 1)) path=guard_load"
	# The header alone takes 16.
	[ "$LL_AT" -gt 20 ] || fail "it was looked at by $((LL_AT - 1)) accesses"
	check_eq "state where it is lost at the last access" "$LL_STATE" unknown
	check_eq "state where it is not lost" "$STATE" ok
	guarded_driver_back
	check_regs "when the driver has it again"
}

# save_lost_at FROM: nothing is known good of it before.
save_lost_at() {
	fault gone
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fault_off
	fault_clear
	fault gone from="$1"
	write_errno "$FAULT_FUNCTION/save" 1
	fault_counters
	fault_off
	if grep -i 'ffffffff$' "$FAULT_FUNCTION/would_restore" > "$KT_TMP/poison"; then
		fail "lost at access $1 ($ERRNO), a restore would write:"
		diag_lines < "$KT_TMP/poison"
	fi
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

lost_in_the_first_save() {
	pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	LL_AT=0
	FAULTED=1
	while [ "$FAULTED" -gt 0 ]; do
		LL_AT=$((LL_AT + 1))
		core_has_nothing
		save_lost_at "$LL_AT"
	done
	report "points=$((LL_AT - 1)) path=guard_first_save"
	[ "$LL_AT" -gt 20 ] || fail "it was saved by $((LL_AT - 1)) accesses"
	check_eq "the save that nothing is lost of" "$ERRNO" OK
	guarded_driver_back
	check_regs "when the driver has it again"
}

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
fault_need
at_exit guarded_undo
subtests lost_in_the_first_look lost_in_the_first_save
