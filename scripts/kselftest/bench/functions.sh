#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: switch fleet64 fleet256
# timeout: 7200
#
# What many functions cost: one fatal error at a port recovers all that are below it,
# 1, 8, 64 or 256. And how much memory a function takes.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../lib/memory.sh
. "$KT_DIR/lib/memory.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/recovery.sh
. "$KT_DIR/lib/recovery.sh"

[ "$KT_INJECT" = qemu ] || skip_all "errors of ports need the harness"
fleet_find || skip_all "$FLEET_REASON"
bench_need
recovery_need
at_exit fleet_leave

ALL=$FLEET

fleet_count() {
	# shellcheck disable=SC2086 # one word a function
	set -- $FLEET
	COUNT=$#
}

# fleet_to WHO: gives the functions of FLEET to that driver.
fleet_to() {
	local bdf
	driver_of "$1"
	for bdf in $FLEET; do
		pci_driver "$bdf"
		[ "$PCI_DRIVER" != "$WHO_DRIVER" ] || continue
		[ -z "$PCI_DRIVER" ] || echo "$bdf" > "$SYSFS_PCI/$bdf/driver/unbind"
		driver_override "$bdf" "$WHO_DRIVER"
		echo "$bdf" > "/sys/bus/pci/drivers/$WHO_DRIVER/bind"
	done
}

# fleet_leave: unbinds all of them but the device under test.
fleet_leave() {
	local bdf
	for bdf in $ALL; do
		[ "$bdf" != "$KT_DEVICE" ] || continue
		pci_driver "$bdf"
		[ -z "$PCI_DRIVER" ] || echo "$bdf" > "$SYSFS_PCI/$bdf/driver/unbind"
		driver_override "$bdf" ""
	done
}

inject_into() {
	INJECT_ERROR=$(harness inject "$1" DLP 2>&1)
}

# fleet_counters: counts the accesses to the buses of FLEET from here on.
fleet_counters() {
	local bdf
	fault_load
	for bdf in $FLEET; do
		fault_wrap "$bdf"
		fault_clear
	done
}

# below PORT: the functions of FLEET recover from a fatal error of the port above them.
below() {
	local who accesses
	fleet_count
	for who in plain guarded; do
		fleet_to "$who"
		fleet_counters
		recover inject_into "$1"
		# The first two lines are reads and writes.
		accesses=$(awk 'FNR <= 2 { sum += $2 } END { print sum + 0 }' "$FAULT_ROOT"/*/counters)
		fault_unload
		bench_says "fatal_$COUNT" "$who" accesses "$accesses"
		recoveries "fatal_$COUNT" "$who" 1 inject_into "$1"
	done
}

# The functions of the first port.
one_port() {
	local bdf
	FLEET=
	for bdf in $ALL; do
		[ "${bdf%.*}" != "${KT_DEVICE%.*}" ] || FLEET="${FLEET:+$FLEET }$bdf"
	done
	below down0
	FLEET=$ALL
}

all() {
	below rp0
}

# The kernel's slabs grow by it: what the driver holds, its files in debugfs and what is
# rounded up.
memory() {
	local who before
	fleet_count
	for who in plain guarded; do
		fleet_to core
		memory_settle
		before=$SLAB
		fleet_to "$who"
		memory_settle
		bench_says memory_slab "$who" bytes $(((SLAB - before) * 1024 / COUNT))
	done
}

case $BENCH_TOPOLOGY in
switch) subtests one_port ;;
fleet64) subtests one_port all memory ;;
*) subtests all ;;
esac
