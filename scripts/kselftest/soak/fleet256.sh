#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: fleet256
#
# 256 functions, and a fatal error at the root port above them, again and again: all
# of them recover each time.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"

need_injection
[ "$KT_INJECT" = qemu ] || skip_all "errors of ports need the harness"
fleet_need

KT_WAIT=60
ERRORS=10

all_recover() {
	fleet_events_mark
	harness inject rp0 DLP > /dev/null || return 1
	fleet_await_resume || return 1
	fleet_check_events \
		"error_detected frozen need_reset; restore; slot_reset recovered; resume"
}

fatal_errors() {
	dmesg_mark fleet256
	soak "fatal errors of 256 functions" $ERRORS all_recover
	fleet_check_status state ok
	fleet_check_status restores $ERRORS
	fleet_check_status refusals 0
	fleet_check_status mismatches 0
	fleet_check_regs "after $ERRORS fatal errors"
	fe_lines=$(dmesg_since "$DMESG_MARK" | grep -c 'pci_recovery [0-9a-f:.]*: ') || :
	report "$fe_lines lines of the driver in the log, of $((ERRORS * 256)) restored functions"
	# 20 in 5 s, and a recovery takes some seconds.
	[ "$fe_lines" -le $((ERRORS * 100)) ] || fail "the log is flooded: $fe_lines lines"
}

subtests fatal_errors
