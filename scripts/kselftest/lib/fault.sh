# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The fault injector, pci_fault.ko, around the bus of the device under test.
# See rust/pci_fault.rs for the faults and the files.

FAULT_ROOT=/sys/kernel/debug/pci_fault

# fault_stays: true where the injector presents functions (lib/present.sh), and must stay.
fault_stays() {
	[ -n "${KT_PRESENTED-}" ]
}

# fault_possible: false, with FAULT_REASON, when there is no injector.
fault_possible() {
	local dir
	dir=${KT_MODULE%/*}
	FAULT_KO=$dir/pci_fault.ko
	FAULT_REASON="there is no pci_fault.ko beside the module: it is built for kernels with CONFIG_TASKS_RCU"
	[ -z "$KT_MODULE" ] || [ -e "$FAULT_KO" ] || return 1
	[ -n "$KT_MODULE" ] || FAULT_KO=
	FAULT_REASON="no module pci_fault"
	[ -n "$FAULT_KO" ] || modprobe -n pci_fault 2> /dev/null
}

# fault_load: loads the injector. fault_unload: takes it away, wherever it is, with its
# faults.
fault_load() {
	[ -d "$FAULT_ROOT" ] && return 0
	if [ -n "$FAULT_KO" ]; then
		insmod "$FAULT_KO"
	else
		modprobe pci_fault
	fi
}

fault_unload() {
	local fault
	[ -d "$FAULT_ROOT" ] || return 0
	if fault_stays; then
		for fault in "$FAULT_ROOT"/*/fault; do
			echo off > "$fault"
		done
		return 0
	fi
	rmmod pci_fault
}

# fault_wrap BDF: wraps the bus of a function. Sets FAULT_BUS, FAULT_FN (its
# devfn as faults take it), FAULT (the folder) and FAULT_FUNCTION (the
# function's own).
fault_wrap() {
	FAULT_BUS=${1%:*}
	FAULT_FN=${1##*:}
	FAULT=$FAULT_ROOT/$FAULT_BUS
	FAULT_FUNCTION=$FAULT/$FAULT_FN
	[ -d "$FAULT" ] || echo "$FAULT_BUS" > "$FAULT_ROOT/wrap"
}

fault_unwrap() {
	! fault_stays || return 0
	[ ! -d "$FAULT" ] || echo "$FAULT_BUS" > "$FAULT_ROOT/unwrap"
}

# fault_need: loads the injector around the device under test until the test's
# end; skips the whole test where it is not there.
fault_need() {
	fault_possible || skip_all "$FAULT_REASON"
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
}

# fault SPEC...: arms a fault of the device under test. fault_off: ends all faults.
fault() {
	echo "$* devfn=$FAULT_FN" > "$FAULT/fault"
}

fault_off() {
	echo off > "$FAULT/fault"
}

# check_power_state STATE: what the core takes the function to be in.
check_power_state() {
	read_line "$SYSFS_PCI/$KT_DEVICE/power_state"
	check_eq "power_state" "$LINE" "$1"
}

# fault_clear: forgets the record and the counters.
fault_clear() {
	echo 1 > "$FAULT/clear"
}

# fault_counters: sets READS, WRITES, ACCESSES, FAULTED and ONES_WRITTEN.
fault_counters() {
	{
		read -r _ READS
		read -r _ WRITES
		read -r _ FAULTED
		read -r _ ONES_WRITTEN
	} < "$FAULT/counters"
	ACCESSES=$((READS + WRITES))
}

# fault_record: prints the record without its times, "DD.F r|w OFFSET SIZE VALUE
# FAULT" a line.
fault_record() {
	sed 's/^[0-9]* //' "$FAULT/record"
}
