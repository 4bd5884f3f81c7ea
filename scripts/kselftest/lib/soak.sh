# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox source-path=SCRIPTDIR disable=SC2034 # answers in variables
#
# Endurance: repeats the same thing, after which memory must not have grown.

# shellcheck source=memory.sh
. "$KT_DIR/lib/memory.sh"

# The driver's ring of events (rust/recovery/events.rs).
SOAK_EVENTS=64
# What Slab, SUnreclaim and VmallocUsed may move by themselves, in KiB; measured: 50.
SOAK_NOISE=256

# soak NAME CYCLES FUNCTION: calls FUNCTION NUMBER so often, or until it fails. What
# grows after the first tenth, which fills caches, is a leak: each cycle that leaks
# one Recovery leaks `memory_bytes`. A leak in one cycle of four fails, and where
# there are so many cycles that this is more than noise, an even smaller one.
soak() {
	local bound start seconds
	status_get memory_bytes
	bound=$((($2 - $2 / 10) * STATUS / 4096))
	[ "$bound" -le "$SOAK_NOISE" ] || bound=$SOAK_NOISE
	uptime_cs
	start=$UPTIME_CS
	SOAK_CYCLE=0
	soak_until $(($2 / 10)) "$3"
	memory_settle
	SOAK_FIRST="$SLAB $SUNRECLAIM $VMALLOC $PERCPU"
	soak_until "$2" "$3"
	uptime_cs
	seconds=$(((UPTIME_CS - start) / 100))
	memory_settle
	# Somebody else may just use more: once more, if it seems to have grown.
	soak_is_flat "$bound" || memory_settle
	report "$SOAK_CYCLE $1 in $seconds s; KiB after a tenth and at the end:" \
		"$(soak_table "$SLAB" "$SUNRECLAIM" "$VMALLOC" "$PERCPU")," \
		"allowed $bound more"
	check_true "memory grows" soak_is_flat "$bound"
	soak_check_events
}

# soak_until CYCLE FUNCTION
soak_until() {
	while [ "$SOAK_CYCLE" -lt "$1" ] && ! failed; do
		SOAK_CYCLE=$((SOAK_CYCLE + 1))
		"$2" "$SOAK_CYCLE" || fail "cycle $SOAK_CYCLE fails"
		[ $((SOAK_CYCLE % 20)) -ne 0 ] || diag "cycle $SOAK_CYCLE"
	done
}

# soak_table SLAB SUNRECLAIM VMALLOC PERCPU: each with what it was before.
soak_table() {
	# shellcheck disable=SC2086 # four numbers
	set -- $SOAK_FIRST "$@"
	echo "Slab $1 $5, SUnreclaim $2 $6, VmallocUsed $3 $7, Percpu $4 $8"
}

# soak_is_flat BOUND: true when nothing has grown by more.
soak_is_flat() {
	# shellcheck disable=SC2086
	set -- "$1" $SOAK_FIRST
	[ $((SLAB - $2)) -le "$1" ] && [ $((SUNRECLAIM - $3)) -le "$1" ] &&
		[ $((VMALLOC - $4)) -le "$1" ] && [ $((PERCPU - $5)) -le "$1" ]
}

# soak_check_events: the log of events has not grown beyond its ring.
soak_check_events() {
	local lines
	lines=$(wc -l < "$DEBUGFS/$KT_DEVICE/events")
	[ "$lines" -le "$SOAK_EVENTS" ] || fail "events has $lines lines"
}
