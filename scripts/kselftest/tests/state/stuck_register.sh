#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A register that does not take its known-good value: a restore says so, by its name.
# Without some the function cannot be used: the restore fails, and a recovery resets the
# function by FLR. Without the rest it can: it is restored and recovered. One that is
# asleep is powered up.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/uevent.sh
. "$KT_DIR/lib/uevent.sh"

# each_is_named: every register that is verified, one after the other.
each_is_named() {
	local offset size name value stuck deviations result
	saved_copy "$KT_TMP/saved.before"
	VITAL=
	MINOR=
	MISSED=
	while read -r offset size name value; do
		# What reads something else in every bit that software can set.
		stuck=$(printf '0x%x' $((value ^ (size == 2 ? 0xffff : 0xffffffff))))
		events_mark
		status_get deviations
		deviations=$STATUS
		fault stuck "range=$offset-$(printf '0x%x' $((offset + size - 1)))" \
			"value=$stuck"
		result=error
		! echo 1 2> /dev/null > "$DEBUGFS/$KT_DEVICE/restore" || result=ok
		fault_off
		events_new
		status_get deviations
		case $result:$((STATUS - deviations)) in
		error:0) VITAL="$VITAL $name" ;;
		ok:1) MINOR="$MINOR $name" ;;
		ok:0)
			MISSED="$MISSED $name"
			continue
			;;
		*) fail "$name is stuck: restore $result, deviations $deviations, now $STATUS" ;;
		esac
		case "; $EVENTS" in
		*"; mismatch $name at $offset "* | *'; lost'*) ;;
		*) fail "$name is stuck, the events are: $EVENTS" ;;
		esac
		# What software cannot change, and was accepted, is known good until then.
		check_write restore 1 OK
	done < "$KT_TMP/saved.before"
	report "stuck: not usable without$VITAL; usable without$MINOR; not compared:${MISSED:- none}"
	check_write restore 1 OK
	check_regs "after the last restore"
}

# What decodes, masters the bus, has a size of payload, or says who it is. The word of
# Cache Line Size has the header type in it, Link Control the bit that disables the link.
vital_are_the_right_ones() {
	local name
	for name in $VITAL; do
		case $name in
		PCI_VENDOR_ID | PCI_COMMAND | PCI_CACHE_LINE_SIZE | PCI_BASE_ADDRESS_?) ;;
		PCI_EXP_DEVCTL | PCI_EXP_LNKCTL) ;;
		*) fail "a restore fails without $name" ;;
		esac
	done
	for name in $MINOR; do
		case $name in
		PCI_COMMAND | PCI_BASE_ADDRESS_? | PCI_EXP_DEVCTL)
			fail "a restore does not fail without $name"
			;;
		esac
	done
	[ -n "$MINOR" ] || fail "no register is one that the function can do without"
}

# A register is left out only where software cannot set it.
not_compared_are_few() {
	local name
	for name in $MISSED; do
		case $name in
		reserved) ;;
		# An endpoint has no slot and is no root: they read 0 through the core.
		PCI_EXP_SLTCTL | PCI_EXP_SLTCTL2 | PCI_EXP_RTCTL) ;;
		*) fail "$name is saved and not compared" ;;
		esac
	done
}

# stuck_bar MORE: a BAR does not take its address.
stuck_bar() {
	fault stuck "range=$BAR-$(printf '0x%x' $((BAR + 3)))" \
		"value=$(printf '0x%x' $((BAR_VALUE ^ 0x10000000)))" "$@"
}

# stuck_cache_line: Cache Line Size does not take its value.
stuck_cache_line() {
	fault stuck range=0x0c "value=$((CACHE_LINE ^ 0x10))"
}

# flr_was_written: true where bit 15 of Device Control was written since fault_clear.
flr_was_written() {
	local devctl
	devctl=$(awk '$3 == "PCI_EXP_DEVCTL" { print $1 }' "$DEBUGFS/$KT_DEVICE/saved")
	fault_record | grep -qE "^$FAULT_FN w $devctl 2 0x[89a-f][0-9a-f]{3} "
}

# Stuck for good, but the function can do without: to give it up would take every other
# function below the port down with it.
recovery_succeeds_without_it() {
	local deviations
	events_mark
	fault_clear
	status_get deviations
	deviations=$STATUS
	dmesg_mark stuck_register
	stuck_cache_line
	check_inject fatal || return 0
	await_event resume
	fault_off
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_event "mismatch PCI_CACHE_LINE_SIZE"
	check_false "an FLR was written" flr_was_written
	check_status state ok
	check_status deviations $((deviations + 1))
	check_dmesg "$KT_DEVICE: .*works again, but PCI_CACHE_LINE_SIZE"
	check_write restore 1 OK
	check_regs "after a recovery without a register, and a restore"
}

