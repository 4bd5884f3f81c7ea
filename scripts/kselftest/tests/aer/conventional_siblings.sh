#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: conventional
#
# Conventional functions share a bus below a PCIe-to-PCI bridge and have no errors
# of their own: an error of the bridge or of the port above hits all of them, each
# gets the callbacks, in the order bridge first, and each comes back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/edu.sh
. "$KT_DIR/lib/edu.sh"

edu_need
edu_bus
need_injection
pci_upstream_port "$BRIDGE"
# shellcheck disable=SC2153 # lib/pci.sh's
PORT0=$PORT
ALL="$BRIDGE $EDU0 $TESTDEV"

# on BDF COMMAND...: with BDF as the device that the helpers mean, and the driver
# that it has.
on() {
	local device status
	device=$KT_DEVICE
	KT_DEVICE=$1
	[ "$1" != "$EDU0" ] || DEBUGFS=$EDU_DEBUGFS
	shift
	status=0
	"$@" || status=$?
	KT_DEVICE=$device
	DEBUGFS=/sys/kernel/debug/$DRIVER
	return "$status"
}

mark() {
	events_mark
	eval "MARK_$(name)=\$EVENTS_MARK"
}

new_callbacks() {
	eval "EVENTS_MARK=\$MARK_$(name)"
	callbacks_new
}

# name: the device under test as a part of a variable's name.
name() {
	printf '%s' "$KT_DEVICE" | tr -c '0-9a-f' _
}

happened() {
	eval "EVENTS_MARK=\$MARK_$(name)"
	event_happened "$1"
}

all_resumed() {
	local bdf
	for bdf in $ALL; do
		on "$bdf" happened resume || return 1
	done
}

# check_came CALLBACKS: these came, and the function is as it was.
check_came() {
	new_callbacks
	check_eq "callbacks of $KT_DEVICE" "$CALLBACKS" "$1"
	check_status state ok
	check_status channel normal
	check_registers
}

check_registers() {
	regs_snapshot "$KT_DEVICE" "$KT_TMP/now.regs"
	regs_diff "$KT_TMP/$KT_DEVICE.regs" "$KT_TMP/now.regs" > "$KT_TMP/difference" ||
		{ fail "registers of $KT_DEVICE differ"; diag_lines < "$KT_TMP/difference"; }
}

# last_event EVENT: sets LAST_EVENT to the time of the last one, in microseconds.
last_event() {
	LAST_EVENT=$(awk -v event="$1" '$2 == event { last = $1 } END { print substr(last, 1, length(last) - 3) }' \
		"$DEBUGFS/$KT_DEVICE/events")
}

they_bind() {
	local bdf
	edu_take "$EDU0"
	bridge_take "$BRIDGE"
	for bdf in $ALL; do
		regs_snapshot "$bdf" "$KT_TMP/$bdf.regs"
	done
}

# error_hits_all ID ERROR CALLBACKS: and the bridge's come before the others'.
error_hits_all() {
	local bdf answer
	edu_load 100000
	check_fires "before the error"
	for bdf in $ALL; do
		on "$bdf" mark
	done
	answer=$(harness inject "$1" "$2" 2>&1) ||
		fail "cannot inject $2 at $1: $answer"
	wait_for "$KT_WAIT" all_resumed || fail "no resume of all after $2 at $1"
	for bdf in $ALL; do
		on "$bdf" check_came "$3"
	done
	check_fires "after the error"
	edu_load 0
	check_requests
}

nonfatal() {
	error_hits_all "$1" COMP_TIME \
		"error_detected normal can_recover; mmio_enabled recovered; resume"
}

fatal() {
	local bridge bdf
	dmesg_mark "fatal at $1"
	error_hits_all "$1" DLP \
		"error_detected frozen need_reset; slot_reset recovered; resume"
	check_dmesg "$PORT0: AER: Root Port link has been reset"
	on "$BRIDGE" last_event slot_reset
	bridge=$LAST_EVENT
	for bdf in $EDU0 $TESTDEV; do
		on "$bdf" last_event restore
		[ "$LAST_EVENT" -ge "$bridge" ] ||
			fail "$bdf was restored before the bridge above it"
	done
}

# One whose registers were changed behind the driver's back gets the known-good ones.
wiped_before_it_comes_back() {
	on "$TESTDEV" device_wipe
	fatal bridge0
}

# They have no FLR, and a reset of their bus would hit all: where one does not take its
# state, the recovery of all has failed, and says why. A restore brings them back.
without_flr() {
	local bar
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$TESTDEV"
	dmesg_mark "one is stuck"
	bar=$(cfg_read "$TESTDEV" "$PCI_BASE_ADDRESS_0" 4)
	fault stuck range=0x10-0x13 "value=$(printf '0x%x' $((bar ^ 0x10000000)))"
	recovery_fails
	fault_off
	on "$EDU0" check_lost recovered
	on "$TESTDEV" check_lost
	check_dmesg "$TESTDEV: the FLR failed"
	on "$TESTDEV" check_event "mismatch PCI_BASE_ADDRESS_0"
	# What was not reset is not restored once more.
	case $EVENTS in
	*'; mismatch'*'; mismatch'*) fail "restored again: $EVENTS" ;;
	esac
	fault_unload
	on "$BRIDGE" check_write restore 1 OK
	on "$BRIDGE" check_registers
	they_come_back
}

# The reset wipes the bridge, and it is not restored: what is below cannot be
# reached. So the bridge has to be bound, too, and is the first to be repaired.
bridge_without_driver_loses_them() {
	local bdf failed
	driver_unbind "$BRIDGE"
	recovery_fails
	for bdf in $EDU0 $TESTDEV; do
		on "$bdf" check_lost
	done
	# It will not come back: a request fails at once.
	edu_get failed
	failed=$EDU_VALUE
	edu_load 2
	check_true "the requests do not end" wait_for "$KT_WAIT" edu_idle
	edu_get failed
	check_eq "requests failed more" $((EDU_VALUE - failed)) 2

	driver_bind "$BRIDGE"
	check_eq "bind the wiped bridge" "$ERRNO" OK
	on "$BRIDGE" check_registers
	they_come_back
}

# recovery_fails: a fatal error at the port, from which they do not come back.
recovery_fails() {
	local bdf answer
	for bdf in $EDU0 $TESTDEV; do
		on "$bdf" mark
	done
	answer=$(harness inject rp0 DLP 2>&1) || fail "cannot inject: $answer"
	wait_for "$KT_WAIT" on "$TESTDEV" happened "error_detected perm_failure" ||
		fail "recovery does not fail"
}

# they_come_back: by a restore, where the bridge above has its registers. edu takes up
# its work when it is bound anew, with an interrupt that may be another one.
they_come_back() {
	local bdf
	for bdf in $EDU0 $TESTDEV; do
		on "$bdf" check_write restore 1 OK
		on "$bdf" check_registers
	done
	driver_unbind "$EDU0"
	edu_bind "$EDU0"
	edu_load 4
	check_requests
	regs_snapshot "$EDU0" "$KT_TMP/$EDU0.regs"
}

# check_lost [VOTE]: it is given up, after its slot_reset has voted so (disconnect).
check_lost() {
	new_callbacks
	check_eq "callbacks of $KT_DEVICE" "$CALLBACKS" \
		"error_detected frozen need_reset; slot_reset ${1:-disconnect}; error_detected perm_failure disconnect"
	check_status state lost
}

subtests they_bind "nonfatal bridge0" "nonfatal rp0" "fatal bridge0" "fatal rp0" \
	wiped_before_it_comes_back without_flr bridge_without_driver_loses_them
