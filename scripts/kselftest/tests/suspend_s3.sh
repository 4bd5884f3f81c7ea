#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
#
# Suspend to RAM (S3). The platform resets every device on the way back: what the
# registers are then comes from the known-good state, or is lost. And all levels
# of pm_test, which come back by themselves before the platform is reached.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

POWER=/sys/power
ALL_PHASES="suspend; suspend_noirq; resume_noirq; pm_resume"

sleep_need mem
at_exit device_back
grep -qw deep $POWER/mem_sleep || skip_all "the machine has no S3"
read_line $POWER/mem_sleep
MEM_SLEEP=${LINE#*\[}
MEM_SLEEP=${MEM_SLEEP%\]*}
mem_sleep_back() {
	echo "$MEM_SLEEP" > $POWER/mem_sleep
}
at_exit mem_sleep_back
echo deep > $POWER/mem_sleep
fault_need

# s3_possible: skips the subtest where nobody would wake the machine.
s3_possible() {
	[ "$KT_GUEST" = 1 ] && have harness && return 0
	skip "nobody is there to wake the machine"
	return 1
}

# s3: to RAM and back.
s3() {
	echo none > $POWER/pm_test
	if ! harness wakeup > "$KT_TMP/wakeup"; then
		fail "the harness does not wake the guest: $(cat "$KT_TMP/wakeup")"
		return 0
	fi
	fault_clear
	write_errno $POWER/state mem
	check_eq "suspend to RAM" "$ERRNO" OK
}

# check_was_reset: the first that was read of a BAR after the sleep was 0, and
# what no driver restores is gone.
check_was_reset() {
	bars "$KT_DEVICE"
	cr_bar=$(printf '0x%03x' "${BARS%% *}")
	# Not even the suspend reads a BAR after the first write to one.
	fault_record | awk -v bar="$cr_bar" '
		$2 == "r" && $3 == bar { value = $5 }
		$2 == "w" && $3 == bar { exit }
		END { exit !(value ~ /^0x0000000[0-9a-f]$/) }
	' || fail "the platform did not reset the function: $cr_bar was not wiped"
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
	s3_possible || return 0
	set_witness
	status_get saves
	kb_saves=$STATUS
	events_mark
	s3
	check_was_reset
	check_callbacks "$ALL_PHASES"
	status_get saves
	[ "$STATUS" -gt "$kb_saves" ] || fail "nothing was saved on suspend"
	check_well "after S3"
}

# What is known-good is what the function was when it was suspended, not probed.
change_since_the_first_save_is_back() {
	s3_possible || return 0
	cs_cls=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $((cs_cls ^ 0x10))
	cap_find "$KT_DEVICE" 10
	cs_offset=$((CAP + 8))
	cs_control=$(cfg_read "$KT_DEVICE" $cs_offset 2)
	cfg_write "$KT_DEVICE" $cs_offset 2 $((cs_control ^ 0x8))
	check_damaged
	events_mark
	s3
	check_was_reset
	check_no_event refusal mismatch lost
	check_eq "cache line size" \
		"$(($(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)))" $((cs_cls ^ 0x10))
	check_eq "Device Control" \
		"$(($(cfg_read "$KT_DEVICE" $cs_offset 2)))" $((cs_control ^ 0x8))
	check_saved_agrees "after S3 with changed registers"
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$cs_cls"
	cfg_write "$KT_DEVICE" $cs_offset 2 "$cs_control"
	check_write save 1 OK
	check_regs "after undoing the change"
}

wiped_before_is_repaired() {
	s3_possible || return 0
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	s3
	check_event refusal
	check_no_event lost
	check_known_good_kept
	check_status state ok
	check_regs "after S3 of a wiped function"
}

# Lost before the save, and back when the machine wakes: two reads of
# Command/Status are all that the driver does to a function that is gone.
lost_before_is_repaired() {
	s3_possible || return 0
	saved_copy "$KT_TMP/saved.before"
	events_mark
	fault gone count=2
	s3
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
	s3_possible || return 0
	if ! gone_possible secondary_bus; then
		skip "$GONE_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	events_mark
	device_gone secondary_bus || fail "$GONE_REASON"
	s3
	check_event refusal
	check_known_good_kept
	check_status state lost
	check_true "the device does not come back" device_back
	check_damaged
	check_write restore 1 OK
	check_known_good_kept
	check_status state ok
	check_regs "after S3 while gone, and a restore"
}

# The machinery of AER has been through S3, too.
errors_are_recovered_afterwards() {
	s3_possible || return 0
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	for ea_kind in nonfatal fatal; do
		aer_mark
		events_mark
		check_inject $ea_kind || return 0
		await_event resume
		case $ea_kind in
		nonfatal) check_counted 0 1 0 ;;
		fatal) check_counted 0 0 1 ;;
		esac
		check_well "after a $ea_kind error after S3"
	done
}

# level STATE LEVEL: a suspend that goes as far as that level of pm_test.
level() {
	case $2 in
	freezer) lv_callbacks= ;;
	devices) lv_callbacks="suspend; pm_resume" ;;
	*) lv_callbacks=$ALL_PHASES ;;
	esac
	grep -qw "$1" $POWER/state || {
		skip "the kernel has no state '$1'"
		return 0
	}
	echo "$2" > $POWER/pm_test
	events_mark
	write_errno $POWER/state "$1"
	echo none > $POWER/pm_test
	check_eq "suspend" "$ERRNO" OK
	check_callbacks "$lv_callbacks"
	check_well "after $1 up to level $2"
}

# Suspend to idle has no levels beyond platform.
subtests known_good_is_back change_since_the_first_save_is_back \
	wiped_before_is_repaired lost_before_is_repaired lost_all_the_time \
	errors_are_recovered_afterwards "level mem freezer" "level mem devices" \
	"level mem platform" "level mem processors" "level mem core" \
	"level freeze freezer" "level freeze devices" "level freeze platform"
