#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme multifunction sriov conventional
#
# A function that was reset and not restored reads back plausible, but
# wiped or wrong: that is refused, too, and a restore repairs it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# shellcheck source=../../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

bars "$KT_DEVICE"
FIRST_BAR=${BARS%% *}
[ -n "$FIRST_BAR" ] || skip_all "the device has no base address register"
rebind

# check_wrong_is_refused: the registers have just been damaged.
check_wrong_is_refused() {
	check_damaged
	check_refused
	check_still_damaged
	check_write restore 1 OK
	check_regs "after the restore"
	check_known_good_kept
	# So that the next one can show what it has to show.
	if failed; then
		device_repair
		rebind
	fi
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
	local value
	value=$(cfg_read "$KT_DEVICE" "$FIRST_BAR" 4)
	cfg_write "$KT_DEVICE" "$FIRST_BAR" 4 $((value ^ 0x01000000))
	check_wrong_is_refused
}

last_bar_is_zero() {
	cfg_write "$KT_DEVICE" "${BARS##* }" 4 0
	check_wrong_is_refused
}

# The kernel has enabled the device: memory decoding cannot just be off.
command_is_zero() {
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
	check_wrong_is_refused
}

# As after a function level reset of which only the header was restored.
device_control_is_zero() {
	if ! cap_find "$KT_DEVICE" 10 ||
		[ $(($(cfg_read "$KT_DEVICE" $((CAP + 8)) 2))) -eq 0 ]; then
		skip "the device has no Device Control that is not 0 anyway"
		return 0
	fi
	cfg_write "$KT_DEVICE" $((CAP + 8)) 2 0
	check_wrong_is_refused
}

# Somebody who tries again and again does not flood the kernel log.
log_is_limited() {
	local round lines
	rebind
	device_wipe
	round=0
	while [ $round -lt 25 ]; do
		round=$((round + 1))
		debugfs_write save 1
	done
	check_status refusals 25
	lines=$(dmesg_since "$DMESG_MARK" | grep -c 'refused to save') || :
	if [ "$lines" -lt 1 ] || [ "$lines" -ge 25 ]; then
		fail "25 refusals in a row wrote $lines lines"
	fi
	check_write restore 1 OK
	check_regs "after the restore"
}

subtests wiped bar_is_zero last_bar_is_zero bar_reads_poison bar_is_elsewhere \
	command_is_zero device_control_is_zero log_is_limited
