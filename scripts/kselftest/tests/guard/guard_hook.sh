#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint zpci
# weight: 30
#
# The hooks of pci_guard: in force or not loaded, and gone without a trace whenever
# they are taken off, with saves going on.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"

TRACE=/sys/kernel/tracing
FTRACE_ENABLED=/proc/sys/kernel/ftrace_enabled

is_in_force() {
	guard_get hooks
	[ "$GUARD" = "in force" ]
}

# hooked FUNCTION: true where ftrace moves its calls.
hooked() {
	grep -q "^$1 .*I" "$TRACE/enabled_functions" 2> /dev/null
}

load_and_unload() {
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	check_true "the hooks are not in force: $GUARD" is_in_force
	guard_get functions
	set -- "$SYSFS_PCI"/*
	check_eq "guarded functions" "$GUARD" "$#"
	check_true "ftrace does not move pci_save_state()" hooked pci_save_state
	check_true "ftrace does not move pci_restore_state()" hooked pci_restore_state
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	check_false "ftrace moves pci_save_state() still" hooked pci_save_state
	check_false "debugfs has the guard's directory still" [ -e "$GUARD_DIR" ]
}

# column NAME: prints that column of the device under test, the last one as it is.
column() {
	awk -v name="$1" -v device="$KT_DEVICE" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; last = NF; next }
		$1 != device || !(name in at) { next }
		at[name] < last { print $at[name]; next }
		{ for (i = 1; i < last; i++) sub(/^[^ ]* /, ""); print }
	' "$GUARD_DIR/functions"
}

check_column() {
	check_eq "column $1 of the table" "$(column "$1")" "$2"
}

# The table says of each function what its status does, and who drives it.
table_of_functions() {
	local command pair
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	check_column driver "$DRIVER"
	driver_unbind "$KT_DEVICE"
	check_column driver -
	check_column from peek
	pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	check_column driver pci-stub
	check_column last_reason none
	echo 1 > "$FAULT_FUNCTION/save"
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	echo 1 > "$FAULT_FUNCTION/restore"
	fault gone
	echo 1 > "$FAULT_FUNCTION/save"
	fault_off
	echo 1 > "$FAULT_FUNCTION/restore"
	for pair in state:state from:known_good_from saved_at_ns:saved_at_ns saves:saves \
		refusals:refusals suspicious:suspicious restores:restores repaired:repaired \
		replaced:replaced contended:contended healed:healed last_reason:last_refusal; do
		guard_get "${pair#*:}" "$KT_DEVICE"
		check_column "${pair%:*}" "$GUARD"
	done
	check_column saves 1
	check_column refusals 1
	check_column restores 2
	check_column last_reason "config space reads all-ones"
	check_eq "Command" "$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)" "$command"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	pci_stub_unbind
}

# A plain save by the fault injector is a save of somebody whom nobody knows.
save_is_seen() {
	local before
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	guard_get saves "$KT_DEVICE"
	before=${GUARD:-0}
	echo 1 > "$FAULT_FUNCTION/save"
	echo 1 > "$FAULT_FUNCTION/save"
	check_guard saves $((before + 2)) "$KT_DEVICE"
	check_guard known_good_from save "$KT_DEVICE"
	check_guard_agrees "after a save"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

# Of the driver's own saves the guard judges none, and they work as without it.
drivers_saves_pass() {
	local passed saves
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	guard_get passed
	passed=$GUARD
	guard_get saves "$KT_DEVICE"
	saves=$GUARD
	check_write save 1 OK
	check_guard passed $((passed + 1))
	check_guard saves "$saves" "$KT_DEVICE"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

# Where ftrace is off there is nothing to hook (7.2; 7.3 does not switch it off any more).
# And while the guard is there it cannot be switched off.
without_ftrace() {
	write_errno "$FTRACE_ENABLED" 0
	if [ "$ERRNO" = OK ]; then
		if guard_load; then
			fail "the guard is loaded though ftrace is off"
			guard_unload || :
		fi
		check_dmesg "pci_guard: not loaded: pci_save_state\(\) cannot be hooked: EBUSY"
		check_false "debugfs has the guard's directory" [ -e "$GUARD_DIR" ]
		echo 1 > "$FTRACE_ENABLED"
	else
		check_eq "switching ftrace off" "$ERRNO" EOPNOTSUPP
	fi
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	write_errno "$FTRACE_ENABLED" 0
	[ "$ERRNO" != OK ] || fail "ftrace can be switched off below the guard"
	check_true "the hooks are not in force: $GUARD" is_in_force
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

# saver_start FILE: writes 1 to FILE as fast as it can. savers_stop: ends all of them.
saver_start() {
	: > "$KT_TMP/go_on"
	while [ -e "$KT_TMP/go_on" ]; do
		echo 1 > "$1" || :
	done 2> /dev/null &
	SAVERS="$SAVERS $!"
}

savers_stop() {
	local pid
	rm -f "$KT_TMP/go_on"
	for pid in $SAVERS; do
		wait "$pid" || :
	done
	SAVERS=
}
SAVERS=

# Six who save without a pause, a driver's saves among them.
cycles_under_saves() {
	local number
	fault_clear
	for number in 1 2 3 4 5; do
		saver_start "$FAULT_FUNCTION/save"
	done
	saver_start "$DEBUGFS/$KT_DEVICE/save"
	number=0
	while [ "$number" -lt 12 ]; do
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
		check_true "the hooks are not in force: $GUARD" is_in_force
		guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
		number=$((number + 1))
	done
	savers_stop
	fault_counters
	# A save is some 40 accesses.
	[ "$ACCESSES" -gt 4000 ] || fail "only $ACCESSES accesses: nobody saved meanwhile"
	check_regs "after the guard came and went"
}

# A save takes a second in which the guard is unloaded: that waits for it.
unload_in_a_save() {
	local save
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fault delay us=20000
	echo 1 > "$FAULT_FUNCTION/save" &
	save=$!
	sleep 0.2
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	wait "$save" || fail "the save failed"
	fault_off
	check_regs "after a save that was overtaken"
}

# Who reads a file keeps the module.
open_file_keeps_it() {
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	exec 9< "$GUARD_DIR/$KT_DEVICE/status"
	if guard_unload; then
		fail "unloaded while a file is open"
	fi
	exec 9<&-
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

undo() {
	savers_stop
	guard_unload || :
}

guard_possible || skip_all "$GUARD_REASON"
[ -e "$TRACE/trace" ] || mount -t tracefs tracefs "$TRACE"
fault_need
at_exit undo
subtests load_and_unload table_of_functions save_is_seen drivers_saves_pass without_ftrace \
	cycles_under_saves unload_in_a_save open_file_keeps_it
