#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: registers
# timeout: 120
# weight: 10
#
# What a restore by the kernel does beside writing registers, with pci_guard loaded: it
# waits for Virtual Channels, leaves one enabled whose register was lost, and comes too
# late for a PME. On register files: QEMU has no such device.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"

PME_ENABLE=$((0x0100))
CHANNEL_ENABLE=$((0x80000000))

# channel OFFSET: where that register of the SSD's Virtual Channels is. stuck FIRST LAST VALUE:
# it reads so.
channel() {
	printf '0x%03x' $((CHANNELS + $1))
}

stuck() {
	fault stuck "range=$1-$2" "value=$3"
}

waits_for_table() {
	fault_record | grep -q "r $(channel 0x1a) "
}

folder_is_gone() {
	[ ! -e "$GUARD_DIR/$SSD" ]
}

# The SSD does not load the arbitration tables of its two channels: a restore sleeps for 0.7 s
# for each. And Cache Line Size is not what is restored, so that it is restored once more: it
# takes longer than unloading does, which waits until nobody is in the module.
unload_in_a_restore() {
	fault_wrap "$SSD"
	cfg_write "$SSD" "$(channel 0x14)" 4 0x800200ff
	cfg_write "$SSD" "$(channel 0x20)" 4 0x01020000
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	echo 1 > "$FAULT_FUNCTION/save"
	stuck "$(channel 0x1a)" "$(channel 0x1b)" 1
	stuck "$(channel 0x26)" "$(channel 0x27)" 1
	stuck "$PCI_CACHE_LINE_SIZE" "$PCI_CACHE_LINE_SIZE" 0x55
	fault_clear
	dmesg_mark "unload in a restore"
	echo 1 > "$FAULT_FUNCTION/restore" &
	ui_restore=$!
	wait_for "$KT_WAIT" waits_for_table || fail "the restore does not wait for the table"
	rmmod pci_guard 2> "$KT_TMP/rmmod" &
	ui_rmmod=$!
	wait_for "$KT_WAIT" folder_is_gone || fail "the module is not unloaded"
	# What the kernel says at the end of each wait.
	ui_waits=$(dmesg_since "$DMESG_MARK" | grep -c "VC1 port arbitration table failed to load")
	check_eq "restores that had ended when the functions were gone" "$ui_waits" 2
	wait "$ui_rmmod" || fail "cannot unload the guard: $(cat "$KT_TMP/rmmod")"
	wait "$ui_restore" || fail "the restore failed"
	fault_off
	# They were saved so, and restored.
	regs_write_back "$SSD" ssd
	check_ssd "after a restore that was overtaken"
}

# check_ssd WHEN: its registers are as before.
check_ssd() {
	reference_same "$SSD" ssd > "$KT_TMP/difference" || {
		fail "registers of $SSD differ $1:"
		diag_lines < "$KT_TMP/difference"
	}
}

# The kernel takes a channel of which it reads all-ones to be enabled, and leaves it so.
channel_lost_once() {
	fault_wrap "$SSD"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	echo 1 > "$FAULT_FUNCTION/save"
	fault_clear
	fault ones "range=$(channel 0x20)-$(channel 0x23)" count=1
	echo 1 > "$FAULT_FUNCTION/restore"
	fault_counters
	fault_off
	check_eq "registers lost" "$FAULTED" 1
	check_eq "Enable of the second channel" \
		"$(($(cfg_read "$SSD" "$(channel 0x20)" 4) & CHANNEL_ENABLE))" 0
	check_guard repaired 1 "$SSD"
	check_guard deviations 0 "$SSD"
	check_ssd "after a restore that lost a register"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

# The NIC is lost when PME is disabled and when it is restored; a reset clears no PME.
pme_is_disabled_late() {
	fault_wrap "$KT_DEVICE"
	guarded_bind none
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	reference_take "$KT_DEVICE" guarded
	cap_find "$KT_DEVICE" 01
	pm_control=$((CAP + 4))
	pm_before=$(($(cfg_read "$KT_DEVICE" $pm_control 2)))
	cfg_write "$KT_DEVICE" $pm_control 2 $((pm_before | PME_ENABLE))
	secondary_bus_reset "$KT_PORT"
	[ $(($(cfg_read "$KT_DEVICE" $pm_control 2) & PME_ENABLE)) -ne 0 ] ||
		fail "the reset has disabled PME"
	fault gone
	echo 1 > "$FAULT_FUNCTION/restore"
	check_guard state owed "$KT_DEVICE"
	fault_off
	wait_for "$KT_WAIT" guarded_is_ok || fail "the guard says '$GUARD'"
	check_eq "PCI_PM_CTRL" "$(($(cfg_read "$KT_DEVICE" $pm_control 2)))" "$pm_before"
	check_guarded "when it has come back"
	guarded_end
}

undo() {
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
fault_need
device_bdf ssd || skip_all "there is no SSD"
SSD=$BDF
cap_find "$SSD" 0002 || skip_all "the SSD has no Virtual Channels"
CHANNELS=$CAP
reference_take "$SSD" ssd
at_exit undo
subtests unload_in_a_restore channel_lost_once pme_is_disabled_late
