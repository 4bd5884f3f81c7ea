#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# A second error comes while the first one is being recovered from: during the bus
# reset, in the middle of slot_reset. It is recovered from after the first one, or is
# forgotten where the kernel clears what reported it: the port's status when the
# reset is over, a non-fatal one of the function when the recovery is.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"

FATAL="error_detected frozen need_reset; slot_reset recovered; resume"
NONFATAL="error_detected normal can_recover; mmio_enabled recovered; resume"

# second ERROR function|port PHASE fatal|nonfatal|forgotten: the last is how it is
# recovered from.
second() {
	local id want
	events_mark
	phase_reach "$3" || return 0
	id=$KT_INJECT_ID
	[ "$2" = function ] || id=$PORT_ID
	harness inject "$id" "$1" > "$KT_TMP/answer" || fail "$(cat "$KT_TMP/answer")"
	if phase_is_over; then
		phase_too_late "the first recovery was over before the second error"
		return 0
	fi
	phase_end
	case $4 in
	fatal) want="$FATAL; $FATAL" ;;
	nonfatal) want="$FATAL; $NONFATAL" ;;
	forgotten)
		# The next one is handled as if there had been none between.
		check_inject nonfatal
		want="$FATAL; $NONFATAL"
		;;
	esac
	wait_for "$KT_WAIT" happened "$want" || fail "callbacks are '$CALLBACKS', should be '$want'"
	check_no_event lost mismatch refusal
	check_status state ok
	check_status channel normal
	check_regs "after the second error"
	check_saved_agrees "after the second error"
}

happened() {
	callbacks_new
	[ "$CALLBACKS" = "$1" ]
}

phase_need
[ "$KT_INJECT" = qemu ] || skip_all "only the harness injects errors fast enough"
inject_id "$KT_PORT" || skip_all "the port $KT_PORT is not in $TOPOLOGY"
PORT_ID=$INJECT_ID
subtests "second DLP function restore fatal" "second COMP_TIME port restore nonfatal" \
	"second COMP_TIME function restore forgotten" "second DLP port reset forgotten"
