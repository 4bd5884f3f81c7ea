#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Suspend to idle, through the kernel's pm_test: the device is suspended and
# resumed with all phases, but the machine comes back by itself.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

POWER=/sys/power
DELAY=/sys/module/suspend/parameters/pm_test_delay
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
	check_callbacks "suspend; pm_resume"
	check_no_event refusal mismatch lost
	status_get saves
	[ "$STATUS" -gt "$pl_saves" ] || fail "nothing was saved on suspend"
	check_status state ok
	check_regs "after suspend and resume"
	check_saved_agrees "after suspend and resume"
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
	check_callbacks "suspend; pm_resume"
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

# With abort_suspend=Y the refusal ends the suspend; the device is as it was.
abort_suspend() {
	own_module || return 0
	if ! gone_possible secondary_bus; then
		skip "$GONE_REASON"
		return 0
	fi
	module_unload || fail "cannot unload the module: $MODULE_ERROR"
	at_exit reload_default
	if ! module_load abort_suspend=Y; then
		fail "cannot load it with abort_suspend=Y: $MODULE_ERROR"
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
	check_regs "after suspend with abort_suspend=Y"
}

reload_default() {
	module_unload || :
	module_load || :
}

subtests plain wiped_is_repaired_on_resume "gone secondary_bus" \
	"gone slot_power" abort_suspend
