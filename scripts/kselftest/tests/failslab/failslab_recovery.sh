#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1200
# weight: 20
#
# Each allocation of the recovery from an error fails, in the thread that recovers:
# it is recovered nevertheless: the recovery needs no memory.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

# aer_thread: sets AER_THREAD to the thread of the port's AER interrupt.
aer_thread() {
	local irq comm name
	for irq in "$SYSFS_PCI/$KT_PORT"/msi_irqs/*; do
		for comm in /proc/[0-9]*/comm; do
			read -r name < "$comm" || continue
			[ "$name" = "irq/${irq##*/}-aerdrv" ] || continue
			AER_THREAD=${comm%/comm}
			AER_THREAD=${AER_THREAD#/proc/}
			return 0
		done
	done 2> /dev/null
	return 1
}

# An error, and its recovery to the end.
path_error() {
	local status
	events_last
	LAST_MARK=$LAST
	fail_begin
	status=0
	inject "$KIND" && wait_for "$KT_WAIT" recovery_over || status=1
	fail_end
	return "$status"
}

# events_last: sets LAST to the number of the driver's last event.
events_last() {
	LAST=$(tail -n 1 "$DEBUGFS/$KT_DEVICE/events")
}

# The driver has recovered, and the thread waits for the next interrupt.
recovery_over() {
	local stat
	events_last
	[ "$LAST" != "$LAST_MARK" ] || return 1
	driver_state
	[ "$DRIVER_STATE" != recovering ] || return 1
	read -r stat < "/proc/$AER_THREAD/stat"
	case "${stat##*) }" in
	S*) return 0 ;;
	esac
	return 1
}

recovered() {
	local regs
	failslab_succeeds
	failslab_is_well
	[ "$WANTED" = 1 ] || wrong "the kernel says $WANTED times: $FAIL_WANT"
	[ "$SAVED_STATE" = "$1" ] || wrong "the known-good state is $SAVED_STATE, was $1"
	regs=$1
	[ "$KIND" != nonfatal ] || regs=$NEW
	[ "$REGS_STATE" = "$regs" ] || wrong "the registers are $REGS_STATE, should be $regs"
}

# recover_from nonfatal|fatal yes|maybe: one without a reset restores nothing.
recover_from() {
	KIND=$1
	failslab_sweep "recovery_$1" "$2" path_error recovered
}

need_injection
need_bus_alone
failslab_need
aer_thread || skip_all "there is no thread irq/N-aerdrv for $KT_PORT"
fail_task "$AER_THREAD"
sweep_setup
subtests "recover_from nonfatal maybe" "recover_from fatal yes"
