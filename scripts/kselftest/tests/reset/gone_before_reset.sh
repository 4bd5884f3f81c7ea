#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A reset through sysfs of a function that is gone when it begins. 7.2 saves the
# all-ones that it reads, and restores them; 7.3 looks, does not save, and refuses
# the methods that cannot work. On both the driver keeps its known-good state, puts
# it back where the core has destroyed it, and says `lost` where it cannot yet.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/kernel.sh
. "$KT_DIR/lib/kernel.sh"

# reset_gone FAULT...: resets it with this fault. Sets RESET to the errno.
reset_gone() {
	events_mark
	fault_clear
	fault gone "$@"
	reset_device
	RESET=$ERRNO
}

# check_kept: the save was refused, and nothing else was kept instead; what 7.2
# has saved by itself was noticed and replaced.
check_kept() {
	check_callbacks "reset_prepare; reset_done"
	check_event refusal
	if kernel_at_least 7 3; then
		check_no_event core_state_bad
	else
		check_event core_state_bad
	fi
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

check_good() {
	check_status state ok
	check_regs "$1"
	cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would"
	cmp -s "$KT_TMP/would" "$KT_TMP/would.good" || fail "the core's buffer is not as it was $1"
}

# Back before anything is restored: at once after the save of 7.2, after the last
# look of 7.3.
back_before_the_restore_by() {
	reset_method "$1" || return 0
	if ! kernel_at_least 7 3; then
		# The driver's look, then all of the save.
		reset_gone count=$((1 + SAVE_LENGTH)) ms=500
		check_eq "reset by $1" "$RESET" OK
		fault_counters
		[ "$ONES_WRITTEN" -gt 0 ] || fail "the core has restored no all-ones"
	elif [ "$1" = bus ]; then
		# The driver's look and the core's.
		reset_gone count=2
		check_eq "reset by $1" "$RESET" OK
	else
		# And that of the method.
		reset_gone count=3
		check_eq "reset by $1" "$RESET" ENOTTY
	fi
	fault_off
	check_kept
	check_no_event lost
	check_good "after a reset by $1"
}

# Gone until the reset is over; the loss ends by itself, or the core would wait a
# minute where it waits at all.
back_after_the_reset_by() {
	local expected
	reset_method "$1" || return 0
	reset_gone ms=300
	check_kept
	if core_waits_after "$1"; then
		check_eq "reset by $1" "$RESET" OK
		check_no_event lost
	elif driver_waits; then
		check_eq "reset by $1" "$RESET" ENOTTY
		check_no_event lost
	else
		# A slot of zPCI says yes at once.
		expected=ENOTTY
		[ "$1" != bus ] || expected=OK
		check_eq "reset by $1" "$RESET" "$expected"
		check_status state lost
		check_true "the loss does not end" wait_for "$KT_WAIT" accessible "$KT_DEVICE"
		check_write restore 1 OK
	fi
	fault_off
	check_good "after a reset by $1, and a restore if it was lost"
}

# Gone for longer than the driver waits.
back_late_after_the_reset_by() {
	reset_method "$1" || return 0
	if core_waits_after "$1" || ! driver_waits; then
		skip "the driver does not wait for it"
		return 0
	fi
	reset_gone
	check_kept
	check_eq "reset by $1" "$RESET" ENOTTY
	check_event lost
	check_status state lost
	fault_off
	check_write restore 1 OK
	check_good "after a reset by $1, and a restore"
}

# core_waits_after METHOD: the core waits for the function after a reset by METHOD.
core_waits_after() {
	case $1 in
	bus) [ -n "$KT_PORT" ] ;;
	flr) ! kernel_at_least 7 3 ;;
	*) return 1 ;;
	esac
}

# driver_waits: the core has saved and restored all-ones, which may start an FLR, so
# that the driver waits a second for the function.
driver_waits() {
	! kernel_at_least 7 3
}

fault_need
reset_need
check_write save 1 OK
saved_copy "$KT_TMP/saved.before"
cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would.good"
fault_clear
echo 1 > "$FAULT_FUNCTION/save"
fault_counters
SAVE_LENGTH=$ACCESSES
subtests "back_before_the_restore_by flr" "back_before_the_restore_by pm" \
	"back_before_the_restore_by bus" "back_after_the_reset_by flr" \
	"back_after_the_reset_by pm" "back_after_the_reset_by bus" \
	"back_late_after_the_reset_by pm"
