# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh source-path=SCRIPTDIR disable=SC2034 # answers in variables
#
# Endurance: the same thing again and again, and does anything grow?

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
	status_get memory_bytes
	sk_bound=$((($2 - $2 / 10) * STATUS / 4096))
	[ "$sk_bound" -le "$SOAK_NOISE" ] || sk_bound=$SOAK_NOISE
	uptime_cs
	sk_start=$UPTIME_CS
	sk_cycle=0
	soak_until $(($2 / 10)) "$3"
	memory_settle
	sk_first="$SLAB $SUNRECLAIM $VMALLOC $PERCPU"
	soak_until "$2" "$3"
	uptime_cs
	sk_seconds=$(((UPTIME_CS - sk_start) / 100))
	memory_settle
	# Somebody else may just use more: once more, if it seems to have grown.
	soak_is_flat "$sk_bound" || memory_settle
	report "$sk_cycle $1 in $sk_seconds s; KiB after a tenth and at the end:" \
		"$(soak_table "$SLAB" "$SUNRECLAIM" "$VMALLOC" "$PERCPU")," \
		"allowed $sk_bound more"
	check_true "memory grows" soak_is_flat "$sk_bound"
	soak_check_events
}

# soak_until CYCLE FUNCTION
soak_until() {
	while [ "$sk_cycle" -lt "$1" ] && ! failed; do
		sk_cycle=$((sk_cycle + 1))
		"$2" "$sk_cycle" || fail "cycle $sk_cycle fails"
		[ $((sk_cycle % 20)) -ne 0 ] || diag "cycle $sk_cycle"
	done
}

# soak_table SLAB SUNRECLAIM VMALLOC PERCPU: each with what it was before.
soak_table() {
	# shellcheck disable=SC2086 # four numbers
	set -- $sk_first "$@"
	echo "Slab $1 $5, SUnreclaim $2 $6, VmallocUsed $3 $7, Percpu $4 $8"
}

# soak_is_flat BOUND: true when nothing has grown by more.
soak_is_flat() {
	# shellcheck disable=SC2086
	set -- "$1" $sk_first
	[ $((SLAB - $2)) -le "$1" ] && [ $((SUNRECLAIM - $3)) -le "$1" ] &&
		[ $((VMALLOC - $4)) -le "$1" ] && [ $((PERCPU - $5)) -le "$1" ]
}

# soak_check_events: the log of events has not grown beyond its ring.
soak_check_events() {
	sc_lines=$(wc -l < "$DEBUGFS/$KT_DEVICE/events")
	[ "$sc_lines" -le "$SOAK_EVENTS" ] || fail "events has $sc_lines lines"
}
