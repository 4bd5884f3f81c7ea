# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Several functions at once: $FLEET is a list of BDFs, and everything here works
# on all of them. A test may set FLEET to some of them, and back, at any time.
#
# There may be hundreds of them: one process reads the files of all, and what
# is done for each is done by the shell itself, without a fork.

# fleet_find: sets FLEET to the functions that the topology marks `test`, in its
# order. False, with FLEET_REASON, when there are less than two.
fleet_find() {
	local count id path mark
	FLEET=
	count=0
	FLEET_REASON="there is no topology that would name the functions"
	[ -r "$TOPOLOGY" ] || return 1
	while read -r id path mark; do
		[ "$mark" = test ] || continue
		FLEET_REASON="there is no function at $path ($id)"
		pci_by_path "$path" || return 1
		FLEET="${FLEET:+$FLEET }$BDF"
		count=$((count + 1))
	done < "$TOPOLOGY"
	FLEET_REASON="the topology marks only one function for tests"
	[ "$count" -gt 1 ]
}

# fleet_need: all functions of the topology, bound to pci_recovery until the
# test's end, and their registers as the reference; skips the test without them.
fleet_need() {
	fleet_find || skip_all "$FLEET_REASON"
	at_exit fleet_unbind
	fleet_bind || skip_all "$FLEET_REASON"
	# With hundreds of them each step takes long, and a guest that says nothing counts as
	# one that hangs.
	diag "all functions are bound"
	fleet_reference
	diag "their registers are known"
}

# fleet_bind: binds those to pci_recovery that are not, and notes what they were
# bound to. False, with FLEET_REASON, when one does not bind.
fleet_bind() {
	local bdf old place
	for bdf in $FLEET; do
		[ ! -e "$DRIVER_DIR/$bdf" ] || continue
		old=
		for place in /sys/bus/pci/drivers/*/"$bdf"; do
			[ -e "$place" ] || continue
			old=${place%/*}
			echo "$bdf" > "$old/unbind"
		done
		FLEET_TAKEN="$bdf=$old ${FLEET_TAKEN-}"
		driver_override "$bdf" "$DRIVER"
		FLEET_REASON="$bdf does not bind to $DRIVER"
		{ echo "$bdf" > "$DRIVER_DIR/bind"; } 2> /dev/null || return 1
	done
}

# fleet_unbind: gives those back that fleet_bind took. Another driver need not
# take its function back: a stock one may find nothing to drive.
fleet_unbind() {
	local taken bdf old
	for taken in ${FLEET_TAKEN-}; do
		bdf=${taken%%=*}
		old=${taken#*=}
		pci_exists "$bdf" || continue
		[ ! -e "$DRIVER_DIR/$bdf" ] || echo "$bdf" > "$DRIVER_DIR/unbind"
		driver_override "$bdf" ""
		[ -z "$old" ] || { echo "$bdf" > "$old/bind"; } 2> /dev/null || :
	done
	FLEET_TAKEN=
}

# fleet_files NAME: sets FLEET_FILES to that debugfs file of each function.
fleet_files() {
	local bdf
	FLEET_FILES=
	for bdf in $FLEET; do
		FLEET_FILES="$FLEET_FILES $DEBUGFS/$bdf/$1"
	done
}

# fleet_write FILE: writes 1 to that debugfs file of each function. Prints those
# that refuse; true when none does.
fleet_write() {
	local bad bdf
	bad=0
	for bdf in $FLEET; do
		if ! { echo 1 > "$DEBUGFS/$bdf/$1"; } 2> /dev/null; then
			echo "$bdf: $1 is refused"
			bad=1
		fi
	done
	return $bad
}

# fleet_registers FILE: the registers of each, as far as there are any.
fleet_registers() {
	# shellcheck disable=SC2086 # one word a function
	guest registers --fleet --bytes "$FLEET_BYTES" $FLEET > "$1"
}

# fleet_reference: the registers of each are as they should be now.
fleet_reference() {
	FLEET_BYTES=4096
	fleet_registers "$KT_TMP/fleet.regs"
	# From now on only as far as there are registers, of 4096 bytes.
	FLEET_BYTES=$(awk '{ sub(/.*\//, "", $1); if ($1 "" > last "") last = $1 }
		END { print last }' "$KT_TMP/fleet.regs")
	FLEET_BYTES=$((FLEET_BYTES + 4))
}

# fleet_same: true when the registers of each are as in the reference; else
# prints those that differ.
fleet_same() {
	fleet_registers "$KT_TMP/fleet.now"
	! cmp -s "$KT_TMP/fleet.now" "$KT_TMP/fleet.regs" || return 0
	awk '
		{ bdf = $1; sub(/\/.*/, "", bdf) }
		FNR == NR { now[$1] = $3; there[bdf] = 1; next }
		!(bdf in there) { next }
		!($1 in now) || now[$1] != $3 { print $1, $2, $3, "->", now[$1]; bad = 1 }
		{ delete now[$1] }
		END {
			for (key in now) { print key, "was not there"; bad = 1 }
			exit bad
		}
	' "$KT_TMP/fleet.now" "$KT_TMP/fleet.regs"
}

# fleet_flip: flips a bit of each function that does no harm, in the Cache Line
# Size: a reset clears it, a restore brings it back. Flip it twice to undo it.
fleet_flip() {
	local bdf value
	for bdf in $FLEET; do
		value=$(cfg_read "$bdf" "$PCI_CACHE_LINE_SIZE" 1)
		cfg_write "$bdf" "$PCI_CACHE_LINE_SIZE" 1 $((value ^ 0x10))
	done
}

