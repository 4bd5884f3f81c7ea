#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme multifunction sriov conventional
#
# Save and restore on demand, with a device that is well: what is saved is what
# the registers are, and a restore brings exactly that back.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# flip: changes a register that does no harm, the cache line size. False when it
# is not writable.
flip() {
	local before after
	before=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $((before ^ 0x10))
	after=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	[ "$after" != "$before" ]
}

save_is_counted() {
	local saves at
	status_get saves
	saves=$STATUS
	status_get saved_at_ns
	at=$STATUS
	events_mark
	check_write save 1 OK
	check_status saves $((saves + 1))
	status_get saved_at_ns
	[ "$STATUS" != "$at" ] || fail "saved_at_ns is still $STATUS"
	check_event save
	check_no_event refusal
	check_saved_agrees "after a save"
	check_regs "after a save"
}

restore_undoes_a_change() {
	local restores
	if ! flip; then
		skip "the device's cache line size register is not writable"
		return 0
	fi
	status_get restores
	restores=$STATUS
	events_mark
	check_write restore 1 OK
	status_get restores
	[ "$STATUS" -gt "$restores" ] || fail "restores is still $STATUS"
	check_event restore
	check_no_event mismatch
	check_regs "after a restore"
}

# A change that is legitimate becomes known-good with the next save.
save_takes_a_change() {
	if ! flip; then
		skip "the device's cache line size register is not writable"
		return 0
	fi
	check_write save 1 OK
	check_saved_agrees "after a change and a save"
	regs_snapshot "$KT_DEVICE" "$KT_TMP/changed.regs"
	flip
	check_write restore 1 OK
	regs_snapshot "$KT_DEVICE" "$KT_TMP/now.regs"
	check_true "the restore did not bring the changed register back" \
		regs_diff "$KT_TMP/changed.regs" "$KT_TMP/now.regs"
	flip
	check_write save 1 OK
	check_regs "after undoing the change"
}

subtests save_is_counted restore_undoes_a_change save_takes_a_change
