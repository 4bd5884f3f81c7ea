#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A function that was reset and that nobody restored reads back plausible, but
# wiped or wrong: that is refused, too, and a restore repairs it.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

# shellcheck source=../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

bars "$KT_DEVICE"
FIRST_BAR=${BARS%% *}
[ -n "$FIRST_BAR" ] || skip_all "the device has no base address register"
rebind

# check_wrong_is_refused: the registers have just been damaged.
check_wrong_is_refused() {
	check_false "the registers cannot be damaged" regs_same > /dev/null
	regs_snapshot "$KT_DEVICE" "$KT_TMP/damaged.regs"
	check_refused
	regs_snapshot "$KT_DEVICE" "$KT_TMP/now.regs"
	check_true "the refused save has changed registers" \
		regs_diff "$KT_TMP/damaged.regs" "$KT_TMP/now.regs"
	check_write restore 1 OK
	check_regs "after the restore"
	check_known_good_kept
}

# As after a bus reset: Command 0, all base addresses 0.
wiped() {
	device_wipe
	check_wrong_is_refused
	check_refusal_in_dmesg
}

bar_is_zero() {
	cfg_write "$KT_DEVICE" "$FIRST_BAR" 4 0
	check_wrong_is_refused
}

# What Linux writes when it restores a save of all-ones.
bar_reads_poison() {
	cfg_write "$KT_DEVICE" "$FIRST_BAR" 4 0xffffffff
	check_wrong_is_refused
}

# A good looking address, but not the one that the kernel assigned.
bar_is_elsewhere() {
	be_value=$(cfg_read "$KT_DEVICE" "$FIRST_BAR" 4)
	cfg_write "$KT_DEVICE" "$FIRST_BAR" 4 $((be_value ^ 0x01000000))
	check_wrong_is_refused
}

last_bar_is_zero() {
	cfg_write "$KT_DEVICE" "${BARS##* }" 4 0
	check_wrong_is_refused
}

# Somebody who tries again and again does not flood the kernel log.
log_is_limited() {
	rebind
	device_wipe
	ll_round=0
	while [ $ll_round -lt 25 ]; do
		ll_round=$((ll_round + 1))
		debugfs_write save 1
	done
	check_status refusals 25
	ll_lines=$(dmesg_since "$DMESG_MARK" | grep -c 'refused to save') || :
	if [ "$ll_lines" -lt 1 ] || [ "$ll_lines" -ge 25 ]; then
		fail "25 refusals in a row wrote $ll_lines lines"
	fi
	check_write restore 1 OK
	check_regs "after the restore"
}

subtests wiped bar_is_zero last_bar_is_zero bar_reads_poison bar_is_elsewhere \
	log_is_limited
