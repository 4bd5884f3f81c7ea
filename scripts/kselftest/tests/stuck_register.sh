#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A register that does not take its known-good value: a restore says so, by its
# name, and a recovery resets the function by FLR. One that is asleep is powered up.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/uevent.sh
. "$KT_DIR/lib/uevent.sh"

# each_is_named: every register that is verified, one after the other.
each_is_named() {
	saved_copy "$KT_TMP/saved.before"
	en_count=0
	en_missed=
	while read -r en_offset en_size en_name en_value; do
		# What reads something else in every bit that software can set.
		en_stuck=$(printf '0x%x' $((en_value ^ (en_size == 2 ? 0xffff : 0xffffffff))))
		events_mark
		fault stuck "range=$en_offset-$(printf '0x%x' $((en_offset + en_size - 1)))" \
			"value=$en_stuck"
		en_result=error
		! echo 1 2> /dev/null > "$DEBUGFS/$KT_DEVICE/restore" || en_result=ok
		fault_off
		if [ "$en_result" = ok ]; then
			en_missed="$en_missed $en_name"
		else
			en_count=$((en_count + 1))
			events_new
			case "; $EVENTS" in
			*"; mismatch $en_name at $en_offset "* | *'; lost'*) ;;
			*) fail "$en_name is stuck, the events are: $EVENTS" ;;
			esac
		fi
	done < "$KT_TMP/saved.before"
	report "$en_count stuck registers were named; not compared:${en_missed:- none}"
	# The header has 16 words, of which all but one are compared.
	[ "$en_count" -ge 15 ] || fail "only $en_count stuck registers were noticed"
	check_write restore 1 OK
	check_regs "after the last restore"
}

# Not comparing a register must have a reason: it is nobody's to set.
not_compared_are_few() {
	for nc_name in $en_missed; do
		case $nc_name in
		reserved) ;;
		# An endpoint has no slot and is no root: they read 0 through the core.
		PCI_EXP_SLTCTL | PCI_EXP_SLTCTL2 | PCI_EXP_RTCTL) ;;
		*) fail "$nc_name is saved and not compared" ;;
		esac
	done
}

# stuck_cache_line MORE: Cache Line Size does not take its value.
stuck_cache_line() {
	fault stuck range=0x0c "value=$((CACHE_LINE ^ 0x10))" "$@"
}

# flr_was_written: has bit 15 of Device Control been written since fault_clear?
flr_was_written() {
	fw_devctl=$(awk '$3 == "PCI_EXP_DEVCTL" { print $1 }' "$DEBUGFS/$KT_DEVICE/saved")
	fault_record | grep -qE "^$FAULT_FN w $fw_devctl 2 0x[89a-f][0-9a-f]{3} "
}

# Stuck until the function is reset: slot_reset does that, by FLR, and verifies.
recovery_resets_the_function() {
	events_mark
	fault_clear
	stuck_cache_line "ms=$STUCK_MS"
	check_inject fatal || return 0
	await_event resume
	fault_off
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_event "mismatch PCI_CACHE_LINE_SIZE"
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
	ru_control=$(printf '0x%03x' $((CAP + 4)))
	events_mark
	fault_clear
	# Two comparisons and two who mean to change it read it so; the last read is real.
	fault stuck "range=$ru_control-$(printf '0x%03x' $((CAP + 5)))" value=0x000b count=4
	check_inject fatal || return 0
	await_event resume
	fault_off
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_true "nobody has powered it up" d0_was_written
	check_status state ok
	check_regs "after a recovery with a power-up"
}

# d0_was_written: has all of the power state's register been set to 0?
d0_was_written() {
	fault_record | grep -q "^$FAULT_FN w $ru_control 2 0x0000 "
}

# Stuck for good: the recovery has failed and says so; later it is restored.
recovery_fails_and_says_so() {
	events_mark
	listener_start "$KT_TMP/uevents" || diag "no listener for uevents"
	stuck_cache_line
	check_inject fatal || return 0
	await_event "slot_reset disconnect"
	await_dmesg "device recovery failed"
	check_event lost
	check_status state lost
	check_write save 1 EIO
	fault_off
	if [ -n "$LISTENER" ]; then
		wait_for "$KT_WAIT" heard '^PCI_RECOVERY=failed$' ||
			fail "no uevent with PCI_RECOVERY=failed"
		heard '^PCI_RECOVERY_REASON=PCI_CACHE_LINE_SIZE' ||
			fail "the uevent does not name the register"
	fi
	check_write restore 1 OK
	check_status state ok
	check_regs "after a recovery that failed, and a restore"
}

# The core gives the function up for good; a reset tells it otherwise.
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
subtests each_is_named not_compared_are_few recovery_resets_the_function \
	recovery_powers_it_up recovery_fails_and_says_so