# fleet_check_flipped WHEN: each differs from the reference in that bit, and in
# nothing else.
fleet_check_flipped() {
	local bdf
	fleet_same > "$KT_TMP/fleet.differs" || :
	for bdf in $FLEET; do
		grep -q "^$bdf/0x00c " "$KT_TMP/fleet.differs" ||
			fail "$bdf was reset or restored $1"
	done
	if grep -v '/0x00c ' "$KT_TMP/fleet.differs" > "$KT_TMP/fleet.others"; then
		fail "registers differ $1:"
		diag_lines < "$KT_TMP/fleet.others"
	fi
}

# fleet_events_mark: later fleet_events and fleet_await tell what happened from
# here on. One mark for all: they share a clock.
fleet_events_mark() {
	fleet_files events
	# shellcheck disable=SC2086 # one word a file
	FLEET_MARK=$(awk '
		# As text: nanoseconds may not fit the numbers of awk.
		length($1) > length(mark) || (length($1) == length(mark) && ($1 "") > mark) { mark = $1 "" }
		END { print mark == "" ? 0 : mark }
	' $FLEET_FILES)
}

# fleet_events: prints "BDF EVENT; EVENT; ..." of each function since the mark, a
# line for each, in the order of FLEET.
fleet_events() {
	fleet_files events
	# shellcheck disable=SC2086
	awk -v mark="$FLEET_MARK" -v fleet="$FLEET" '
		FNR == 1 { n = split(FILENAME, part, "/"); bdf = part[n - 1] }
		length($1) < length(mark) { next }
		length($1) == length(mark) && ($1 "") <= (mark "") { next }
		{ sub(/^[0-9]+ /, ""); events[bdf] = events[bdf] ((bdf in events) ? "; " : " ") $0 }
		END { n = split(fleet, bdfs, " "); for (i = 1; i <= n; i++) print bdfs[i] events[bdfs[i]] }
	' $FLEET_FILES
}

# fleet_had EVENT: true where all have logged it since the mark. If not, FLEET_WITHOUT is
# how many have not.
fleet_had() {
	FLEET_WITHOUT=$(fleet_events | awk -v event="$1" '
		index($0 ";", " " event ";") || index($0, " " event " ") { next }
		{ n++ }
		END { print n + 0 }')
	[ "$FLEET_WITHOUT" = 0 ]
}

# fleet_await EVENT: all log it, within a bound; else the subtest fails.
fleet_await() {
	wait_for "$KT_WAIT" fleet_had "$1" && return 0
	fail "no event '$1' of $FLEET_WITHOUT functions within $KT_WAIT s:"
	fleet_events | diag_lines
	return 1
}

fleet_await_resume() {
	fleet_await resume
}

# fleet_check_regs WHEN: the registers of each are as in the reference.
fleet_check_regs() {
	if ! fleet_same > "$KT_TMP/fleet.differs"; then
		fail "registers differ $1:"
		diag_lines < "$KT_TMP/fleet.differs"
	fi
}

# fleet_check_events EVENTS: each has logged exactly these since the mark, in the
# form of EVENTS in lib/driver.sh; "" for none.
fleet_check_events() {
	fleet_events | awk -v want="$1" '
		{ bdf = $1; is = $0; sub(/^[^ ]+ ?/, "", is) }
		is != want { print bdf ": " is }
	' > "$KT_TMP/fleet.events"
	[ -s "$KT_TMP/fleet.events" ] || return 0
	fail "events are not '${1:-none}' of these functions:"
	diag_lines < "$KT_TMP/fleet.events"
}

# fleet_check_status KEY VALUE: of each.
fleet_check_status() {
	fleet_files status
	# shellcheck disable=SC2086
	awk -v key="$1" -v want="$2" '
		index($0, key ": ") == 1 && substr($0, length(key) + 3) != want { print FILENAME ": " $0 }
	' $FLEET_FILES > "$KT_TMP/fleet.status"
	[ -s "$KT_TMP/fleet.status" ] || return 0
	fail "status, $1, is not '$2' of these functions:"
	diag_lines < "$KT_TMP/fleet.status"
}

# fleet_times: sets TOOK to the microseconds from the first error_detected to the
# last resume since the mark, RESET to those before the first slot_reset, and EACH
# to those from one slot_reset to the next.
fleet_times() {
	fleet_files events
	# shellcheck disable=SC2046,SC2086 # three numbers of the files
	set -- $(awk -v mark="$FLEET_MARK" '
		# Times since the mark: they fit the numbers of awk.
		{ ns = $1 - mark }
		ns <= 0 { next }
		$2 == "error_detected" && (!first || ns < first) { first = ns }
		$2 == "slot_reset" && (!begin || ns < begin) { begin = ns }
		$2 == "slot_reset" { resets++; if (ns > end) end = ns }
		$2 == "resume" && ns > last { last = ns }
		END {
			print int((last - first) / 1000), int((begin - first) / 1000), \
			      int((end - begin) / (resets - 1) / 1000)
		}
	' $FLEET_FILES)
	TOOK=$1
	RESET=$2
	EACH=$3
}

# ms MICROSECONDS: sets MS to milliseconds, with one decimal.
ms() {
	MS=$(($1 / 1000)).$(($1 % 1000 / 100))
}

# fleet_alone: sets ALONE to the microseconds that a restore of the first function
# takes when it was wiped and nothing else goes on: what each takes among so many
# others, although none of them is recovered.
fleet_alone() {
	local device left sum start
	device=$KT_DEVICE
	KT_DEVICE=${FLEET%% *}
	left=10
	sum=0
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		device_wipe
		uptime_cs
		start=$UPTIME_CS
		echo 1 > "$DEBUGFS/$KT_DEVICE/restore"
		uptime_cs
		sum=$((sum + UPTIME_CS - start))
	done
	KT_DEVICE=$device
	ALONE=$((sum * 10000 / 10))
}
