#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: guard_net
# timeout: 240
# weight: 40
#
# A network adapter with e1000e, and traffic through it: what is sent comes back byte
# for byte after suspends and resets in which the adapter is lost, with pci_guard
# loaded. On the stock kernel nothing of it does.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/net.sh
. "$KT_DIR/lib/net.sh"

begin() {
	net_bind || fail "e1000e does not bind: $ERRNO"
	check_net "before"
}

# Paths: what happens to the adapter.
freeze() {
	sleep_cycle freeze
}

# e1000e has no handler of resets: it sets the adapter up anew when it is switched on.
by_method() {
	reset_device
	net_again || :
}

# freeze_and_send, reset_and_send: and there is traffic each time.
freeze_and_send() {
	freeze || fail "the suspend fails"
	wait_for "$KT_WAIT" net_has_link || fail "no link after the suspend"
	check_net "after the suspend"
}

reset_and_send() {
	by_method
	check_net "after the reset"
}

# stock PATH [METHOD]: what the stock kernel does not survive (XFAIL).
stock() {
	[ $# -lt 2 ] || reset_method "$2" || return 0
	begin
	first_save "$1"
	[ -n "$FIRST_SAVE" ] || fail "nobody saves the adapter"
	fault_clear
	# Behind the look of 7.3, which comes before its save.
	fault gone from=$((FIRST_SAVE + 1)) count=$((SAVE_LENGTH - 2))
	"$1" || :
	fault_counters
	fault_off
	[ "$FAULTED" -gt 0 ] || fail "it was not lost"
	if net_transfer; then
		fail "nothing is lost: this kernel has learnt something"
	else
		xfail "$NET_BYTES of $((NET_KIB * 1024)) bytes come back"
	fi
	guarded_driver_back
	check_regs "after they were written back"
}

# pings: one after the other, whether they are answered or not, while there is the file go_on.
pings() {
	: > "$KT_TMP/go_on"
	while [ -e "$KT_TMP/go_on" ]; do
		ping -q -c 1 -W 1 "$NET_PEER" || sleep 0.1
	done > "$KT_TMP/pings" 2>&1
}

# Traffic goes on through suspends, and through each reset but for the time that the
# interface is off.
in_peace() {
	local pings method
	begin
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	pings &
	pings=$!
	freeze_and_send
	sleep_cycle disk || fail "the hibernation fails"
	wait_for "$KT_WAIT" net_has_link || fail "no link after the hibernation"
	check_net "after the hibernation"
	for method in $METHODS; do
		reset_method "$method" || continue
		reset_and_send
		check_eq "the reset by $method" "$ERRNO" OK
	done
	rm -f "$KT_TMP/go_on"
	wait "$pings" || :
	check_no_refusal
	guarded_end
}

# lost_in STEP PATH [METHOD]
lost_in() {
	guarded_lost_in net begin "$@"
}

undo() {
	rm -f "$KT_TMP/go_on"
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
sleep_need disk
reset_need
fault_need
net_need
at_exit undo
diag "reset methods: $METHODS"
subtests in_peace "stock freeze" "stock by_method bus" "lost_in 6 freeze_and_send" \
	"lost_in 12 reset_and_send bus"
