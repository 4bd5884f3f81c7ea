#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: fleet64
#
# What a suspend and resume of a whole machine takes with pci_guard loaded (`every`),
# and without it (`core`), in one guest: 64 functions, of which the core saves and
# restores each, one device after the other.
#
# It comes after `functions`: without hot plug, as it is in a cycle, the kernel saves a
# port as it would restore it in a recovery.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/guard.sh
. "$KT_DIR/lib/guard.sh"

async_undo() {
	echo 1 > /sys/power/pm_async
}

# to_stub: no function has a driver that does anything.
to_stub() {
	local bdf
	for bdf in $FLEET; do
		pci_driver "$bdf"
		[ -z "$PCI_DRIVER" ] || echo "$bdf" > "$SYSFS_PCI/$bdf/driver/unbind"
		driver_override "$bdf" pci-stub
		echo "$bdf" > /sys/bus/pci/drivers/pci-stub/bind
	done
}

from_stub() {
	local bdf
	for bdf in $FLEET; do
		[ "$bdf" != "$KT_DEVICE" ] || continue
		echo "$bdf" > "$SYSFS_PCI/$bdf/driver/unbind"
		driver_override "$bdf" ""
	done
}

# cycle WHO
cycle() {
	took --times 3 /sys/power/state freeze
	bench_says every_suspend "$1" instructions "$CPU"
	bench_says every_suspend "$1" ns "$TIME"
}

core() {
	cycle core
}

every() {
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	cycle every
	# Of the port above them the errors before this may be told.
	check_guard refusals 0 "$KT_DEVICE"
	check_guard suspicious 0 "$KT_DEVICE"
	guard_get restores "$KT_DEVICE"
	[ "$GUARD" -ge 3 ] || fail "the core has restored the function $GUARD times in 3 cycles"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

fleet_find || skip_all "$FLEET_REASON"
bench_need
guard_possible || skip_all "$GUARD_REASON"
sleep_need freeze
at_exit async_undo
echo 0 > /sys/power/pm_async
# Nobody waits in the middle of a cycle.
[ ! -w /sys/module/suspend/parameters/pm_test_delay ] ||
	echo 0 > /sys/module/suspend/parameters/pm_test_delay
at_exit guard_unload
at_exit from_stub
to_stub
subtests core every
