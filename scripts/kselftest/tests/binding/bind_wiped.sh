#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: registers
#
# The driver is bound to a function that was wiped, below a port with L1 PM Substates, and the port
# does not answer one of the reads of its Link Control meanwhile: the core would write all-ones
# there, Link Disable with it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"

fault_need
cap_find "$KT_DEVICE" 001e || skip_all "the function has no L1 PM Substates"
cap_find "$KT_PORT" 10 || skip_all "the port has no PCI Express capability"
PORT_LNKCTL=$((CAP + 16))
PORT_BEFORE=$(cfg_read "$KT_PORT" "$PORT_LNKCTL" 2)

undo() {
	fault_off
	cfg_write "$KT_PORT" "$PORT_LNKCTL" 2 "$PORT_BEFORE"
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
}
at_exit undo

# bind_with_read_lost N: false where there is no such read.
bind_with_read_lost() {
	driver_unbind "$KT_DEVICE"
	secondary_bus_reset "$KT_PORT"
	fault ones "range=$PORT_LNKCTL-$((PORT_LNKCTL + 1))" from="$1" count=1
	driver_bind "$KT_DEVICE"
	fault_counters
	fault_off
	fault_clear
	check_eq "bind" "$ERRNO" OK
	check_eq "PCI_EXP_LNKCTL of the port, read $1 lost" \
		"$(cfg_read "$KT_PORT" "$PORT_LNKCTL" 2)" "$PORT_BEFORE"
	cfg_write "$KT_PORT" "$PORT_LNKCTL" 2 "$PORT_BEFORE"
	[ "$FAULTED" -gt 0 ]
}

each_read_lost() {
	local n
	fault_wrap "$KT_PORT"
	fault_clear
	n=0
	while bind_with_read_lost $n && [ $n -lt 40 ]; do
		n=$((n + 1))
	done
	[ $n -gt 0 ] || fail "Link Control of the port is not read"
	report "points=$n path=bind_wiped"
	check_status state ok
	check_regs "after the last one"
}

subtests each_read_lost
