#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
#
# An error that the port above the device detects: the kernel recovers what is
# below it, also a device that has no AER and could not report one.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

need_injection
need_bus_alone

# recovered_from KIND
recovered_from() {
	local kind
	kind=$1
	WITNESS=
	if witness_find; then
		check_true "the witness bit does not stick" witness_set
	fi
	events_mark
	dmesg_mark "$kind"
	check_inject_at_port "$kind" || return 0
	await_event resume
	case $kind in
	nonfatal)
		check_callbacks "error_detected normal can_recover; mmio_enabled recovered; resume"
		[ -z "$WITNESS" ] || witness_is_set || fail "a non-fatal error reset the device"
		[ -z "$WITNESS" ] || witness_clear
		;;
	fatal)
		check_callbacks "error_detected frozen need_reset; slot_reset recovered; resume"
		if [ -n "$WITNESS" ] && witness_is_set; then
			fail "the device was not reset: the witness bit is still set"
			witness_clear
		fi
		;;
	esac
	await_dmesg "$KT_PORT: AER: device recovery successful"
	check_no_event refusal mismatch lost
	check_status state ok
	check_status channel normal
	check_regs "after a $kind error at the port"
	check_saved_agrees "after a $kind error at the port"
}

# Changed behind the driver's back: the known-good values return.
known_good_values_return() {
	device_wipe
	check_damaged
	events_mark
	check_inject_at_port fatal || return 0
	await_event resume
	check_status state ok
	check_regs "after a fatal error at the port, of a wiped device"
}

subtests "recovered_from nonfatal" "recovered_from fatal" known_good_values_return
