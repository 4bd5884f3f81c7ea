#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme multifunction sriov sriov_igb e1000e conventional switch
# timeout: 120
# weight: 6
#
# tools/survey, which applies the guard's rules outside of the kernel: it accepts
# every function of the machine, says what an ordinary user may not read, and
# says of the device under test what the driver says.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/interfaces.sh
. "$KT_DIR/lib/interfaces.sh"

SURVEY=$KT_DIR/tools/survey
[ -x "$SURVEY" ] || skip_all "there is no tools/survey: make harness builds it"

# survey OPTION...: sets CODE; its output is in $KT_TMP/survey.
survey() {
	CODE=0
	"$SURVEY" "$@" > "$KT_TMP/survey" 2>&1 || CODE=$?
}

# survey_shown: as diagnostic lines, all of them.
survey_shown() {
	sed 's/^/# /' "$KT_TMP/survey"
}

# totals: sets TOTALS to the last line.
totals() {
	TOTALS=$(tail -n 1 "$KT_TMP/survey")
}

# functions_count: sets FUNCTIONS to how many there are, in words.
functions_count() {
	local dir
	FUNCTIONS=0
	for dir in "$SYSFS_PCI"/*; do
		: "$dir"
		FUNCTIONS=$((FUNCTIONS + 1))
	done
}

# survey_device: sets VERDICT and REASON of the device under test, and CODE.
survey_device() {
	survey --json "$KT_DEVICE"
	VERDICT=$(sed -n 's/^ *"verdict": "\(.*\)",*$/\1/p' "$KT_TMP/survey")
	REASON=$(sed -n 's/^ *"reason": "\(.*\)",*$/\1/p' "$KT_TMP/survey")
}

# check_accepted WHEN, check_refused_by_survey WHEN
check_accepted() {
	survey_device
	check_eq "verdict $1" "$VERDICT" accepted
	check_eq "exit code $1" "$CODE" 0
}

check_refused_by_survey() {
	survey_device
	check_eq "verdict $1" "$VERDICT" refused
	check_eq "exit code $1" "$CODE" 1
	[ -n "$REASON" ] || fail "no reason $1"
}

each_function_is_accepted() {
	functions_count
	survey
	survey_shown
	totals
	check_eq "exit code" "$CODE" 0
	check_eq "totals" "$TOTALS" "$FUNCTIONS functions: $FUNCTIONS accepted, 0 refused, 0 not judged"
	report "$TOTALS"
	check_regs "after a survey"
}

each_loss_would_be_refused() {
	survey --losses
	survey_shown
	check_eq "exit code" "$CODE" 0
	check_true "there is no line of totals" grep -q '^judged as they must be: ' "$KT_TMP/survey"
}

# Which read all-ones and zeros where others read what they are and what was assigned.
virtual_functions_are_accepted() {
	local count before
	read_line "$SYSFS_PCI/$KT_DEVICE/sriov_totalvfs"
	count=${LINE:-0}
	if [ "$count" -eq 0 ]; then
		skip "the device has no virtual functions"
		return 0
	fi
	functions_count
	before=$FUNCTIONS
	read_line "$SYSFS_PCI/$KT_DEVICE/sriov_drivers_autoprobe"
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/sriov_drivers_autoprobe"
	write_errno "$SYSFS_PCI/$KT_DEVICE/sriov_numvfs" "$count"
	check_eq "enabling $count virtual functions" "$ERRNO" OK
	functions_count
	check_eq "functions" "$FUNCTIONS" $((before + count))
	survey --losses
	write_errno "$SYSFS_PCI/$KT_DEVICE/sriov_numvfs" 0
	echo "$LINE" > "$SYSFS_PCI/$KT_DEVICE/sriov_drivers_autoprobe"
	survey_shown
	totals
	check_eq "exit code" "$CODE" 0
	check_eq "totals" "$TOTALS" "$FUNCTIONS functions: $FUNCTIONS accepted, 0 refused, 0 not judged"
}

# Who may read the first 64 bytes only.
an_ordinary_user_is_told() {
	functions_count
	CODE=0
	unprivileged "$KT_TMP/survey" "$SURVEY" || CODE=$?
	totals
	check_eq "exit code" "$CODE" 3
	check_eq "totals" "$TOTALS" "$FUNCTIONS functions: 0 accepted, 0 refused, $FUNCTIONS not judged"
	check_true "it does not say why" grep -q "$KT_DEVICE.*not judged.*run this as root" "$KT_TMP/survey"
	failed || return 0
	survey_shown
}

# What is certain even so.
an_ordinary_user_sees_that_it_is_gone() {
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	fault gone
	CODE=0
	unprivileged "$KT_TMP/survey" "$SURVEY $KT_DEVICE" || CODE=$?
	fault_off
	check_eq "exit code" "$CODE" 1
	check_true "it does not say that it is gone" \
		grep -q "$KT_DEVICE.*refused.*config space reads all-ones" "$KT_TMP/survey"
}

accepted_binds() {
	check_accepted "while it is bound"
	driver_unbind "$KT_DEVICE"
	check_accepted "without a driver"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	check_accepted "after binding"
}

gone_does_not_bind() {
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	driver_unbind "$KT_DEVICE"
	fault gone
	check_refused_by_survey "while it is gone"
	dmesg_mark gone
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	check_dmesg "$KT_DEVICE: not bound: $REASON;"
	fault_off
	check_accepted "when it is back"
	driver_bind "$KT_DEVICE"
	check_eq "bind when it is back" "$ERRNO" OK
}

# Of a function that is bound, survey and the guarded save of the driver say the same.
wiped_is_not_saved() {
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		skip "the device has no base address register"
		return 0
	fi
	device_wipe
	check_refused_by_survey "while it is wiped"
	check_write save 1 EIO
	status_get last_refusal
	check_eq "the driver's reason" "$STATUS" "$REASON"
	check_write restore 1 OK
	check_accepted "after the restore"
	check_regs "after the restore"
}

# The driver restores one that is wiped when it binds, where that is possible: here
# its first BAR does not take its address.
wiped_for_good_does_not_bind() {
	local bar
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		skip "the device has no base address register"
		return 0
	fi
	driver_unbind "$KT_DEVICE"
	device_wipe
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
	check_refused_by_survey "while it is wiped"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" EIO
	fault_off
	driver_bind "$KT_DEVICE"
	check_eq "bind without the fault" "$ERRNO" OK
	check_accepted "after that"
	check_regs "after binding"
}

if fault_possible; then
	fault_need
fi
subtests each_function_is_accepted each_loss_would_be_refused \
	virtual_functions_are_accepted an_ordinary_user_is_told \
	an_ordinary_user_sees_that_it_is_gone accepted_binds gone_does_not_bind \
	wiped_is_not_saved wiped_for_good_does_not_bind
