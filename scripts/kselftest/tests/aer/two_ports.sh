#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: two_ports
#
# Two root ports in two states at once: while the function below the one is lost, or
# in the middle of its recovery, the one below the other saves, restores and recovers.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"

# on first|second: the helpers work on that function from now on.
on() {
	case $1 in
	first)
		KT_DEVICE=$FIRST
		KT_PORT=$FIRST_PORT
		KT_INJECT_ID=$FIRST_ID
		;;
	second)
		KT_DEVICE=$SECOND
		KT_PORT=$SECOND_PORT
		KT_INJECT_ID=ep1
		;;
	esac
}

# The second function is taken from its driver, and given back.
second_take() {
	pci_driver "$SECOND"
	SECOND_DRIVER=$PCI_DRIVER
	at_exit second_give_back
	on second
	device_bind || skip_all "$DEVICE_ERROR"
	reference_take "$SECOND" second
	fault_wrap "$SECOND"
	on first
}

second_give_back() {
	on second
	device_reconnect
	driver_unbind "$SECOND"
	driver_override "$SECOND" ""
	[ -z "$SECOND_DRIVER" ] ||
		write_errno "$SYSFS_BUS/drivers/$SECOND_DRIVER/bind" "$SECOND"
	on first
}
SYSFS_BUS=/sys/bus/pci

check_second_regs() {
	reference_same "$SECOND" second > "$KT_TMP/difference" || {
		fail "registers of the second function differ $1:"
		diag_lines < "$KT_TMP/difference"
	}
}

# The first one works as ever: it saves, restores what was wiped, and recovers.
check_first_works() {
	local kind
	on first
	check_write save 1 OK
	device_wipe
	check_write restore 1 OK
	check_regs "after a restore"
	for kind in nonfatal fatal; do
		events_mark
		check_inject "$kind" || return 0
		await_event resume
		check_no_event mismatch lost refusal
		check_regs "after a $kind error"
	done
	check_status state ok
}

while_the_other_is_lost() {
	on second
	check_true "it cannot be cut off" device_cut_off secondary_bus
	check_write save 1 EIO
	check_first_works
	on second
	check_false "the second function is back too early" accessible "$SECOND"
	check_write restore 1 EIO
	check_true "the second function does not come back" device_reconnect
	check_write restore 1 OK
	check_status state ok
	check_second_regs "after it was lost"
	on first
}

# recovered_meanwhile: of the first function, while the second one's recovery goes on.
# A host that is busy with something else may be too slow for the phase.
recovered_meanwhile() {
	on second
	phase_reach restore || return 1
	on first
	check_write save 1 OK
	events_mark
	check_inject nonfatal || return 1
	await_event resume
	on second
	! phase_is_over
}

while_the_other_recovers() {
	local tries
	tries=1
	until recovered_meanwhile; do
		! failed || return 0
		if [ $tries -ge 3 ]; then
			phase_too_late "the recovery of the second function was over too early"
			on first
			return 0
		fi
		phase_end
		tries=$((tries + 1))
	done
	check_first_works
	on second
	phase_end
	check_status state ok
	check_second_regs "after its recovery"
	on first
	check_regs "after the recovery of the second function"
	check_saved_agrees "after the recovery of the second function"
}

device_bdf ep1 || skip_all "there is no second function, ep1"
FIRST=$KT_DEVICE
FIRST_PORT=$KT_PORT
FIRST_ID=$KT_INJECT_ID
SECOND=$BDF
pci_upstream_port "$SECOND"
SECOND_PORT=$PORT
phase_need
second_take
subtests while_the_other_is_lost while_the_other_recovers
