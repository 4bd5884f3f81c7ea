#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
#
# A function that comes while pci_guard is loaded: it is guarded before anybody has saved it,
# with all that is odd about it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"

guard_possible || skip_all "$GUARD_REASON"
fault_need
away_setup
at_exit guard_unload

# comes [FAULT...]: the function is added while the guard is loaded.
comes() {
	sysfs_remove
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	[ $# = 0 ] || fault "$@"
	sysfs_rescan
}

# goes: as it was before the test.
goes() {
	fault_off
	sysfs_remove
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	sysfs_rescan
	check_new "$1"
}

in_peace() {
	comes
	check_guard state ok "$KT_DEVICE"
	check_guard known_good_from save "$KT_DEVICE"
	check_guard_agrees "when it was added"
	check_no_refusal
	goes "after it was added in peace"
}

# Reserved in a header of type 0, and the CIS pointer: devices put anything there.
word_of_ones() {
	comes stuck value=0xffffffff "range=$1-$(($1 + 3))"
	check_guard state ok "$KT_DEVICE"
	check_no_refusal
	write_errno "$FAULT_FUNCTION/save" 1
	check_eq "save" "$ERRNO" OK
	check_guard refusals 0 "$KT_DEVICE"
	goes "after a word of ones"
}

# Nothing is learned of one that is gone.
gone() {
	comes
	fault gone
	write_errno "$FAULT_FUNCTION/save" 1
	fault_off
	check_guard_more refusals 0 "$KT_DEVICE"
	check_guard_agrees "after it was gone"
	goes "after it was gone"
}

subtests in_peace "word_of_ones 0x28" "word_of_ones 0x38" gone
