#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# weight: 9
#
# Runtime power management: the device goes to D3hot when userspace allows it and
# it is idle, and comes back as it was. One whose save is refused stays in
# D0 until the next try.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

PM_DIR=$SYSFS_PCI/$KT_DEVICE/power
[ -w "$PM_DIR/control" ] || skip_all "no $PM_DIR/control"
cap_find "$KT_DEVICE" 01 || skip_all "the device has no power management capability"
PMCSR=$((CAP + 4))
RESETS=
RESET_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
read_line "$RESET_FILE"
case " $LINE " in
*' flr '*)
	RESETS=$LINE
	echo flr > "$RESET_FILE"
	;;
esac

undo() {
	device_reconnect
	echo on > "$PM_DIR/control"
	[ -z "$RESETS" ] || echo "$RESETS" > "$RESET_FILE"
}
at_exit undo

# power_is STATE NUMBER: by the kernel's account, and by the device's own. Reading
# a register of a device in D3hot does not resume it.
power_is() {
	read_line "$SYSFS_PCI/$KT_DEVICE/power_state"
	check_eq "power_state" "$LINE" "$1"
	check_eq "PowerState in PMCSR" $(($(cfg_read "$KT_DEVICE" "$PMCSR" 2) & 3)) "$2"
}

# suspend_it: a device that is well goes to D3hot, and is well.
suspend_it() {
	control auto
	if ! wait_for "$KT_WAIT" is_suspended; then
		fail "not suspended but $LINE; events: $(tail -n 3 "$DEBUGFS/$KT_DEVICE/events")"
		return 1
	fi
	power_is D3hot 3
}

# resume_it: and back.
resume_it() {
	control on
	check_true "not active but $LINE" is_active
	power_is D0 0
}

# refused_suspend REASON: a suspend that must be refused, and nothing is lost.
refused_suspend() {
	local refusals
	status_get refusals
	refusals=$STATUS
	control auto
	await_event refusal
	check_event runtime_suspend
	check_true "not active but $LINE" is_active
	read_line "$SYSFS_PCI/$KT_DEVICE/power_state"
	check_eq "power_state" "$LINE" D0
	status_get refusals
	[ "${STATUS:-0}" -gt "$refusals" ] || fail "status does not count the refusal"
	status_get last_refusal
	case $STATUS in
	*"$1"*) ;;
	*) fail "status, last_refusal: is '$STATUS', should be '$1'" ;;
	esac
	check_known_good_kept
	refused_again
}

# refused_again: reading a register triggers the suspend again; that is counted,
# but reported once only.
refused_again() {
	local refusals
	status_get refusals
	refusals=$STATUS
	cfg_read "$KT_DEVICE" "$PCI_COMMAND" 4 > /dev/null
	check_true "the suspend was not asked for again" \
		wait_for "$KT_WAIT" refusals_above "$refusals"
	events_new
	case $EVENTS in
	*refusal*refusal*) fail "reported more than once: $EVENTS" ;;
	esac
}

refusals_above() {
	status_get refusals
	[ "$STATUS" -gt "$1" ]
}

