#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# Errors of the root port itself: the function below it has none, but
# gets the callbacks; after a fatal one it was reset with the bus.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# inject_at_port ERROR
inject_at_port() {
	INJECT_ERROR=$(harness inject "$PORT_ID" "$1" 2>&1) ||
		fail "cannot inject $1 at the port: $INJECT_ERROR"
}

# port_total cor|nonfatal|fatal: sets AER_TOTAL to the count of the port's errors.
port_total() {
	local device
	device=$KT_DEVICE
	KT_DEVICE=$KT_PORT
	aer_total "$1"
	KT_DEVICE=$device
}

# begin, then check_port KIND: the error is counted at the port, once, and not at the
# function.
begin() {
	aer_mark
	events_mark
	dmesg_mark port
	port_total "$1"
	PORT_BEFORE=$AER_TOTAL
}

port_has_counted() {
	port_total "$1"
	[ "$AER_TOTAL" -eq $((PORT_BEFORE + 1)) ]
}

check_port() {
	wait_for "$KT_WAIT" port_has_counted "$1" ||
		fail "the port counts $AER_TOTAL $1 errors, should be $((PORT_BEFORE + 1))"
	check_counted 0 0 0
}

correctable() {
	begin cor
	inject_at_port RCVR
	check_port cor
	events_new
	check_eq "events of the function" "$EVENTS" ""
}

nonfatal() {
	begin nonfatal
	inject_at_port COMP_TIME
	await_event resume
	check_port nonfatal
	check_callbacks "error_detected normal can_recover; mmio_enabled recovered; resume"
	await_dmesg "$KT_PORT: .*device recovery successful"
	check_regs "after a non-fatal error of the port"
}

fatal() {
	if ! witness_find; then
		skip "the device has no register that shows a reset"
		return 0
	fi
	check_true "the witness bit does not stick" witness_set
	begin fatal
	inject_at_port DLP
	await_event resume
	check_port fatal
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_false "the bus below the port was not reset" witness_is_set
	await_dmesg "$KT_PORT: .*device recovery successful"
	check_status state ok
	check_regs "after a fatal error of the port"
	check_saved_agrees "after a fatal error of the port"
}

need_injection
[ "$KT_INJECT" = qemu ] || skip_all "only the harness injects errors at the port"
need_bus_alone
inject_id "$KT_PORT" || skip_all "the port $KT_PORT is not in $TOPOLOGY"
PORT_ID=$INJECT_ID
subtests correctable nonfatal fatal
