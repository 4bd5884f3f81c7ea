#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# weight: 30
#
# The function is lost at any access of the recovery from an error: while the
# core looks for its cause, in mmio_enabled, around the bus reset, in slot_reset.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

# Shorter than a bus reset takes.
SWEEP_ENDS=ms=30

# How long an error may be on its way, in hundredths of a second: one that the
# core cannot read from a function that is gone never arrives.
ARRIVES=40

# An error, and its recovery to the end.
path_error() {
	local mark end
	events_last
	mark=$LAST
	inject "$KIND" || return 1
	uptime_cs
	end=$((UPTIME_CS + ARRIVES))
	until events_last && [ "$LAST" != "$mark" ]; do
		uptime_cs
		[ "$UPTIME_CS" -lt "$end" ] || return 0
		usleep 10000
	done
	wait_for "$KT_WAIT" recovery_over
}

# events_last: sets LAST to the number of the driver's last event.
events_last() {
	LAST=$(tail -n 1 "$DEBUGFS/$KT_DEVICE/events")
}

recovery_over() {
	driver_state
	[ "$DRIVER_STATE" != recovering ]
}

# recover_from nonfatal|fatal yes|maybe: one without a reset restores nothing.
recover_from() {
	KIND=$1
	sweep_begin "recovery_$1" "$2" path_error
	sweep_from
	[ "$1" != fatal ] || sweep_restore
	sweep_end
}

need_injection
need_bus_alone
sweep_setup
subtests "recover_from nonfatal maybe" "recover_from fatal yes"
