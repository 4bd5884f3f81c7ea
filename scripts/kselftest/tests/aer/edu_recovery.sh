#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint conventional
# timeout: 90
# weight: 10
#
# A driver of one's own on the library, rust/edu_recovery.rs: it drives QEMU's
# edu device by MMIO, MSI and DMA, and the device works after each repair.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/edu.sh
. "$KT_DIR/lib/edu.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

edu_need
BDF=$KT_DEVICE
read_line "$SYSFS_PCI/$BDF/device"
[ "$LINE" = 0x11e8 ] || pci_find_id 0x1234 0x11e8 ||
	skip_all "there is no edu device (1234:11e8)"
EDU=$BDF
DIR=$EDU_DEBUGFS/$EDU

# alive_count: how often the driver said that the device answers.
alive_count() {
	ALIVE=$(dmesg_since "$DMESG_MARK" | grep -c "$EDU_DRIVER $EDU: alive") || :
}

# check_edu_regs WHEN FILE: the registers are as in FILE.
check_edu_regs() {
	regs_snapshot "$EDU" "$KT_TMP/now.regs"
	regs_diff "$2" "$KT_TMP/now.regs" > "$KT_TMP/difference" ||
		{ fail "registers differ $1"; diag_lines < "$KT_TMP/difference"; }
}

# check_works WHEN: four requests are answered; half of them are two DMA
# transfers each. Each factorial and each transfer is one MSI.
check_works() {
	edu_mark
	edu_load 4
	check_eq "write to load" "$ERRNO" OK
	check_requests
	edu_get interrupts
	check_eq "interrupts more $1" $((EDU_VALUE - EDU_INTERRUPTS)) 6
	edu_irqs
	check_eq "MSIs more in /proc/interrupts $1" $((EDU_IRQS - EDU_IRQS_MARK)) 6
}

probe_finds_it_alive() {
	driver_unbind "$EDU"
	check_eq "unbind from $DRIVER" "$ERRNO" OK
	regs_snapshot "$EDU" "$KT_TMP/unbound.regs"
	edu_take "$EDU"
	pci_driver "$EDU"
	check_eq "driver of $EDU" "$PCI_DRIVER" "$EDU_DRIVER"
	read_line "$DIR/status"
	check_eq "status" "$LINE" "state: ok"
	regs_snapshot "$EDU" "$KT_TMP/edu.regs"
	alive_count
	check_eq "lines 'alive'" "$ALIVE" 1
}

requests_are_answered() {
	check_works "with a device that is well"
	edu_get retried
	check_eq "requests retried" "$EDU_VALUE" 0
}

wiped_is_refused_and_restored() {
	cfg_write "$EDU" 0x10 4 0
	cfg_write "$EDU" 0x04 2 0
	write_errno "$DIR/save" 1
	check_eq "save while wiped" "$ERRNO" EIO
	write_errno "$DIR/restore" 1
	check_eq "restore" "$ERRNO" OK
	check_edu_regs "after the restore" "$KT_TMP/edu.regs"
	check_works "after the restore"
}

# Without bus mastering there is neither DMA nor MSI: the request has to end with
# an errno, and succeeds when the state is back.
lost_interrupt_times_out() {
	local command
	command=$(cfg_read "$EDU" "$PCI_COMMAND" 2)
	cfg_write "$EDU" "$PCI_COMMAND" 2 $((command & ~4))
	edu_load 1
	check_true "no request has timed out" wait_for "$KT_WAIT" timed_out
	write_errno "$DIR/restore" 1
	check_eq "restore" "$ERRNO" OK
	check_requests
	check_works "after the time-out"
}

timed_out() {
	edu_get timed_out
	[ "$EDU_VALUE" -gt 0 ]
}

nonsense_is_refused() {
	local text
	for text in x -1 1x 1000001 123456789; do
		edu_load "$text"
		check_eq "write of '$text' to load" "$ERRNO" EINVAL
	done
	edu_load 1000
	edu_load 1
	check_eq "a load while one runs" "$ERRNO" EBUSY
	edu_load 0
	check_eq "the end of a load" "$ERRNO" OK
	check_requests
}

# Its resume reads the device through its BAR: one at a wrong BAR does not answer.
wiped_before_suspend_is_alive_after() {
	local before
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	alive_count
	before=$ALIVE
	cfg_write "$EDU" 0x10 4 0
	sleep_prepare freeze
	check_true "the suspend fails" sleep_cycle
	sleep_undo
	alive_count
	check_eq "lines 'alive' more" $((ALIVE - before)) 1
	check_edu_regs "after the resume" "$KT_TMP/edu.regs"
	check_works "after the resume"
}

# It answers through its BAR, but does not show its address there: it is lost, and its
# driver does not begin to use it.
lost_is_not_started() {
	local before
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$EDU"
	alive_count
	before=$ALIVE
	sleep_prepare freeze
	fault stuck range=0x10-0x13 value=0
	check_true "the suspend fails" sleep_cycle
	fault_off
	sleep_undo
	fault_unload
	read_line "$DIR/status"
	check_eq "status" "$LINE" "state: lost"
	alive_count
	check_eq "lines 'alive' more" $((ALIVE - before)) 0
	write_errno "$DIR/restore" 1
	check_eq "restore" "$ERRNO" OK
	driver_unbind "$EDU"
	edu_bind "$EDU"
	regs_snapshot "$EDU" "$KT_TMP/edu.regs"
	check_works "when bound again"
}

reset_keeps_the_interrupt() {
	if [ ! -e "$SYSFS_PCI/$EDU/reset_method" ]; then
		write_errno "$DIR/reset" 1
		check_eq "reset without a method" "$ERRNO" ENOTTY
	else
		write_errno "$SYSFS_PCI/$EDU/reset" 1
		check_eq "reset through sysfs" "$ERRNO" OK
		check_works "after a reset through sysfs"
		write_errno "$DIR/reset" 1
		check_eq "reset by the driver" "$ERRNO" OK
	fi
	check_edu_regs "after the reset" "$KT_TMP/edu.regs"
	check_works "after the reset"
}

# In the middle of a load: the programs that make requests must end first.
unloads_under_load() {
	local file
	edu_load 100000
	wait_for "$KT_WAIT" edu_fires || :
	rmmod "$EDU_DRIVER" || fail "cannot unload $EDU_DRIVER"
	check_false "$DIR is still there" [ -e "$DIR" ]
	edu_irqs
	check_eq "its MSIs in /proc/interrupts" "$EDU_IRQS" none
	# Its address, while it is off, says nothing.
	regs_snapshot "$EDU" "$KT_TMP/now.regs"
	for file in unbound now; do
		grep -v ' MSI+0[^0]' "$KT_TMP/$file.regs" > "$KT_TMP/$file.rest"
	done
	regs_diff "$KT_TMP/unbound.rest" "$KT_TMP/now.rest" > "$KT_TMP/difference" ||
		{ fail "registers differ after unbinding"; diag_lines < "$KT_TMP/difference"; }
}

subtests probe_finds_it_alive requests_are_answered \
	wiped_is_refused_and_restored lost_interrupt_times_out nonsense_is_refused \
	wiped_before_suspend_is_alive_after lost_is_not_started reset_keeps_the_interrupt \
	unloads_under_load