# Stuck until the function is reset: slot_reset does that, by FLR, and verifies.
recovery_resets_the_function() {
	events_mark
	fault_clear
	stuck_bar "ms=$STUCK_MS"
	check_inject fatal || return 0
	await_event resume
	fault_off
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_event "mismatch $BAR_NAME"
	check_event reset
	check_true "no FLR was written" flr_was_written
	check_status state ok
	check_regs "after a recovery with a reset"
}

# A function is in D0 after a reset. One that says D3hot is powered up, while the core
# has its lock of the buses: a kernel with lockdep looks whether it is taken once more.
recovery_powers_it_up() {
	if ! cap_find "$KT_DEVICE" 01; then
		skip "$KT_DEVICE has no power management capability"
		return 0
	fi
	PM_CONTROL_AT=$(printf '0x%03x' $((CAP + 4)))
	events_mark
	fault_clear
	# Two comparisons and two who mean to change it read it so; the last read is real.
	fault stuck "range=$PM_CONTROL_AT-$(printf '0x%03x' $((CAP + 5)))" value=0x000b count=4
	check_inject fatal || return 0
	await_event resume
	fault_off
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_true "nobody has powered it up" d0_was_written
	check_status state ok
	check_regs "after a recovery with a power-up"
}

# d0_was_written: true where the register of the power state was set to 0.
d0_was_written() {
	fault_record | grep -q "^$FAULT_FN w $PM_CONTROL_AT 2 0x0000 "
}

# A reset that worked is not all: the state has to be back.
reset_fails_and_says_so() {
	stuck_bar
	check_write reset 1 EIO
	check_status state lost
	fault_off
	check_write reset 1 OK
	check_status state ok
	check_regs "after a reset that failed, and another one"
}

# Stuck for good: the recovery has failed and says so; later it is restored.
recovery_fails_and_says_so() {
	local mismatches
	events_mark
	status_get mismatches
	mismatches=$STATUS
	listener_start "$KT_TMP/uevents" || diag "no listener for uevents"
	stuck_bar
	check_inject fatal || return 0
	await_event "slot_reset disconnect"
	await_dmesg "device recovery failed"
	await_event "error_detected perm_failure"
	check_event lost
	status_get mismatches
	[ "$STATUS" -gt "$mismatches" ] || fail "status, mismatches: is still $STATUS"
	case $EVENTS in
	*'; lost'*'; lost'*) fail "reported more than once: $EVENTS" ;;
	esac
	check_status state lost
	check_write save 1 EIO
	fault_off
	if [ -n "$LISTENER" ]; then
		wait_for "$KT_WAIT" heard '^PCI_RECOVERY=failed$' ||
			fail "no uevent with PCI_RECOVERY=failed"
		heard '^PCI_RECOVERY_REASON=PCI_BASE_ADDRESS' ||
			fail "the uevent does not name the register"
	fi
	check_write restore 1 OK
	check_status state ok
	check_regs "after a recovery that failed, and a restore"
}

# The core gives the function up; a reset undoes that.
undo() {
	listener_stop
	write_errno "$DEBUGFS/$KT_DEVICE/reset" 1
}

# How long it takes until the first restore of a recovery, twice, and no reset.
STUCK_MS=80

need_injection
need_bus_alone
fault_need
at_exit undo
CACHE_LINE=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
bars "$KT_DEVICE"
BAR=$(printf '0x%02x' "${BARS%% *}")
BAR_NAME=PCI_BASE_ADDRESS_$(((BAR - 0x10) / 4))
BAR_VALUE=$(cfg_read "$KT_DEVICE" "$BAR" 4)

# Subsystem IDs that firmware has put there are gone after a reset, for good: what is accepted in
# the restore is no reason to refuse each save from then on.
accepted_is_known_good() {
	local deviations
	status_get deviations
	deviations=$STATUS
	fault stuck range=0x2c-0x2f value=0x12345678
	events_mark
	check_inject fatal || return 0
	await_event "slot_reset recovered"
	await_event resume
	check_status deviations $((deviations + 1))
	check_status state ok
	events_mark
	check_write save 1 OK
	check_write restore 1 OK
	check_no_event refusal mismatch
	saved_value 0x2c
	check_eq "subsystem IDs that are known good" $((SAVED)) $((0x12345678))
	fault_off
	check_write restore 1 OK
	check_write save 1 OK
	check_regs "when it has its own again"
	check_saved_agrees "when it has its own again"
}

# The one that looks for a line in the log first: each kind is limited to ten in 5 s.
subtests recovery_succeeds_without_it accepted_is_known_good each_is_named \
	vital_are_the_right_ones not_compared_are_few recovery_resets_the_function recovery_powers_it_up \
	reset_fails_and_says_so recovery_fails_and_says_so
