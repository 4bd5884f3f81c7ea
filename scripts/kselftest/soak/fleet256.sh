#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: fleet256
# timeout: 900
# weight: 250
#
# 256 functions, and a fatal error at the root port above them: all recover.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"

need_injection
[ "$KT_INJECT" = qemu ] || skip_all "errors of ports need the harness"
fleet_need

# Measured: 72 s on a busy machine, most of it until the core has all 32 ports back.
# Less than the 120 s of silence after which the harness thinks that a guest hangs.
RECOVERY=100

fatal_error() {
	local before error lines took each
	memory_settle
	before=$SLAB
	dmesg_mark fleet256
	fleet_events_mark
	if ! error=$(harness inject rp0 DLP 2>&1); then
		fail "cannot inject a fatal error into rp0: $error"
		return 0
	fi
	wait_for $RECOVERY fleet_had resume ||
		fail "$FLEET_WITHOUT functions do not resume within $RECOVERY s"
	diag "the recovery is over"
	fleet_check_events \
		"error_detected frozen need_reset; restore; slot_reset recovered; resume"
	fleet_check_status state ok
	fleet_check_status restores 1
	fleet_check_status refusals 0
	fleet_check_status mismatches 0
	diag "events and status are looked at"
	fleet_check_regs "after a fatal error"
	diag "registers are looked at"
	lines=$(dmesg_since "$DMESG_MARK" | grep -c 'pci_recovery [0-9a-f:.]*: ') || :
	# 20 in 5 s, while it takes.
	[ "$lines" -le 200 ] || fail "the log is flooded: $lines lines"
	memory_settle
	fleet_times
	ms "$TOOK"
	took=$MS
	ms "$EACH"
	each=$MS
	fleet_alone
	ms "$ALONE"
	report "256 functions recover in $took ms, $each ms from one slot_reset to the next, a restore of one alone that was wiped $MS ms; $lines lines of the driver in the log; Slab $before KiB, then $SLAB"
	# A leak of one Recovery each would be 1200.
	[ $((SLAB - before)) -le "$SOAK_NOISE" ] || fail "memory grows"
}

subtests fatal_error
