#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: switch fleet64 fleet256
#
# What many functions cost: one fatal error at a port recovers all that are below it,
# 1, 8, 64 or 256. And how much memory a function takes.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/stub.sh
. "$KT_DIR/lib/stub.sh"
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
	driver_of "$1"
	for ft_bdf in $FLEET; do
		pci_driver "$ft_bdf"
		[ "$PCI_DRIVER" != "$WHO_DRIVER" ] || continue
		[ -z "$PCI_DRIVER" ] || echo "$ft_bdf" > "$SYSFS_PCI/$ft_bdf/driver/unbind"
		driver_override "$ft_bdf" "$WHO_DRIVER"
		echo "$ft_bdf" > "/sys/bus/pci/drivers/$WHO_DRIVER/bind"
	done
}

# fleet_leave: nobody drives them, but for the device under test.
fleet_leave() {
	for fl_bdf in $ALL; do
		[ "$fl_bdf" != "$KT_DEVICE" ] || continue
		pci_driver "$fl_bdf"
		[ -z "$PCI_DRIVER" ] || echo "$fl_bdf" > "$SYSFS_PCI/$fl_bdf/driver/unbind"
		driver_override "$fl_bdf" ""
	done
}

inject_into() {
	INJECT_ERROR=$(harness inject "$1" DLP 2>&1)
}

# fleet_counters: counts the accesses to the buses of FLEET from here on.
fleet_counters() {
	fault_load
	for fc_bdf in $FLEET; do
		fault_wrap "$fc_bdf"
		fault_clear
	done
}

# below PORT: the functions of FLEET recover from a fatal error of the port above them.
below() {
	fleet_count
	for be_who in plain guarded; do
		fleet_to "$be_who"
		fleet_counters
		recover inject_into "$1"
		# The first two lines are reads and writes.
		be_accesses=$(awk 'FNR <= 2 { sum += $2 } END { print sum + 0 }' "$FAULT_ROOT"/*/counters)
		fault_unload
		bench_says "fatal_$COUNT" "$be_who" accesses "$be_accesses"
		recoveries "fatal_$COUNT" "$be_who" 1 inject_into "$1"
	done
}

# The functions of the first port.
one_port() {
	FLEET=
	for op_bdf in $ALL; do
		[ "${op_bdf%.*}" != "${KT_DEVICE%.*}" ] || FLEET="${FLEET:+$FLEET }$op_bdf"
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
	fleet_count
	for mm_who in plain guarded; do
		fleet_to core
		memory_settle
		mm_before=$SLAB
		fleet_to "$mm_who"
		memory_settle
		bench_says memory_slab "$mm_who" bytes $(((SLAB - mm_before) * 1024 / COUNT))
	done
}

case $BENCH_TOPOLOGY in
switch) subtests one_port ;;
fleet64) subtests one_port all memory ;;
*) subtests all ;;
esac
