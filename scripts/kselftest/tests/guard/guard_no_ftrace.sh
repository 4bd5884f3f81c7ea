#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# On a kernel without ftrace pci_guard is not loaded, and says why.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"

refuses() {
	if guard_load; then
		fail "the guard is loaded on a kernel without ftrace"
		guard_unload || :
	fi
	check_dmesg "pci_guard: not loaded: this kernel has no ftrace that moves a call"
	check_false "debugfs has the guard's directory" [ -e "$GUARD_DIR" ]
	check_status state ok
}

if guard_possible; then
	skip_all "this kernel has ftrace"
fi
[ -e "$GUARD_KO" ] || skip_all "$GUARD_REASON"
subtests refuses
