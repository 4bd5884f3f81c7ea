#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# A function that was lost in a restore of somebody else is owed one by pci_guard: also
# when it counts as lost. Where it does not take its state, it is tried a few times.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/uevent.sh
. "$KT_DIR/lib/uevent.sh"

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
fault_need
at_exit guarded_undo

# lost_in_a_restore: and wiped, before it is there again after three seconds.
lost_in_a_restore() {
	fault gone ms=3000
	echo 1 > "$FAULT_FUNCTION/restore"
	check_guard state owed "$KT_DEVICE"
	secondary_bus_reset "$KT_PORT"
}

stuck_bar() {
	local bar
	bars "$KT_DEVICE"
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
}

guarded_is_lost() {
	guard_get state "$KT_DEVICE"
	[ "$GUARD" = lost ]
}

begin() {
	guarded_bind stub
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	reference_take "$KT_DEVICE" guarded
}

# A BAR that is stuck: it is tried a few times, and said once.
does_not_take_it() {
	begin
	listener_start "$KT_TMP/uevents" || diag "no listener for uevents"
	stuck_bar
	lost_in_a_restore
	wait_for "$KT_WAIT" guarded_is_lost || fail "the guard says '$GUARD'"
	sleep 1
	check_guard state lost "$KT_DEVICE"
	check_guard mismatches 3 "$KT_DEVICE"
	listener_stop
	check_eq "uevents" "$(grep -c PCI_RECOVERY= "$KT_TMP/uevents" || :)" 1
	fault_off
	echo 1 > "$FAULT_FUNCTION/restore"
	check_guard state ok "$KT_DEVICE"
	check_guarded "when it takes its state again"
	guarded_end
}

# One that counts as lost and does not answer in a restore is owed that one, too.
lost_once_more() {
	begin
	stuck_bar
	secondary_bus_reset "$KT_PORT"
	echo 1 > "$FAULT_FUNCTION/restore"
	check_guard state lost "$KT_DEVICE"
	fault_off
	lost_in_a_restore
	wait_for "$KT_WAIT" guarded_is_ok || fail "the guard says '$GUARD'"
	check_guarded "when it has come back"
	guarded_end
}

subtests does_not_take_it lost_once_more
