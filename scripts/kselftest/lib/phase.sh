# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Phases of the device under test, in whose middle a test does something else:
#
#   idle         nothing else is going on
#   reset        a fatal error was reported, the bus is being reset
#   restore      ... and the driver is in its slot_reset, writing registers
#   unreachable  it reads all-ones, its port does not forward to it
#   save         a guarded save, in its middle
#
# And what happens meanwhile is bounded: a task that waits for a lock for ever
# fails the test, and does not hang it.

# phase_need: skips the whole test where a phase cannot be made.
phase_need() {
	need_injection
	need_bus_alone
	fault_need
}

# phase_begin NAME: returns in the middle of it, or when it was over; false when it was
# not reached.
phase_begin() {
	PHASE=$1
	dmesg_mark "$1"
	case $1 in
	idle) ;;
	reset)
		# The kernel waits until it answers again after the reset.
		fault gone ms=$((KT_SLOW > 1 ? 5000 : 800))
		check_inject fatal || return 1
		wait_for "$KT_WAIT" is_recovering
		;;
	restore)
		fault_clear
		# Before slot_reset the kernel makes an access or two, to see whether it is back.
		fault delay us=20000 from=4 count=$((60 * KT_SLOW))
		check_inject fatal || return 1
		wait_for "$KT_WAIT" is_slowed
		;;
	unreachable) device_cut_off secondary_bus ;;
	save)
		fault_clear
		fault delay us=20000 from=4 count=$((60 * KT_SLOW))
		rm -f "$KT_TMP/save.errno"
		background save_by_hand
		wait_for "$KT_WAIT" is_slowed
		;;
	esac
}

# phase_is_over: true where what was to be reached has ended already.
phase_is_over() {
	case $PHASE in
	reset | restore) dmesg_has "$KT_PORT: .*device recovery (successful|failed)" ;;
	save) [ -e "$KT_TMP/save.errno" ] ;;
	*) return 1 ;;
	esac
}

# phase_reach NAME: returns in the middle of it; false, with a failure or a skip, when not. It
# lasts for a second, which a busy host may let pass: so it is made up to three times,
# and events count from the last one.
phase_reach() {
	local attempt
	for attempt in 1 2 3; do
		phase_begin "$1" || break
		phase_is_over || return 0
		[ "$attempt" != 3 ] || break
		phase_end
		events_mark
	done
	phase_too_late "the phase was not reached"
	return 1
}

# phase_too_late WHAT: a kernel that looks for faults in itself may be too slow to do anything
# within a second of slowed accesses: there it is a skip.
phase_too_late() {
	phase_end
	if [ "$KT_SLOW" -gt 1 ]; then
		skip "$1; this kernel is too slow for it"
	else
		fail "$1"
	fi
}

is_recovering() {
	status_get state
	[ "$STATUS" = recovering ]
}

is_slowed() {
	fault_counters
	[ "$FAULTED" -gt 5 ]
}

save_by_hand() {
	debugfs_write save 1
	echo "$ERRNO" > "$KT_TMP/save.errno"
}

# phase_end: what went on in the phase comes to its end, within a bound.
phase_end() {
	case $PHASE in
	reset | restore)
		await_dmesg "$KT_PORT: .*device recovery (successful|failed)"
		;;
	unreachable) port_reconnect ;;
	save) check_true "the save does not end" background_ended ;;
	esac
	fault_off
}

# background COMMAND...: starts it. background_ended: waits for its end, within a bound.
background() {
	rm -f "$KT_TMP/background"
	{
		"$@"
		: > "$KT_TMP/background"
	} &
}

background_ended() {
	wait_for "$KT_WAIT" [ -e "$KT_TMP/background" ]
}

# check_bounded WHAT COMMAND...: it may wait for the lock that somebody holds, but
# not for ever. It is a command of one write or one program, which can be left behind.
check_bounded() {
	local what
	what=$1
	shift
	rm -f "$KT_TMP/bounded"
	{
		if "$@"; then
			echo ended > "$KT_TMP/bounded"
		else
			echo failed > "$KT_TMP/bounded"
		fi
	} &
	if ! wait_for "$KT_WAIT" [ -s "$KT_TMP/bounded" ]; then
		fail "$what hangs"
		return 0
	fi
	read_line "$KT_TMP/bounded"
	check_eq "$what" "$LINE" ended
}
