#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
# timeout: 120
# weight: 8
#
# Suspend to RAM (S3). The platform resets every device on the way back: what the
# registers are then comes from the known-good state, or is lost. And all levels
# of pm_test, which come back by themselves before the platform is reached.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

POWER=/sys/power
ALL_PHASES="suspend; suspend_noirq; resume_noirq; pm_resume"

sleep_need mem
at_exit device_reconnect
if grep -qw deep $POWER/mem_sleep; then
	at_exit s3_undo
	s3_prepare
fi
fault_need

# asleep: to RAM and back, with a record of the accesses.
asleep() {
	fault_clear
	check_s3
}

# check_was_reset: the first that was read of a BAR after the sleep was 0, and
# what no driver restores is gone.
check_was_reset() {
	local bar
	bars "$KT_DEVICE"
	bar=$(printf '0x%03x' "${BARS%% *}")
	# Not even the suspend reads a BAR after the first write to one.
	fault_record | awk -v bar="$bar" '
		$2 == "r" && $3 == bar { value = $5 }
		$2 == "w" && $3 == bar { exit }
		END { exit !(value ~ /^0x0000000[0-9a-f]$/) }
	' || fail "the platform did not reset the function: $bar was not wiped"
	if [ -n "$WITNESS" ] && witness_is_set; then
		fail "the platform did not reset the function: the witness bit is still set"
		witness_clear
	fi
}

set_witness() {
	witness_find || return 0
	check_true "the witness bit does not stick" witness_set
}

# check_well WHEN
check_well() {
	check_no_event refusal mismatch lost core_state_bad
	check_status state ok
	check_regs "$1"
	check_saved_agrees "$1"
}

known_good_is_back() {
	local saves
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	set_witness
	status_get saves
	saves=$STATUS
	events_mark
	asleep
	check_was_reset
	check_callbacks "$ALL_PHASES"
	status_get saves
	[ "$STATUS" -gt "$saves" ] || fail "nothing was saved on suspend"
	check_well "after S3"
}

# What is known-good is what the function was when it was suspended, not probed.
change_since_the_first_save_is_back() {
	local cls offset control
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	cls=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $((cls ^ 0x10))
	cap_find "$KT_DEVICE" 10
	offset=$((CAP + 8))
	control=$(cfg_read "$KT_DEVICE" $offset 2)
	cfg_write "$KT_DEVICE" $offset 2 $((control ^ 0x8))
	check_damaged
	events_mark
	asleep
	check_was_reset
	check_no_event refusal mismatch lost
	check_eq "cache line size" \
		"$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)))" $((cls ^ 0x10))
	check_eq "Device Control" \
		"$(($(cfg_read "$KT_DEVICE" $offset 2)))" $((control ^ 0x8))
	check_saved_agrees "after S3 with changed registers"
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$cls"
	cfg_write "$KT_DEVICE" $offset 2 "$control"
	rebind
	check_regs "after undoing the change"
}

wiped_before_is_repaired() {
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	asleep
	check_event refusal
	check_no_event lost
	check_known_good_kept
	check_status state ok
	check_regs "after S3 of a wiped function"
}

# Lost before the save, and back when the machine wakes: two reads of
# Command/Status are all that the driver does to a function that is gone.
lost_before_is_repaired() {
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	events_mark
	fault gone count=2
	asleep
	fault_off
	check_callbacks "$ALL_PHASES"
	check_event refusal
	check_no_event mismatch lost
	check_known_good_kept
	check_was_reset
	check_status state ok
	check_regs "after S3 of a function that was lost"
}

# Below a port whose bus numbers are 0, which the port saves and restores.
lost_all_the_time() {
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	if ! cut_off_possible secondary_bus; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	events_mark
	device_cut_off secondary_bus || fail "$CUT_OFF_REASON"
	asleep
	check_event refusal
	check_known_good_kept
	check_status state lost
	check_true "the device does not come back" device_reconnect
	check_damaged
	check_write restore 1 OK
	check_known_good_kept
	check_status state ok
	check_regs "after S3 while gone, and a restore"
}

# The machinery of AER has been through S3, too.
errors_are_recovered_afterwards() {
	local kind counts
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	for kind in nonfatal fatal; do
		aer_mark
		events_mark
		if cap_find "$KT_DEVICE" 0001; then
			check_inject $kind || return 0
		else
			check_inject_at_port $kind || return 0
		fi
		await_event resume
		case $kind in
		nonfatal) counts="0 1 0" ;;
		fatal) counts="0 0 1" ;;
		esac
		# shellcheck disable=SC2086 # three numbers
		! cap_find "$KT_DEVICE" 0001 || check_counted $counts
		check_well "after a $kind error after S3"
	done
}

# level STATE LEVEL: a suspend that goes as far as that level of pm_test.
level() {
	local callbacks
	case $2 in
	freezer) callbacks= ;;
	devices) callbacks="suspend; pm_resume" ;;
	*) callbacks=$ALL_PHASES ;;
	esac
	grep -qw "$1" $POWER/state || {
		skip "the kernel has no state '$1'"
		return 0
	}
	case $1:$2 in
	mem:processors | mem:core)
		# `mem` of a machine without S3 is suspend to idle, which has no such levels.
		grep -qw deep $POWER/mem_sleep || {
			skip "the machine has no suspend to RAM (S3)"
			return 0
		}
		;;
	esac
	echo "$2" > $POWER/pm_test
	events_mark
	write_errno $POWER/state "$1"
	echo none > $POWER/pm_test
	check_eq "suspend" "$ERRNO" OK
	check_callbacks "$callbacks"
	check_well "after $1 up to level $2"
}

subtests known_good_is_back change_since_the_first_save_is_back \
	wiped_before_is_repaired lost_before_is_repaired lost_all_the_time \
	errors_are_recovered_afterwards "level mem freezer" "level mem devices" \
	"level mem platform" "level mem processors" "level mem core" \
	"level freeze freezer" "level freeze devices" "level freeze platform"
