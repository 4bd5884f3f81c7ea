#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: conventional
# timeout: 120
# weight: 12
#
# Requests are made all the time, while errors are injected at the bridge and at
# the port above it, the bus is reset, and the system goes through suspend test
# cycles. Each request is answered, and right, if need be at a second attempt;
# before and after each recovery the device's MSI is on and comes.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/edu.sh
. "$KT_DIR/lib/edu.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

LOAD=100000
ROUNDS=3

edu_need
edu_bus
device_bdf edu1 || skip_all "there is no edu1 in this topology"
EDU1=$BDF
need_injection

they_bind() {
	edu_take "$EDU0" "$EDU1"
	bridge_take "$BRIDGE"
}

# recovered_since: true where the recovery since the mark has ended.
recovered_since() {
	edu_resumes "$EDU"
	[ "$EDU_RESUMES" != "$ERROR_MARK" ]
}

# edu_resumes BDF: sets EDU_RESUMES to the time of its last `resume`.
edu_resumes() {
	EDU_RESUMES=$(awk '$2 == "resume" { last = $1 } END { print last }' \
		"$EDU_DEBUGFS/$1/events")
}

# error_at ID ERROR: injects it and waits until $EDU has recovered.
error_at() {
	local answer
	edu_resumes "$EDU"
	ERROR_MARK=$EDU_RESUMES
	answer=$(harness inject "$1" "$2" 2>&1) ||
		fail "cannot inject $2 at $1: $answer"
	wait_for "$KT_WAIT" recovered_since || fail "no resume after $2 at $1"
	check_fires "after $2 at $1"
}

# load_begin BDF: requests are being made of it from now on.
load_begin() {
	EDU=$1
	edu_get retried
	RETRIED_BEFORE=$EDU_VALUE
	edu_load $LOAD
	check_eq "write to load" "$ERRNO" OK
	check_fires "before"
}

# load_end: no request was lost, none was answered wrong, some were made again.
load_end() {
	edu_idle && fail "the load was over too early"
	edu_load 0
	check_requests
	edu_get retried
	[ "$EDU_VALUE" -gt "$RETRIED_BEFORE" ] ||
		fail "no request was made again: it was not hit by anything"
	edu_get timed_out
	check_eq "requests, timed_out" "$EDU_VALUE" 0
	read_line "$EDU_DEBUGFS/$EDU/status"
	check_eq "status of $EDU" "$LINE" "state: ok"
}

errors_at_bridge_and_port() {
	local round
	load_begin "$EDU0"
	round=0
	while [ $round -lt $ROUNDS ]; do
		round=$((round + 1))
		error_at bridge0 COMP_TIME
		error_at bridge0 DLP
		error_at rp0 COMP_TIME
		error_at rp0 DLP
	done
	load_end
}

bus_resets() {
	local round
	load_begin "$EDU1"
	round=0
	while [ $round -lt $ROUNDS ]; do
		round=$((round + 1))
		write_errno "$SYSFS_PCI/$EDU1/reset" 1
		check_eq "reset of $EDU1" "$ERRNO" OK
		check_fires "after a reset"
	done
	load_end
}

suspends() {
	local round
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	sleep_prepare freeze
	load_begin "$EDU1"
	round=0
	while [ $round -lt $ROUNDS ]; do
		round=$((round + 1))
		check_true "suspend $round fails" sleep_cycle
		check_fires "after suspend $round"
	done
	load_end
	sleep_undo
}

# Both devices, and errors of one while the other one is reset.
all_at_once() {
	local retried round
	load_begin "$EDU1"
	retried=$RETRIED_BEFORE
	load_begin "$EDU0"
	round=0
	while [ $round -lt $ROUNDS ]; do
		round=$((round + 1))
		echo 1 > "$SYSFS_PCI/$EDU1/reset" &
		error_at bridge0 DLP
		wait $! || fail "reset $round of $EDU1 fails"
	done
	load_end
	EDU=$EDU1
	RETRIED_BEFORE=$retried
	load_end
}

subtests they_bind errors_at_bridge_and_port bus_resets suspends all_at_once
