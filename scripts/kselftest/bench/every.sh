#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
# timeout: 3600
#
# What pci_guard costs a driver that knows nothing of it: plain C (pci_plain), which
# saves and restores by the core's functions, with the guard loaded (`every`), with
# it and verify=0 (`every0`), and without it (`plain`). And the most memory that it
# takes for a function of this guest. What of it may be, qemu/src/bench/targets.rs says.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/guard.sh
. "$KT_DIR/lib/guard.sh"

# cost WHO: of a save and a restore by plain C.
cost() {
	fault_load
	fault_wrap "$KT_DEVICE"
	# The first save, by which the guard learns what the function is like, is not counted.
	echo 1 > "$WHO_FILES/save"
	counted every_save "$1" dd if="$KT_TMP/one" of="$WHO_FILES/save" 2> /dev/null
	counted every_restore "$1" dd if="$KT_TMP/one" of="$WHO_FILES/restore" 2> /dev/null
	fault_unload
	took_beyond "$WHO_FILES/save" 1
	bench_says every_save "$1" instructions "$CPU"
	took_beyond "$WHO_FILES/restore" 1
	bench_says every_restore "$1" instructions "$CPU"
}

# memory_most: prints the most bytes that a function takes.
memory_most() {
	awk '$1 == "memory_bytes:" && $2 > most { most = $2 } END { print most + 0 }' \
		"$GUARD_DIR"/*/status
}

plain() {
	bench_bind plain
	cost plain
}

# guarded WHO PARAMETER
guarded() {
	guard_load "$2" || fail "cannot load the guard: $GUARD_ERROR"
	cost "$1"
	[ "$1" != every ] || bench_says every_memory "$1" bytes "$(memory_most)"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

bench_need
guard_possible || skip_all "$GUARD_REASON"
at_exit guard_unload
echo 1 > "$KT_TMP/one"
subtests plain "guarded every0 verify=0" "guarded every verify=1"
