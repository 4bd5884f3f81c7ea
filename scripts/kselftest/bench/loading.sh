#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint switch fleet64 fleet256
#
# How long pci_guard takes to load: it looks at each function of the machine. From the
# command to the module's line in the log, in the guest's time.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/guard.sh
. "$KT_DIR/lib/guard.sh"

# load_us: prints the microseconds between the mark and the module's line.
load_us() {
	dmesg | awk -v mark="$DMESG_MARK" '
		{ sub(/^<[0-9]+>/, ""); sub(/^\[ */, "") }
		index($0, mark) { begin = $1 + 0 }
		/pci_guard: guards [0-9]+ functions/ { end = $1 + 0 }
		END { printf "%d\n", (end - begin) * 1000000 }'
}

loading() {
	local least round
	least=
	for round in 1 2 3; do
		: "$round"
		dmesg_mark loading
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
		lesser least "$(load_us)"
		guard_get functions
		guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	done
	bench_says every_load every functions "$GUARD"
	bench_says every_load every ns $((least * 1000))
}

bench_need
guard_possible || skip_all "$GUARD_REASON"
at_exit guard_unload
subtests loading
