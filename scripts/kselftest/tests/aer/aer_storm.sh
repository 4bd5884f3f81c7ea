#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# Errors come faster than they are handled, of every kind, at the function and at
# the port above it. However many the kernel has seen (the registers that report
# them keep one bit for each kind, and a fatal one hides those that it resets away),
# each callback has its place, and in the end all is well.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

ROUNDS=4

# PCI_ERR_ROOT_STATUS of the port, without the message number in its high bits.
root_status() {
	cap_find "$KT_PORT" 0001
	ROOT_STATUS=$(($(cfg_read "$KT_PORT" $((CAP + 0x30)) 4) & 0x7f))
}

# storm: with an error more at the port after each of the function's own.
storm() {
	local kind
	SENT=0
	while [ "$SENT" -lt "$ROUNDS" ]; do
		for kind in nonfatal fatal correctable nonfatal; do
			check_inject "$kind" || return 0
		done
		harness inject "$PORT_ID" COMP_TIME > /dev/null
		SENT=$((SENT + 1))
	done
}

# settled: nothing is pending and nothing more has happened since the last look.
settled() {
	local events
	root_status
	events_new
	events=$LAST_SEEN
	aer_totals
	LAST_SEEN="$AER_TOTALS $EVENTS"
	is_well && [ "$ROOT_STATUS" -eq 0 ] && [ "$LAST_SEEN" = "$events" ]
}
LAST_SEEN=

is_well() {
	status_get channel
	[ "$STATUS" = normal ] || return 1
	status_get state
	[ "$STATUS" = ok ]
}

all_are_recovered() {
	aer_mark
	events_mark
	storm
	wait_for "$KT_WAIT" settled || fail "it does not come to rest: root status $ROOT_STATUS, $LAST_SEEN"
	check_status state ok
	check_status channel normal
	check_regs "after the storm"
	check_saved_agrees "after the storm"
	check_no_event mismatch lost refusal "slot_reset disconnect"
}

# Not more than were sent. Fewer are possible: the reset after a fatal error clears
# what the kernel has not looked at yet. What leads to a reset is seen at least once.
counters_are_possible() {
	# shellcheck disable=SC2086 # three numbers each
	set -- $AER_MARK $AER_TOTALS
	counter_is_possible correctable $(($4 - $1)) 0 "$ROUNDS"
	counter_is_possible non-fatal $(($5 - $2)) 0 $((2 * ROUNDS))
	counter_is_possible fatal $(($6 - $3)) 1 "$ROUNDS"
}

# counter_is_possible KIND COUNT LEAST MOST
counter_is_possible() {
	diag "$1: $2 of $4 were seen"
	if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		fail "the kernel counts $2 $1 errors of $4"
	fi
}

# Each recovery is whole before the next one begins.
callbacks_are_in_order() {
	callbacks_new
	printf '%s\n' "$CALLBACKS" | awk -F '; ' '
		BEGIN { want = "error_detected" }
		{
			for (i = 1; i <= NF; i++) {
				split($i, word, " ")
				if (index(want, word[1]) == 0) {
					print "after \"" last "\": \"" $i "\", not one of: " want
					exit 1
				}
				last = $i
				want = "error_detected"
				if ($i ~ /^error_detected normal/) want = "mmio_enabled"
				if ($i ~ /^error_detected frozen/) want = "slot_reset"
				if ($i ~ /^mmio_enabled recovered/) want = "resume"
				if ($i ~ /^mmio_enabled need_reset/) want = "slot_reset"
				if ($i ~ /^slot_reset/) want = "resume"
			}
			if (last != "resume") { print "the last one is " last; exit 1 }
		}' > "$KT_TMP/order" || fail "$(cat "$KT_TMP/order"): $CALLBACKS"
}

# And the next error is handled like the first one.
next_error_is_handled() {
	aer_mark
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_counted 0 0 1
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_regs "after one more error"
}

need_injection
[ "$KT_INJECT" = qemu ] || skip_all "only the harness injects errors fast enough"
need_bus_alone
inject_id "$KT_PORT" || skip_all "the port $KT_PORT is not in $TOPOLOGY"
PORT_ID=$INJECT_ID
subtests all_are_recovered counters_are_possible callbacks_are_in_order next_error_is_handled
