#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
# weight: 40
#
# Each allocation of a save, a restore and a reset fails, through debugfs and
# sysfs, and of what is reported of them: what is known good stays or is replaced,
# whole, and nothing else fails for it. And of the fault injector's own files.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

path_debugfs() {
	write_armed "$DEBUGFS/$KT_DEVICE/$FILE" 1
}

saved_or_kept() {
	failslab_says_no ENOMEM
	failslab_is_well
	case $RESULT$SAVED_STATE$BUFFER_STATE in
	"ok$NEW$NEW" | "error$1$1") ;;
	*) wrong "$RESULT, known good $SAVED_STATE, buffer $BUFFER_STATE; it was $1, the function has $NEW" ;;
	esac
	[ "$REGS_STATE" = "$NEW" ] || wrong "the registers are $REGS_STATE, were $NEW"
}

save() {
	FILE=save
	failslab_sweep save no path_debugfs saved_or_kept
}

restored_or_untouched() {
	failslab_says_no ENOMEM
	failslab_is_well
	case $RESULT$REGS_STATE in
	"ok$1" | "error$NEW") ;;
	*) wrong "$RESULT, the registers are $REGS_STATE; they were $NEW, known good is $1" ;;
	esac
	[ "$SAVED_STATE" = "$1" ] || wrong "the known-good state is $SAVED_STATE, was $1"
	# What was not restored is, for the next point.
	[ "$RESULT" = ok ] || driver_write restore
	name_states
}

restore() {
	FILE=restore
	failslab_sweep restore yes path_debugfs restored_or_untouched
}

# A reset saves before and restores after it: what is new survives it. Where it is not
# reached, it is still there.
reset_or_untouched() {
	failslab_says_no ENOMEM
	failslab_is_well
	[ "$REGS_STATE" = "$NEW" ] || wrong "$RESULT, the registers are $REGS_STATE, were $NEW"
	case $RESULT$SAVED_STATE in
	"ok$NEW" | "error$1") ;;
	*) wrong "$RESULT, the known-good state is $SAVED_STATE, it was $1, the function has $NEW" ;;
	esac
}

reset_debugfs() {
	reset_method flr || return 0
	FILE=reset
	failslab_sweep reset_debugfs no path_debugfs reset_or_untouched
}

path_sysfs_reset() {
	write_armed "$SYSFS_PCI/$KT_DEVICE/reset" 1
}

reset_sysfs() {
	reset_method "$1" || return 0
	failslab_sweep "reset_$1" no path_sysfs_reset reset_or_untouched
}

# Refused, and reported: by a uevent, which needs memory, the log, a counter.
path_refused() {
	local status
	status_get refusals
	REFUSALS_BEFORE=$STATUS
	fault gone
	status=0
	path_debugfs || status=1
	fault_off
	return "$status"
}

refused_and_counted() {
	status_get refusals
	case $RESULT$ERRNO in
	errorEIO)
		[ "$STATUS" = $((REFUSALS_BEFORE + 1)) ] ||
			wrong "refused, status says $STATUS refusals, it was $REFUSALS_BEFORE"
		;;
	errorENOMEM)
		[ "$STATUS" = "$REFUSALS_BEFORE" ] || wrong "ENOMEM, and yet it was refused"
		;;
	*) wrong "a save of a function that is gone: $RESULT, $ERRNO" ;;
	esac
	failslab_is_well
	[ "$SAVED_STATE$REGS_STATE" = "$1$NEW" ] ||
		wrong "the known-good state is $SAVED_STATE, was $1; the registers $REGS_STATE, were $NEW"
	# Not a failure of an allocation.
	RESULT=ok
}

refused_save() {
	FILE=save
	FAIL_EXPECTED=EIO
	failslab_sweep save_refused no path_refused refused_and_counted
	FAIL_EXPECTED=
}

# It does not come back, and is lost; a restore brings it back.
lost_or_untouched() {
	driver_state
	case $ERRNO$DRIVER_STATE in
	EIOlost | ENOMEMok) ;;
	*) wrong "a restore of a function that is gone: $RESULT, $ERRNO, state $DRIVER_STATE" ;;
	esac
	[ "$SAVED_STATE" = "$1" ] || wrong "the known-good state is $SAVED_STATE, was $1"
	driver_write restore || wrong "cannot be restored when it is back"
	name_states
}

failed_restore() {
	FILE=restore
	FAIL_EXPECTED=EIO
	failslab_sweep restore_failed yes path_refused lost_or_untouched
	FAIL_EXPECTED=
}

path_fault() {
	local status
	status=0
	write_armed "$FAULT/fault" "gone from=1000000 devfn=$FAULT_FN" || status=1
	read -r FAULT_SET < "$FAULT/fault"
	fault_off
	return "$status"
}

fault_set_or_not() {
	failslab_says_no ENOMEM
	case $RESULT$FAULT_SET in
	okgone* | errornone*) ;;
	*) wrong "$RESULT, the fault is '$FAULT_SET'" ;;
	esac
}

fault_setting() {
	failslab_sweep fault no path_fault fault_set_or_not
}

path_wrap() {
	fault_unwrap
	write_armed "$FAULT_ROOT/wrap" "$FAULT_BUS"
}

# Without all of its files, or any, it is not of use, but can be unwrapped.
wrapped_or_not() {
	failslab_says_no ENOMEM
	if [ "$RESULT" = error ]; then
		[ ! -e "$FAULT" ] || wrong "not wrapped, and there is $FAULT"
	else
		echo "$FAULT_BUS" > "$FAULT_ROOT/unwrap" || wrong "cannot be unwrapped"
	fi
	fault_wrap "$KT_DEVICE"
	state_set "$NEW"
	name_states
}

fault_wrapping() {
	failslab_sweep fault_wrap no path_wrap wrapped_or_not
}

failslab_need
sweep_setup
reset_need
subtests save restore refused_save failed_restore reset_debugfs "reset_sysfs flr" \
	"reset_sysfs pm" "reset_sysfs bus" fault_setting fault_wrapping
