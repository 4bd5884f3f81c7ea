#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: fleet64
# timeout: 120
# weight: 25
#
# Many functions at once: one fatal error at a port recovers all that are below it,
# 8 or 64. It takes so much longer, and not more than that; it does not flood the
# log; and each function takes as much memory as the driver says.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../../lib/memory.sh
. "$KT_DIR/lib/memory.sh"

need_injection
[ "$KT_INJECT" = qemu ] || skip_all "errors of ports need the harness"
fault_possible || skip_all "$FAULT_REASON"
[ ! -e /proc/lockdep_stats ] ||
	skip_all "lockdep counts 48 locks of a task, and a reset of this bus takes one of each of its functions"
fleet_need
at_exit fault_unload

ALL=$FLEET
PORT_FUNCTIONS=8
# What all functions together may write of one kind in 5 s (rust/recovery/log.rs).
LOG_LINES=20

fleet_count() {
	# shellcheck disable=SC2086 # one word a function
	set -- $FLEET
	COUNT=$#
}

# fleet_sum KEY: sets SUM to what that line of `status` says, of all functions.
fleet_sum() {
	fleet_files status
	# shellcheck disable=SC2086
	SUM=$(awk -v key="$1:" '$1 == key { sum += $2 } END { print sum + 0 }' $FLEET_FILES)
}

# fleet_wrap: counts the accesses to the buses of all functions from here on.
# fleet_accesses: sets ACCESSES to those since.
fleet_wrap() {
	local bdf bus
	fault_load
	BUSES=
	for bdf in $FLEET; do
		fault_wrap "$bdf"
		case " $BUSES " in
		*" $FAULT_BUS "*) ;;
		*) BUSES="$BUSES $FAULT_BUS" ;;
		esac
	done
	for bus in $BUSES; do
		echo 1 > "$FAULT_ROOT/$bus/clear"
	done
}

fleet_accesses() {
	local files bus
	files=
	for bus in $BUSES; do
		files="$files $FAULT_ROOT/$bus/counters"
	done
	# The first two lines are reads and writes.
	# shellcheck disable=SC2086
	ACCESSES=$(awk 'FNR <= 2 { sum += $2 } END { print sum + 0 }' $files)
}

# our_lines PATTERN: sets LINES to how many such lines the driver has written
# since the mark.
our_lines() {
	LINES=$(dmesg_since "$DMESG_MARK" | grep -c "pci_recovery [0-9a-f:.]*: $1") || :
}

# recovers PORT: all of FLEET do, from a fatal error of the port above them. The
# caller has marked the events.
recovers() {
	local suppressed error text
	fleet_count
	fleet_wrap
	fleet_flip
	fleet_sum log_suppressed
	suppressed=$SUM
	dmesg_mark "fatal $1"
	if ! error=$(harness inject "$1" DLP 2>&1); then
		fail "cannot inject a fatal error into $1: $error"
		return 0
	fi
	fleet_await_resume || return 0
	fleet_accesses
	fault_unload
	fleet_check_events \
		"error_detected frozen need_reset; restore; slot_reset recovered; resume"
	fleet_check_status state ok
	fleet_check_regs "after a fatal error of $1"

	fleet_times
	ms "$TOOK"
	text="$COUNT functions recover in $MS ms, from the first error_detected to the last resume"
	ms "$RESET"
	text="$text; $MS ms to the first slot_reset"
	ms "$EACH"
	report "$text, $MS ms from one to the next; $((ACCESSES / COUNT)) accesses each"

	our_lines restored
	fleet_sum log_suppressed
	check_eq "lines that were written and those that were suppressed" \
		$((LINES + SUM - suppressed)) "$COUNT"

	fleet_alone
	ms "$ALONE"
	report "a restore of one alone that was wiped, among $COUNT: $MS ms"
}

