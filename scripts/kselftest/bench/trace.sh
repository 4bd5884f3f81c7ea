#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# The counters of pci_fault against those of QEMU, which sees the accesses where they
# arrive: what the kernel does by memory or ports, past the injector or through it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"

have harness || skip_all "QEMU's trace needs the harness"
bench_need

# both_count WHO FILE: QEMU and the injector count the same.
both_count() {
	local qemu
	bench_bind "$1"
	check_true "QEMU's trace does not begin" harness trace begin > /dev/null
	fault_clear
	echo 1 > "$WHO_FILES/$2"
	fault_counters
	if ! qemu=$(harness trace end "${KT_DEVICE#*:}"); then
		fail "QEMU's trace: $qemu"
		return 0
	fi
	check_eq "reads and writes that QEMU has seen" "$qemu" "$READS $WRITES"
	[ "$READS" -gt 0 ] || fail "no access was counted"
}

fault_load
fault_wrap "$KT_DEVICE"
subtests "both_count plain save" "both_count plain restore" \
	"both_count guarded save" "both_count guarded restore"
