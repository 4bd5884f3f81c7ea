#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# weight: 9
#
# What the same losses do on the stock kernel: the function is bound to pci-stub,
# or to no driver at all, lost while the core saves, and back before it restores.
# The damage is expected of this kernel (XFAIL); one that does no damage
# fails here, so that the change is seen.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/kernel.sh
. "$KT_DIR/lib/kernel.sh"

PM_DIR=$SYSFS_PCI/$KT_DEVICE/power

# baseline_begin COMMAND...: binds to pci-stub, and finds where COMMAND saves. False
# where it does not save: that was not so when this was written.
baseline_begin() {
	pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.regs"
	first_save "$@"
	[ -n "$FIRST_SAVE" ] || {
		fail "the core no longer saves here: this baseline is out of date"
		return 1
	}
}

# baseline_end yes|no: checks whether registers are destroyed. XFAIL with how many if they should
# be. Back to the driver.
baseline_end() {
	local damaged bars
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.now"
	damaged=yes
	! regs_diff "$KT_TMP/stub.regs" "$KT_TMP/stub.now" > "$KT_TMP/damage" || damaged=no
	diag_lines < "$KT_TMP/damage"
	case $1$damaged in
	yesyes)
		bars=$(sed 's/^[^ ]* \([^ ]*\) .*/\1/' "$KT_TMP/damage" | grep -c BASE_ADDRESS) || :
		xfail "$(grep -c . "$KT_TMP/damage") registers destroyed, $bars of them BARs"
		;;
	yesno) fail "nothing is destroyed: this kernel is fixed, update the baseline" ;;
	noyes) fail "registers are destroyed, which this kernel should know how to avoid" ;;
	esac
	pci_stub_unbind
	check_regs "after they were written back"
}

# lost_in_save COMMAND...: the function is lost during the core's save, from its
# access LOST_AFTER on.
lost_in_save() {
	if baseline_begin "$@"; then
		fault gone from=$((FIRST_SAVE + LOST_AFTER)) count=$((SAVE_LENGTH - LOST_AFTER))
		"$@" || :
		fault_off
	fi
	baseline_end yes
}

lost_in_suspend() {
	lost_in_save sleep_cycle freeze
}

lost_in_hibernation() {
	lost_in_save sleep_cycle disk
}

is_suspended() {
	read_line "$PM_DIR/runtime_status"
	[ "$LINE" = suspended ]
}

# Without a driver the function stays in D0, but is saved and restored: the
# port above it may go to D3cold.
runtime_cycle() {
	bound "$KT_DEVICE" || [ -z "$PCI_DRIVER" ] || driver_unbind "$KT_DEVICE"
	echo auto > "$PM_DIR/control"
	wait_for "$KT_WAIT" is_suspended || fail "not suspended at run time but $LINE"
	echo on > "$PM_DIR/control"
}

lost_in_runtime_suspend() {
	lost_in_save runtime_cycle
}

# 7.3 looks once, before it saves: the loss comes just after.
lost_in_reset_by() {
	reset_method "$1" || return 0
	LOST_AFTER=1
	lost_in_save reset_device
	LOST_AFTER=0
}

# Gone before the reset begins, back when the save would be over. Where the kernel
# looks before it saves, there is no damage.
gone_before_reset_by() {
	reset_method "$1" || return 0
	if baseline_begin reset_device; then
		# After the look, a bus reset waits for the function.
		fault gone count=$((FIRST_SAVE + SAVE_LENGTH)) ms=500
		reset_device
		fault_off
		if kernel_at_least 7 3 && [ "$1" != bus ]; then
			check_eq "reset by $1 of a function that is gone" "$ERRNO" ENOTTY
		fi
	fi
	if kernel_at_least 7 3; then
		baseline_end no
	else
		baseline_end yes
	fi
}

undo() {
	echo on > "$PM_DIR/control"
	bound "$KT_DEVICE" || pci_stub_unbind
}

LOST_AFTER=0
pci_stub_possible || skip_all "$PCI_STUB_REASON"
sleep_possible freeze || skip_all "$SLEEP_REASON"
sleep_need disk
reset_need
fault_need
at_exit undo
subtests lost_in_suspend lost_in_hibernation lost_in_runtime_suspend \
	"lost_in_reset_by flr" "lost_in_reset_by pm" "lost_in_reset_by bus" \
	"gone_before_reset_by flr" "gone_before_reset_by pm" "gone_before_reset_by bus"
