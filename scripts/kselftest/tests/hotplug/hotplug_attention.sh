#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# weight: 11
#
# Orderly removal from the slot: by its attention button, after which pciehp waits
# five seconds, and by switching the slot off in the middle of a recovery.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../../lib/phase.sh
. "$KT_DIR/lib/phase.sh"

attention_button() {
	dmesg_mark button
	SLOT_ERROR=$(harness unplug "$KT_INJECT_ID") || fail "the button is not pressed: $SLOT_ERROR"
	await_dmesg "pciehp: .*Button press: will power off"
	# Until then it is in use as ever.
	check_write save 1 OK
	check_false "the harness hides that QEMU refuses a second press" harness unplug "$KT_INJECT_ID" > /dev/null
	check_away "after its button was pressed"
	slot_plug
	check_new "after its button was pressed"
}

switched_off() {
	phase_reach "$1" || return 0
	check_bounded "switching the slot off" slot_switch_off
	phase_end
	check_away "when switched off"
	slot_plug
	check_new "after it was switched off"
}

slot_switch_off() {
	echo 0 > "$SYSFS_BUS/slots/$(slot_name)/power"
}

slot_setup
phase_need
subtests attention_button "switched_off restore"
