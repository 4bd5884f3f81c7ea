#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
# timeout: 90
#
# Suspend to idle, through the kernel's pm_test: the device is suspended and
# resumed with all phases, but the machine comes back by itself.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

POWER=/sys/power
DELAY=/sys/module/suspend/parameters/pm_test_delay
DYNAMIC_DEBUG=/sys/kernel/debug/dynamic_debug/control
[ -w $POWER/state ] || skip_all "no $POWER/state"
[ -w $POWER/pm_test ] || skip_all "no $POWER/pm_test (CONFIG_PM_DEBUG)"
grep -qw freeze $POWER/state || skip_all "the kernel has no suspend to idle"
grep -qw platform $POWER/pm_test || skip_all "pm_test has no level 'platform'"

OLD_DELAY=
if [ -w $DELAY ]; then
	read_line $DELAY
	OLD_DELAY=$LINE
	echo "$KT_SUSPEND" > $DELAY
fi
echo platform > $POWER/pm_test

pm_test_none() {
	echo none > $POWER/pm_test
	[ -z "$OLD_DELAY" ] || echo "$OLD_DELAY" > $DELAY
}
at_exit pm_test_none
at_exit device_reconnect
hotplug_detach
at_exit hotplug_attach

# freeze: one cycle. Sets ERRNO.
freeze() {
	write_errno $POWER/state freeze
}

