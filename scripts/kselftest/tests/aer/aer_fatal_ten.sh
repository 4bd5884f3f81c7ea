#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Ten fatal errors in a row: each recovers, each is counted, nothing wears out.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

need_injection
need_bus_alone

ERRORS=10

all_recover() {
	local round
	aer_mark
	round=0
	while [ $round -lt $ERRORS ]; do
		round=$((round + 1))
		events_mark
		check_inject fatal || return 0
		await_event resume
		callbacks_new
		check_eq "callbacks of error $round" "$CALLBACKS" \
			"error_detected frozen need_reset; slot_reset recovered; resume"
		check_no_event refusal mismatch lost
		! failed || return 0
	done
}

all_are_counted() {
	check_counted 0 0 $ERRORS
}

registers_are_back() {
	check_status state ok
	check_regs "after $ERRORS fatal errors"
	check_saved_agrees "after $ERRORS fatal errors"
}

subtests all_recover all_are_counted registers_are_back
