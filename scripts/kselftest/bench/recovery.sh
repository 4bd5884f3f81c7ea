#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme switch
# timeout: 3600
#
# What recovery costs: from the interrupt of the error to the end of the recovery,
# and the instructions of the kernel thread that does it. A device without AER has
# the error reported by the port above it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/kernel_driver.sh
. "$KT_DIR/lib/kernel_driver.sh"
# shellcheck source=../lib/recovery.sh
. "$KT_DIR/lib/recovery.sh"

need_injection
need_bus_alone
bench_need
recovery_need
# Looked at once: it reads what is counted.
INJECT=inject
cap_find "$KT_DEVICE" 0001 || INJECT=inject_at_port

accesses() {
	fault_load
	for who in stock plain guarded; do
		[ "$who" != stock ] || kernel_driver_recovers || continue
		bench_bind "$who"
		fault_wrap "$KT_DEVICE"
		for kind in nonfatal fatal; do
			counted "$kind" "$who" recover "$INJECT" "$kind"
		done
	done
	fault_unload
}

instructions() {
	for who in stock plain guarded; do
		[ "$who" != stock ] || kernel_driver_recovers || continue
		bench_bind "$who"
		for kind in nonfatal fatal; do
			recoveries "$kind" "$who" 9 "$INJECT" "$kind"
		done
	done
}

subtests accesses instructions
