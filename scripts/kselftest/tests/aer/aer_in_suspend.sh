#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# An error while the system goes to sleep. Processes are frozen then, so it is the
# harness, outside the guest, that raises it some time after the request.
#
# Not a fatal one: 7.3.4 may deadlock. The port's suspend, with its device lock held,
# waits for the interrupt thread that PME shares with AER (pcie_pme_suspend()), and
# that thread waits for the port's device lock to reset the bus (pci_reset_bridge()).

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

# suspend_with_error MS: a cycle, with the error so long after its begin. Sets
# SENT_CS to when it is sent, DONE_CS to the end.
suspend_with_error() {
	events_mark
	dmesg_mark suspend
	uptime_cs
	SENT_CS=$((UPTIME_CS + $1 / 10))
	harness inject "$KT_INJECT_ID" COMP_TIME "$1" > "$KT_TMP/answer" || fail "$(cat "$KT_TMP/answer")"
	check_true "the suspend fails" sleep_cycle
	uptime_cs
	DONE_CS=$UPTIME_CS
}

# check_well WHEN: and the next error is handled like any other.
check_well() {
	wait_for "$KT_WAIT" is_well || fail "not well $1: state $STATUS"
	check_regs "$1"
	check_saved_agrees "$1"
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
	check_regs "after the next error, $1"
}

is_well() {
	status_get channel
	[ "$STATUS" = normal ] || return 1
	status_get state
	[ "$STATUS" = ok ]
}

# In the middle of the driver's save: error_detected waits for the device lock, and
# the recovery runs in the middle of the suspend.
#
# How long the freezing takes, and how punctual the harness is, depends on the machine:
# each try makes the save longer, and the error comes later. After the save it is lost,
# see while_suspended.
in_the_save() {
	local tries us
	tries=0
	us=20000
	until [ $tries -eq 4 ]; do
		tries=$((tries + 1))
		fault delay us=$us from=4 count=$((60 * KT_SLOW))
		suspend_with_error $((us * 15 / 2000))
		# An error that came too late is not to be there in the next try.
		wait_for 2 event_happened resume || diag "no recovery within 2 s"
		wait_for "$KT_WAIT" is_well || :
		fault_off
		events_new
		diag "try $tries, sent $((DONE_CS - SENT_CS)) cs before the end: $EVENTS"
		case $EVENTS in
		*suspend\;*error_detected*pm_resume*) break ;;
		esac
		us=$((us * 2))
	done
	case $EVENTS in
	*suspend\;*error_detected*pm_resume*) ;;
	*) fail "no error came between suspend and resume" ;;
	esac
	check_no_event lost
	check_well "after an error in the suspend"
}

# The drivers are suspended, the port does not report: the error is cleared when the
# port is resumed, and the function is what it was.
while_suspended() {
	local waiting
	echo devices > /sys/power/pm_test
	echo 2 > /sys/module/suspend/parameters/pm_test_delay
	suspend_with_error 1200
	echo platform > /sys/power/pm_test
	waiting=$(dmesg_since "$DMESG_MARK" |
		sed -n 's/^\[ *\([0-9]*\)\.\([0-9][0-9]\).*suspend debug: Waiting.*/\1\2/p')
	if [ "${waiting:-$DONE_CS}" -ge "$SENT_CS" ] || [ "$DONE_CS" -le "$SENT_CS" ]; then
		fail "the error was not sent while suspended: at $SENT_CS, suspended $waiting to $DONE_CS"
	fi
	check_callbacks "suspend; pm_resume"
	check_well "after an error while suspended"
}

need_injection
[ "$KT_INJECT" = qemu ] || skip_all "only the harness can raise an error then"
need_bus_alone
sleep_need freeze
fault_need
subtests in_the_save while_suspended
