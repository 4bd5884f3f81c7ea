#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# weight: 13
#
# The function is pulled out of its slot, without a word to anybody: while nothing
# goes on, in the middle of slot_reset, while it reads all-ones, in the middle of a
# save. pciehp removes it; what is plugged in then works like a new one. (Not during
# the bus reset: the kernel keeps everybody from the port then, and its registers
# are the only hand that pulls.)

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"

# pulled PHASE
pulled() {
	phase_reach "$1" || return 0
	slot_pull
	phase_end
	check_away "when pulled"
	case $1 in
	restore) check_dmesg "device recovery failed" ;;
	save) check_eq "the save that it was pulled out of" "$(cat "$KT_TMP/save.errno")" EIO ;;
	esac
	check_dmesg "pciehp: .*(Card not present|Link Down)"
	wait_for "$KT_WAIT" slot_is "$SLOT_OFF" || fail "the slot is not switched off"
	slot_plug
	check_new "after it was pulled"
}

slot_setup
phase_need
subtests "pulled idle" "pulled restore" "pulled unreachable" "pulled save"
