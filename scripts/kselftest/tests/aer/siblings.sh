#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: switch multifunction
#
# An error of one of several functions. Those of the same slot vote, are reset
# and brought back with it; those below other ports of a switch notice nothing;
# an error of a port is one of all that is below it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"

[ "$KT_INJECT" = qemu ] || skip_all "it takes a harness to inject errors into a port"
fleet_need
ALL=$FLEET

NONFATAL="error_detected normal can_recover; mmio_enabled recovered; resume"
FATAL="error_detected frozen need_reset; restore; slot_reset recovered; resume"

# functions ID...: sets FUNCTIONS to what the topology calls so, and REST to the
# other ones of the fleet.
functions() {
	local id bdf
	FUNCTIONS=
	REST=
	for id in "$@"; do
		device_bdf "$id" || fail "there is no $id"
		FUNCTIONS="$FUNCTIONS $BDF"
	done
	for bdf in $ALL; do
		case "$FUNCTIONS " in
		*" $bdf "*) ;;
		*) REST="$REST $bdf" ;;
		esac
	done
}

# recovers ID ERROR EVENTS ID...: an error of the device ID has these events at
# the functions that follow, and none at the others. Each is marked by a flipped
# bit: a fatal error brings all registers of those that it hits back, and leaves
# the mark on the others.
recovers() {
	local id error events when
	id=$1
	error=$2
	events=$3
	when="after $2 at $1"
	shift 3
	functions "$@"
	FLEET=$ALL
	fleet_flip
	fleet_events_mark
	if harness inject "$id" "$error" > "$KT_TMP/answer"; then
		FLEET=$FUNCTIONS
		fleet_await_resume && fleet_check_events "$events"
		FLEET=$REST
		[ -z "$REST" ] || fleet_check_events ""
	else
		fail "cannot inject $error into $id: $(cat "$KT_TMP/answer")"
	fi
	FLEET=$FUNCTIONS
	if [ "$events" = "$FATAL" ]; then
		fleet_check_regs "$when"
		FLEET=$REST
	else
		FLEET=$ALL
	fi
	[ -z "$FLEET" ] || fleet_check_flipped "$when"
	fleet_flip
	FLEET=$ALL
	fleet_check_status state ok
	fleet_check_status channel normal
	fleet_check_regs "$when"
}

slot_nonfatal() {
	recovers "$1" COMP_TIME "$NONFATAL" fn0 fn1 fn2 fn3
}

slot_fatal() {
	recovers "$1" DLP "$FATAL" fn0 fn1 fn2 fn3
}

endpoint_nonfatal() {
	recovers "ep$1" COMP_TIME "$NONFATAL" "ep$1"
}

endpoint_fatal() {
	recovers "ep$1" DLP "$FATAL" "ep$1"
}

port_nonfatal() {
	recovers "down$1" COMP_TIME "$NONFATAL" "ep$1"
}

port_fatal() {
	recovers "down$1" DLP "$FATAL" "ep$1"
}

root_port_nonfatal() {
	recovers rp0 COMP_TIME "$NONFATAL" ep0 ep1 ep2 ep3
}

root_port_fatal() {
	recovers rp0 DLP "$FATAL" ep0 ep1 ep2 ep3
}

upstream_port_fatal() {
	recovers up0 DLP "$FATAL" ep0 ep1 ep2 ep3
}

if device_bdf fn0; then
	subtests "slot_nonfatal fn0" "slot_nonfatal fn2" "slot_fatal fn0" "slot_fatal fn2"
else
	subtests "endpoint_nonfatal 1" "endpoint_fatal 1" "endpoint_fatal 3" \
		"port_nonfatal 1" "port_fatal 1" "upstream_port_fatal" \
		root_port_nonfatal root_port_fatal
fi
