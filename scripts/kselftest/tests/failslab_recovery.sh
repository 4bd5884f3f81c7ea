#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Each allocation of the recovery from an error fails, in the thread that recovers:
# it is recovered all the same, for nothing of it needs memory.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

# aer_thread: sets AER_THREAD to the thread of the port's AER interrupt.
aer_thread() {
	for at_irq in "$SYSFS_PCI/$KT_PORT"/msi_irqs/*; do
		for at_comm in /proc/[0-9]*/comm; do
			read -r at_name < "$at_comm" || continue
			[ "$at_name" = "irq/${at_irq##*/}-aerdrv" ] || continue
			AER_THREAD=${at_comm%/comm}
			AER_THREAD=${AER_THREAD#/proc/}
			return 0
		done
	done 2> /dev/null
	return 1
}

# An error, and its recovery to the end.
path_error() {
	events_last
	pe_mark=$LAST
	fail_begin
	pe_status=0
	inject "$KIND" && wait_for "$KT_WAIT" recovery_over || pe_status=1
	fail_end
	return "$pe_status"
}

# events_last: sets LAST to the number of the driver's last event.
events_last() {
	LAST=$(tail -n 1 "$DEBUGFS/$KT_DEVICE/events")
}

# The driver has recovered, and the thread waits for the next interrupt.
recovery_over() {
	events_last
	[ "$LAST" != "$pe_mark" ] || return 1
	driver_state
	[ "$DRIVER_STATE" != recovering ] || return 1
	read -r ro_stat < "/proc/$AER_THREAD/stat"
	case "${ro_stat##*) }" in
	S*) return 0 ;;
	esac
	return 1
}

recovered() {
	failslab_succeeds
	failslab_is_well
	[ "$WANTED" = 1 ] || wrong "the kernel says $WANTED times: $FAIL_WANT"
	[ "$J_VAULT" = "$1" ] || wrong "the vault is $J_VAULT, was $1"
	rc_regs=$1
	[ "$KIND" != nonfatal ] || rc_regs=$NEW
	[ "$J_REGS" = "$rc_regs" ] || wrong "the registers are $J_REGS, should be $rc_regs"
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