check_known_good_kept() {
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

# works_again: a refusal does not last.
works_again() {
	control on
	events_mark
	suspend_it || return 0
	resume_it
	check_no_event refusal mismatch lost
	check_status state ok
	check_regs "after it was suspended again"
}

# Nothing changes where runtime PM is not enabled.
# Of a new binding: a test before may have had it suspended in this one.
is_off_by_default() {
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
	read_line "$PM_DIR/control"
	check_eq "power/control" "$LINE" on
	is_active || fail "runtime_status is '$LINE'"
	events_all
	check_no_event runtime_
}

suspends_and_resumes() {
	local saves
	status_get saves
	saves=$STATUS
	events_mark
	suspend_it || return 0
	check_callbacks "runtime_suspend"
	status_get saves
	check_eq "status, saves" "$STATUS" $((saves + 1))
	check_saved_agrees "while suspended"
	resume_it
	check_callbacks "runtime_suspend; runtime_resume"
	check_no_event refusal mismatch lost
	check_status state ok
	check_regs "after it was suspended"
	check_saved_agrees "after it was suspended"
}

# The driver's save is the only one: the core's would not be looked at. A save
# reads the subsystem IDs once, and nothing else reads them.
core_does_not_save() {
	local reads
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	suspend_it || return 0
	reads=$(fault_record | grep -c "^$FAULT_FN r 0x02c ") || :
	check_eq "reads of the subsystem IDs" "$reads" 1
	resume_it
	fault_unload
	check_regs "after it was suspended with its accesses recorded"
}

# debugfs resumes it, and it goes back to sleep.
debugfs_wakes_it() {
	suspend_it || return 0
	events_mark
	check_write save 1 OK
	check_true "not suspended again" wait_for "$KT_WAIT" is_suspended
	check_callbacks "runtime_resume; runtime_suspend"
	case $EVENTS in
	runtime_resume\;*) ;;
	*) fail "it was not resumed before it was saved: $EVENTS" ;;
	esac
	check_write restore 1 OK
	check_true "not suspended again" wait_for "$KT_WAIT" is_suspended
	check_no_event refusal mismatch lost
	power_is D3hot 3
	resume_it
	check_regs "after debugfs woke it up"
}

# So does a reset, by sysfs and by the driver.
resets_wake_it() {
	if [ -z "$RESETS" ]; then
		skip "the device offers no FLR"
		return 0
	fi
	suspend_it || return 0
	events_mark
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	check_eq "write to reset in sysfs" "$ERRNO" OK
	check_true "not suspended again" wait_for "$KT_WAIT" is_suspended
	check_callbacks "runtime_resume; reset_prepare; reset_done; runtime_suspend"
	check_write reset 1 OK
	check_true "not suspended again" wait_for "$KT_WAIT" is_suspended
	check_no_event refusal mismatch lost
	resume_it
	check_status state ok
	check_regs "after it was reset while suspended"
}

# An error of a suspended device is recovered from as any other.
error_wakes_it() {
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	suspend_it || return 0
	events_mark
	check_inject nonfatal || return 0
	await_event resume
	check_true "not suspended again" wait_for "$KT_WAIT" is_suspended
	check_callbacks "runtime_resume; error_detected normal can_recover; mmio_enabled recovered; resume; runtime_suspend"
	resume_it
	check_status state ok
	check_regs "after an error while suspended"
}

# As after a bus reset without a restore.
wiped_stays_in_d0() {
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	refused_suspend wiped
	check_still_damaged
	control on
	check_write restore 1 OK
	check_regs "after the restore"
	works_again
}

# Restored, and wiped again: that is another refusal for the same reason, and is reported.
wiped_again_is_told_again() {
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	events_mark
	refused_suspend wiped
	control on
	check_write restore 1 OK
	device_wipe
	events_mark
	refused_suspend wiped
	control on
	check_write restore 1 OK
	check_regs "after the restore"
	works_again
}

gone_stays_in_d0() {
	if ! cut_off_possible secondary_bus; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	device_cut_off secondary_bus || fail "$CUT_OFF_REASON"
	events_mark
	refused_suspend "all-ones"
	control on
	check_true "the device does not come back" device_reconnect
	check_status state ok
	check_regs "after it was gone"
	works_again
}

# A restore that failed leaves it lost: what it holds is not to be saved.
lost_stays_in_d0() {
	if ! cut_off_possible secondary_bus; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	device_cut_off secondary_bus || fail "$CUT_OFF_REASON"
	check_write restore 1 EIO
	check_true "the device does not come back" device_reconnect
	check_status state lost
	events_mark
	refused_suspend "not restored yet"
	control on
	check_write restore 1 OK
	check_status state ok
	works_again
}

