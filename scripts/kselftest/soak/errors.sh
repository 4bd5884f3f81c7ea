#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
# weight: 200
#
# 1000 errors: each is counted by the kernel and recovered by the driver. One in ten
# is fatal: its bus reset takes as long as several non-fatal ones.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"

need_injection
need_bus_alone

ERRORS=1000
FATAL=100

# last_event: sets LAST to the newest line of events.
last_event() {
	LAST=$(tail -n 1 "$DEBUGFS/$KT_DEVICE/events")
}

resumed() {
	last_event
	case $LAST in
	"$BEFORE") return 1 ;;
	*' resume') return 0 ;;
	esac
	return 1
}

recovers() {
	local kind
	last_event
	BEFORE=$LAST
	kind=nonfatal
	[ $(($1 % (ERRORS / FATAL))) -ne 0 ] || kind=fatal
	check_inject $kind || return 0
	wait_for "$KT_WAIT" resumed || fail "error $1 ($kind) is not recovered: '$LAST'"
}

errors() {
	aer_mark
	status_get restores
	ERROR_RESTORES=$STATUS
	soak errors $ERRORS recovers
}

all_are_counted_and_recovered() {
	check_counted 0 $((ERRORS - FATAL)) $FATAL
	check_status restores $((ERROR_RESTORES + FATAL))
	check_status refusals 0
	check_status mismatches 0
	check_status state ok
	check_regs "after $ERRORS errors"
	check_saved_agrees "after $ERRORS errors"
}

subtests errors all_are_counted_and_recovered
