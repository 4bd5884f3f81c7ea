#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: sriov_igb
#
# pci_guard is loaded, and adds each function, while virtual functions are enabled and disabled.
# Who does that (`sriov_numvfs`) holds the device lock of the physical one and waits for the lock
# of who adds and removes functions.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"
# shellcheck source=../../lib/sriov.sh
. "$KT_DIR/lib/sriov.sh"

guard_possible || skip_all "$GUARD_REASON"
fault_possible || skip_all "$FAULT_REASON"
sriov_need
undo() {
	guard_unload
	fault_unload
}
at_exit undo

# write_numvfs NUMBER
write_numvfs() {
	echo "$1" > "$SYSFS_PCI/$KT_DEVICE/sriov_numvfs"
}

# load_while_set NUMBER: the guard is at the port, which it looks at first and which is slow,
# when so many are enabled.
load_while_set() {
	fault_load
	fault_wrap "$KT_PORT"
	fault delay us=20000
	background guard_load
	wait_for "$KT_WAIT" is_slowed || fail "the guard does not look at the port"
	check_bounded "writing $1 to sriov_numvfs" write_numvfs "$1"
	check_true "the load of the guard does not end" background_ended
	fault_unload
	# shellcheck disable=SC2034 # of lib/sriov.sh
	sriov_vfs
}

# check_all_are_guarded: they, and no function that is gone.
check_all_are_guarded() {
	sed '1d; s/ .*//' "$GUARD_DIR/functions" | sort > "$KT_TMP/guarded"
	(cd "$SYSFS_PCI" && echo * | tr ' ' '\n' | sort) > "$KT_TMP/there"
	cmp -s "$KT_TMP/guarded" "$KT_TMP/there" || {
		fail "the guard's functions (+) are not those that there are (-):"
		diff -U 0 "$KT_TMP/there" "$KT_TMP/guarded" | sed '1,3d' | diag_lines
	}
	check_guard hooks "in force"
	check_no_refusal
}

enabled_meanwhile() {
	load_while_set "$VF_MAX"
	# shellcheck disable=SC2086 # one word a function
	set -- $VFS
	check_eq "number of virtual functions" "$#" "$VF_MAX"
	check_all_are_guarded
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

disabled_meanwhile() {
	load_while_set 0
	check_eq "virtual functions" "$VFS" ""
	check_all_are_guarded
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

subtests enabled_meanwhile disabled_meanwhile
