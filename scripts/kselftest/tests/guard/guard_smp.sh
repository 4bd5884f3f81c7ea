#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: guard_smp
# timeout: 300
# weight: 60
#
# pci_guard comes and goes on four processors, with saves and restores in flight on
# all of them: who resets, suspends at run time, saves slowly, saves by himself, and
# a machine that goes to sleep meanwhile.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

WORKERS=

# What each worker does, again and again.
driver_saves() {
	echo 1 > "$DEBUGFS/$KT_DEVICE/save"
}

plain_saves() {
	echo 1 > "$FAULT_FUNCTION/save"
}

resets() {
	echo 1 > "$SYSFS_PCI/$RESET/reset"
}

sleeps_at_run_time() {
	echo auto > "$SYSFS_PCI/$RUNTIME/power/control"
	wait_for 1 [ "$(cat "$SYSFS_PCI/$RUNTIME/power/runtime_status")" = suspended ] || :
	echo on > "$SYSFS_PCI/$RUNTIME/power/control"
}

# Each access takes half a millisecond: most of the time it is inside.
slow_saves() {
	echo 1 > "$SLOW_FUNCTION/save"
	echo 1 > "$SLOW_FUNCTION/restore"
}

suspends() {
	sleep_cycle freeze
}

# It comes and goes, while the guard does.
comes_and_goes() {
	echo 1 > "$SYSFS_PCI/$RESET/remove"
	# No other bus: functions on it would be unreachable meanwhile.
	bus_rescan "$SYSFS_PCI/$RESET_PORT"
}

# workers_start WORK...: each goes on in a process of its own. workers_stop: all end.
workers_start() {
	local work
	: > "$KT_TMP/go_on"
	WORKS=$*
	for work in "$@"; do
		echo 0 > "$KT_TMP/rounds.$work"
		worker "$work" &
		WORKERS="$WORKERS $!"
	done
}

worker() {
	local rounds
	rounds=0
	while [ -e "$KT_TMP/go_on" ]; do
		"$1" 2> /dev/null || :
		rounds=$((rounds + 1))
		# At once: a reader never finds it empty.
		echo $rounds > "$KT_TMP/rounds.$1.new"
		mv "$KT_TMP/rounds.$1.new" "$KT_TMP/rounds.$1"
	done
}

workers_stop() {
	local pid
	rm -f "$KT_TMP/go_on"
	for pid in $WORKERS; do
		wait "$pid" || :
	done
	WORKERS=
}

# rounds_mark: from now on rounds_over waits for a round of each worker that began later.
rounds_mark() {
	local work
	for work in $WORKS; do
		cp "$KT_TMP/rounds.$work" "$KT_TMP/mark.$work"
	done
}

rounds_over() {
	local mark
	# The hooks prove themselves meanwhile, by a call of the one who asks.
	guard_get hooks
	for WORK_LEFT in $WORKS; do
		read_line "$KT_TMP/mark.$WORK_LEFT"
		mark=$LINE
		read_line "$KT_TMP/rounds.$WORK_LEFT"
		[ "$LINE" -gt $((mark + 1)) ] || return 1
	done
}

# check_uncontended: each function has one worker of whom the guard knows.
check_uncontended() {
	awk 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["contended"] { print $1, $at["contended"] }
	' "$GUARD_DIR/functions" > "$KT_TMP/contended"
	[ ! -s "$KT_TMP/contended" ] || {
		fail "saves of one function at the same time:"
		diag_lines < "$KT_TMP/contended"
	}
}

# The slow one is inside a hook when the guard is unloaded, or about to be.
cycles() {
	local number work bdf
	number=0
	while [ "$number" -lt "$1" ] && ! failed; do
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
		rounds_mark
		wait_for $((6 * KT_WAIT)) rounds_over || fail "some worker stands still: $WORK_LEFT"
		check_eq "the hooks, under load" "$GUARD" "in force"
		check_no_refusal
		check_uncontended
		guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
		number=$((number + 1))
	done
	workers_stop
	for work in $WORKS; do
		read_line "$KT_TMP/rounds.$work"
		diag "$work: $LINE rounds"
	done
	# None is damaged, guarded or not.
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	for bdf in $RESET $RUNTIME $SLOW; do
		reference_same "$bdf" "$bdf" > "$KT_TMP/difference" || {
			fail "registers of $bdf differ:"
			diag_lines < "$KT_TMP/difference"
		}
	done
	check_no_refusal
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	check_regs "after the guard came and went"
}

under_load() {
	workers_start driver_saves plain_saves resets sleeps_at_run_time slow_saves
	cycles 12
}

under_suspends() {
	workers_start driver_saves resets slow_saves suspends
	cycles 4
}

# A function is added to the table, and taken from it, at any moment.
under_hotplug() {
	workers_start plain_saves slow_saves comes_and_goes
	cycles 6
}

# free BDF [stub]: of its driver, with its registers stored. given_back BDF: to the driver
# that the kernel has for it.
free() {
	pci_driver "$1"
	[ -z "$PCI_DRIVER" ] || driver_unbind "$1"
	reference_take "$1" "$1"
}

given_back() {
	driver_override "$1" ""
	echo on > "$SYSFS_PCI/$1/power/control"
	write_errno /sys/bus/pci/drivers_probe "$1"
}

undo() {
	local bdf
	workers_stop
	echo off > "$SLOW_BUS/fault"
	guard_unload || :
	echo 1 > /sys/bus/pci/drivers_autoprobe
	for bdf in $RESET $RUNTIME $SLOW; do
		given_back "$bdf"
	done
}

guard_possible || skip_all "$GUARD_REASON"
[ "$(nproc)" -ge 4 ] || skip_all "the machine has only $(nproc) processors"
device_bdf ep1 || skip_all "there is no function ep1"
RESET=$BDF
pci_upstream_port "$RESET"
RESET_PORT=$PORT
device_bdf ep2 || skip_all "there is no function ep2"
RUNTIME=$BDF
device_bdf ep3 || skip_all "there is no function ep3"
SLOW=$BDF
sleep_need freeze
fault_need
fault_wrap "$SLOW"
SLOW_FUNCTION=$FAULT_FUNCTION
SLOW_BUS=$FAULT
fault_wrap "$KT_DEVICE"
at_exit undo
echo 0 > /sys/bus/pci/drivers_autoprobe
for bdf in $RESET $RUNTIME $SLOW; do
	free "$bdf"
done
echo flr > "$SYSFS_PCI/$RESET/reset_method"
echo 1 > "$SLOW_FUNCTION/save"
echo "delay us=500 devfn=${SLOW##*:}" > "$SLOW_BUS/fault"
subtests under_load under_suspends under_hotplug
