#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
#
# Suspend to idle, through the kernel's pm_test: the device is suspended and
# resumed with all phases, but the machine comes back by itself.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
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
at_exit device_back
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
	status_get saves
	pl_saves=$STATUS
	events_mark
	freeze
	check_eq "suspend" "$ERRNO" OK
	check_callbacks "suspend; suspend_noirq; resume_noirq; pm_resume"
	check_no_event refusal mismatch lost
	status_get saves
	[ "$STATUS" -gt "$pl_saves" ] || fail "nothing was saved on suspend"
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
	if ! pci_find_id 0x1234 0x11e8 || ! bound "$BDF"; then
		skip "there is no edu device (1234:11e8), or it is not bound to $DRIVER"
		return 0
	fi
	ld_events=$DEBUGFS/$BDF/events
	regs_snapshot "$BDF" "$KT_TMP/edu.regs"
	# By time: the ring may be full, and then has as many lines as before.
	ld_mark=$(awk 'END { print $1 }' "$ld_events")
	cfg_write "$BDF" "$PCI_BASE_ADDRESS_0" 4 0
	freeze
	check_eq "suspend" "$ERRNO" OK
	# The first words are what is to be seen.
	ld_seen=$(awk -v mark="$ld_mark" 'seen { printf "%s ", $2 } $1 == mark { seen = 1 }' "$ld_events")
	check_eq "events" "$ld_seen" \
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
	check_no_event lost
	check_known_good_kept
	check_status state ok
	check_regs "after suspending a wiped device"
}

# gone METHOD: it reads all-ones all the time and is back some time afterwards.
gone() {
	bound "$KT_DEVICE" || device_repair
	if ! gone_possible "$1"; then
		skip "$GONE_REASON"
		return 0
	fi
	saved_copy "$KT_TMP/saved.before"
	status_get refusals
	gn_refusals=$STATUS
	events_mark
	device_gone "$1" || fail "$GONE_REASON"
	freeze
	check_eq "suspend" "$ERRNO" OK
	check_event refusal
	status_get refusals
	[ "${STATUS:-0}" -gt "$gn_refusals" ] || fail "status does not count the refusal"
	check_known_good_kept
	check_callbacks "suspend; suspend_noirq; resume_noirq; pm_resume"
	# Resume has looked, too.
	check_status state lost
	check_true "the device does not come back" device_back
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
	if ! gone_possible secondary_bus; then
		skip "$GONE_REASON"
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
	device_gone secondary_bus || fail "$GONE_REASON"
	freeze
	check_eq "suspend" "$ERRNO" EIO
	check_event refusal
	check_known_good_kept
	check_true "the device does not come back" device_back
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

subtests plain goes_to_low_power suspended_at_run_time \
	left_in_d0_is_repaired_in_noirq wiped_is_repaired_on_resume "gone secondary_bus" \
	"gone slot_power" abort_suspend