one_port_recovers() {
	fleet_events_mark
	# The functions of the first downstream port.
	FLEET=$(echo "$ALL" | cut -d ' ' -f "-$PORT_FUNCTIONS")
	recovers down0
	FEW=$ACCESSES
	FLEET=$(echo "$ALL" | cut -d ' ' -f "$((PORT_FUNCTIONS + 1))-")
	fleet_check_events ""
	FLEET=$ALL
	fleet_check_regs "after a fatal error of down0"
}

all_recover() {
	fleet_events_mark
	recovers rp0
	MANY=$ACCESSES
}

# 8 times as many functions are 8 times the work, give and take a few accesses by
# which the core looks for the one with the error.
work_is_linear() {
	fleet_count
	[ "$FEW" -gt 0 ] || fail "no access was counted"
	[ $((MANY / COUNT)) -le $((FEW * 5 / 4 / PORT_FUNCTIONS)) ] ||
		fail "accesses: $FEW to $PORT_FUNCTIONS functions, $MANY to $COUNT"
}

# Of the recovery of them all, the last one.
log_is_not_flooded() {
	local lines
	our_lines ''
	# A window may end meanwhile, and each has a line that says that there are more.
	[ "$LINES" -le $((2 * LOG_LINES + 4)) ] || fail "the driver has written $LINES lines"
	lines=$(dmesg_since "$DMESG_MARK" | wc -l)
	[ "$lines" -le 100 ] || fail "there are $lines lines in the log"
	check_dmesg 'and more: lines of all functions are suppressed'
	report "$LINES lines of the driver in the log, $lines in all"
	wait_for "$KT_WAIT" number_is_told ||
		fail "no line says how many were suppressed"
}

number_is_told() {
	echo 1 > "$DEBUGFS/$KT_DEVICE/restore"
	dmesg_has '[0-9]* lines of all functions suppressed'
}

read_seqnum() {
	read_line /sys/kernel/uevent_seqnum
	# shellcheck disable=SC2153 # read_line sets it
	SEQNUM=$LINE
}

# The log is limited, uevents and counters are not.
each_refusal_is_told() {
	local bus refusals seqnum
	fleet_count
	fleet_wrap
	for bus in $BUSES; do
		echo gone > "$FAULT_ROOT/$bus/fault"
	done
	fleet_sum refusals
	refusals=$SUM
	dmesg_mark refusals
	read_seqnum
	seqnum=$SEQNUM
	check_false "a save of what is gone is not refused" fleet_write save > /dev/null
	read_seqnum
	fault_unload
	fleet_sum refusals
	check_eq refusals $((SUM - refusals)) "$COUNT"
	# The kernel numbers what it sends; others may send something meanwhile.
	[ $((SEQNUM - seqnum)) -ge "$COUNT" ] ||
		fail "$((SEQNUM - seqnum)) uevents, should be one for each of $COUNT refusals"
	our_lines 'refused to save'
	[ "$LINES" -gt 0 ] || fail "the log does not tell of it"
	[ "$LINES" -le $((2 * LOG_LINES)) ] || fail "the log tells of it in $LINES lines"
	fleet_check_status state ok
	fleet_check_regs "after refused saves"
}

# The kernel's slabs grow by it, by what debugfs takes, and by what they round up.
memory_is_what_status_says() {
	local says bdf before is
	fleet_count
	fleet_sum memory_bytes
	says=$((SUM / COUNT))
	for bdf in $FLEET; do
		echo "$bdf" > "$DRIVER_DIR/unbind"
	done
	memory_settle
	before=$SLAB
	for bdf in $FLEET; do
		echo "$bdf" > "$DRIVER_DIR/bind"
	done
	memory_settle
	is=$(((SLAB - before) * 1024 / COUNT))
	report "memory of a function: $says bytes of the driver, $is with debugfs and what slabs round up"
	[ "$is" -ge "$says" ] ||
		fail "slabs grow by $is bytes a function, less than the $says of status"
	[ "$is" -le $((says + 12288)) ] ||
		fail "slabs grow by $is bytes a function, much more than the $says of status"
	fleet_check_status state ok
}

subtests one_port_recovers all_recover work_is_linear log_is_not_flooded \
	each_refusal_is_told memory_is_what_status_says