check_known_good_kept() {
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

plain() {
	local saves
	status_get saves
	saves=$STATUS
	events_mark
	freeze
	check_eq "suspend" "$ERRNO" OK
	check_callbacks "suspend; suspend_noirq; resume_noirq; pm_resume"
	check_no_event refusal mismatch lost
	status_get saves
	[ "$STATUS" -gt "$saves" ] || fail "nothing was saved on suspend"
	check_status state ok
	check_regs "after suspend and resume"
	check_saved_agrees "after suspend and resume"
}

# Whoever saves owes the transition to low power.
goes_to_low_power() {
	if ! [ -w $DYNAMIC_DEBUG ]; then
		skip "no $DYNAMIC_DEBUG (CONFIG_DYNAMIC_DEBUG)"
		return 0
	fi
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the device has no power management capability"
		return 0
	fi
	echo 'file drivers/pci/pci-driver.c func pci_pm_suspend_noirq +p' > $DYNAMIC_DEBUG
	dmesg_mark low_power
	freeze
	echo 'file drivers/pci/pci-driver.c func pci_pm_suspend_noirq -p' > $DYNAMIC_DEBUG
	check_eq "suspend" "$ERRNO" OK
	check_dmesg "$KT_DEVICE: PCI PM: Suspend power state: D3"
	read_line "$SYSFS_PCI/$KT_DEVICE/power_state"
	check_eq "power_state" "$LINE" D0
	check_regs "after suspend and resume"
}

# The core reads on resume in which state it is. Lost once, it takes a function that is in
# D0 to be in D3cold, leaves its interrupts off, and does not look again.
power_state_is_lost_once() {
	local pmcsr reads n
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the device has no power management capability"
		return 0
	fi
	pmcsr=$(printf '0x%03x' $((CAP + 4)))
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	fault_clear
	freeze
	reads=$(fault_record | grep -c "^$FAULT_FN r $pmcsr ")
	[ "$reads" -gt 2 ] || fail "the power state was read only $reads times"
	n=1
	while [ "$n" -le "$reads" ]; do
		fault ones "range=$pmcsr-$((pmcsr + 1))" from=$n count=1
		freeze
		fault_off
		check_eq "suspend with read $n of $reads lost" "$ERRNO" OK
		check_power_state D0
		check_status state ok
		check_regs "after a suspend with read $n of $reads lost"
		n=$((n + 1))
	done
	fault_unload
}

# A device that is suspended at run time stays so, or is resumed first.
suspended_at_run_time() {
	if ! cap_find "$KT_DEVICE" 01; then
		skip "the device has no power management capability"
		return 0
	fi
	events_mark
	at_exit power_on
	echo auto > "$SYSFS_PCI/$KT_DEVICE/power/control"
	await_event runtime_suspend
	freeze
	check_eq "suspend" "$ERRNO" OK
	power_on
	check_event runtime_resume
	check_no_event refusal mismatch lost
	check_status state ok
	check_regs "after suspending it while it was suspended at run time"
}

power_on() {
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
}

# The core restores no device that stayed in D0; that is seen in the noirq phase.
left_in_d0_is_repaired_in_noirq() {
	local events mark seen
	if ! pci_find_id 0x1234 0x11e8 || ! bound "$BDF"; then
		skip "there is no edu device (1234:11e8), or it is not bound to $DRIVER"
		return 0
	fi
	events=$DEBUGFS/$BDF/events
	regs_snapshot "$BDF" "$KT_TMP/edu.regs"
	# By time: the ring may be full, and then has as many lines as before.
	mark=$(awk 'END { print $1 }' "$events")
	cfg_write "$BDF" "$PCI_BASE_ADDRESS_0" 4 0
	freeze
	check_eq "suspend" "$ERRNO" OK
	# The first words are what is to be seen.
	seen=$(awk -v mark="$mark" 'seen { printf "%s ", $2 } $1 == mark { seen = 1 }' "$events")
	check_eq "events" "$seen" \
		"suspend refusal suspend_noirq resume_noirq mismatch restore pm_resume "
	regs_snapshot "$BDF" "$KT_TMP/now.regs"
	check_true "registers of $BDF differ" \
		regs_diff "$KT_TMP/edu.regs" "$KT_TMP/now.regs"
}

# Wrong registers are not saved on suspend, and resume repairs them.
wiped_is_repaired_on_resume() {
	saved_copy "$KT_TMP/saved.before"
	device_wipe
	check_damaged
	events_mark
	freeze
	check_eq "suspend" "$ERRNO" OK
	check_event refusal
	# The core restores what it was given, not what it has read.
	! cap_find "$KT_DEVICE" 01 || check_no_event mismatch
	check_no_event core_state_bad lost
	check_known_good_kept
	check_status state ok
	check_regs "after suspending a wiped device"
}

# gone METHOD: it reads all-ones all the time and is back some time afterwards.
gone() {
	local refusals
	bound "$KT_DEVICE" || device_repair
	if ! cut_off_possible "$1"; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	status_get refusals
	refusals=$STATUS
	events_mark
	device_cut_off "$1" || fail "$CUT_OFF_REASON"
	freeze
	check_eq "suspend" "$ERRNO" OK
	check_event refusal
	status_get refusals
	[ "${STATUS:-0}" -gt "$refusals" ] || fail "status does not count the refusal"
	check_known_good_kept
	check_callbacks "suspend; suspend_noirq; resume_noirq; pm_resume"
	# Resume has looked, too.
	check_status state lost
	check_true "the device does not come back" device_reconnect
	check_write restore 1 OK
	check_known_good_kept
	check_status state ok
	check_regs "after suspend while gone, and a restore"
	# So that the next one can show what it has to show.
	! failed || device_repair
}

# With abort_suspend=1 the refusal ends the suspend; the device is as it was.
abort_suspend() {
	own_module || return 0
	if ! cut_off_possible secondary_bus; then
		skip "$CUT_OFF_REASON"
		return 0
	fi
	module_unload || fail "cannot unload the module: $MODULE_ERROR"
	at_exit reload_default
	if ! module_load abort_suspend=1; then
		fail "cannot load it with abort_suspend=1: $MODULE_ERROR"
		return 0
	fi
	check_true "not bound after the load" wait_for "$KT_WAIT" bound "$KT_DEVICE"
	saved_copy "$KT_TMP/saved.before"
	events_mark
	device_cut_off secondary_bus || fail "$CUT_OFF_REASON"
	freeze
	check_eq "suspend" "$ERRNO" EIO
	check_event refusal
	check_known_good_kept
	check_true "the device does not come back" device_reconnect
	check_write restore 1 OK
	check_regs "after the aborted suspend"
	check_status state ok
	# And it suspends when all is well.
	freeze
	check_eq "suspend of a device that is well" "$ERRNO" OK
	check_regs "after suspend with abort_suspend=1"
}

reload_default() {
	module_unload || :
	module_load || :
}

subtests plain goes_to_low_power power_state_is_lost_once suspended_at_run_time \
	left_in_d0_is_repaired_in_noirq wiped_is_repaired_on_resume "gone secondary_bus" \
	"gone slot_power" abort_suspend