# It does not come back when it is needed: reported, and no reason not to try a
# reset or a restore.
gone_while_suspended_is_lost() {
	if ! cut_off_possible secondary_bus; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	suspend_it || return 0
	saved_copy "$KT_TMP/saved.before"
	device_cut_off secondary_bus || fail "$CUT_OFF_REASON"
	events_mark
	control on
	check_event runtime_resume
	check_event lost
	is_active || fail "runtime_status is '$LINE'"
	check_status state lost
	check_write restore 1 EIO
	check_known_good_kept
	check_true "the device does not come back" device_reconnect
	check_write restore 1 OK
	check_status state ok
	check_regs "after it was gone while suspended"
	works_again
	! failed || device_repair
}

# A reset is tried even where the device did not come back, and does bring it back
# when it is there again. By pm first: every kernel refuses that at once to a device
# that is gone, the others may wait for a minute.
reset_brings_it_back() {
	local resets failed
	case " $RESETS " in
	*' pm '*) ;;
	*)
		skip "the device has no reset methods flr and pm"
		return 0
		;;
	esac
	if ! cut_off_possible secondary_bus; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	echo pm > "$RESET_FILE"
	suspend_it || return 0
	status_get resets
	resets=$STATUS
	status_get resets_failed
	failed=$STATUS
	device_cut_off secondary_bus || fail "$CUT_OFF_REASON"
	debugfs_write reset 1
	case $ERRNO in
	EIO | ENOTTY) ;;
	*) fail "write to reset: is '$ERRNO', should be EIO or ENOTTY" ;;
	esac
	check_status state lost
	check_status resets "$resets"
	check_status resets_failed $((failed + 1))
	check_true "the device does not come back" device_reconnect
	echo flr > "$RESET_FILE"
	check_write reset 1 OK
	check_status state ok
	check_status resets $((resets + 1))
	check_status resets_failed $((failed + 1))
	resume_it
	check_regs "after a reset brought it back"
	! failed || device_repair
}

# After a recovery that failed, the PCI core lets go of the device, whatever it
# holds: it must not be saved then.
failed_recovery_stays_in_d0() {
	local bar
	bars "$KT_DEVICE"
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	elif ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	elif [ -z "$BARS" ]; then
		skip "the device has no base address register"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	saved_copy "$KT_TMP/saved.before"
	suspend_it || return 0
	events_mark
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
	if check_inject fatal; then
		await_event "error_detected perm_failure"
		await_event refusal
		check_event "slot_reset disconnect"
		check_event runtime_suspend
		is_active || fail "runtime_status is '$LINE'"
		check_status state lost
		check_known_good_kept
	fi
	fault_off
	fault_unload
	control on
	check_write restore 1 OK
	works_again
	! failed || device_repair
}

# The driver's reference on the device is given back, each time.
unbind_while_suspended() {
	local usage round
	dmesg_mark unbind
	read_line "$PM_DIR/runtime_usage"
	usage=$LINE
	round=0
	while [ $round -lt 3 ]; do
		round=$((round + 1))
		suspend_it || return 0
		driver_unbind "$KT_DEVICE"
		check_eq "unbind" "$ERRNO" OK
		driver_bind "$KT_DEVICE"
		check_eq "bind" "$ERRNO" OK
	done
	resume_it
	read_line "$PM_DIR/runtime_usage"
	check_eq "power/runtime_usage" "$LINE" "$usage"
	check_false "the kernel complains about its count" dmesg_has "usage count underflow"
	check_status state ok
	check_regs "after unbinding and binding while suspended"
	works_again
}

subtests is_off_by_default suspends_and_resumes core_does_not_save debugfs_wakes_it \
	resets_wake_it error_wakes_it wiped_stays_in_d0 wiped_again_is_told_again gone_stays_in_d0 lost_stays_in_d0 \
	gone_while_suspended_is_lost reset_brings_it_back failed_recovery_stays_in_d0 \
	unbind_while_suspended
