#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the same losses do on the stock kernel: the function is bound to pci-stub,
# lost while the core saves, and back before it restores. The damage is expected
# of this kernel (XFAIL); one that does no damage any more fails here, so that the
# change is seen.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/stub.sh
. "$KT_DIR/lib/stub.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

METHOD_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method

reset() {
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/reset"
} 2> /dev/null

# check_damage COMMAND...: the function is lost during the core's save; XFAIL with
# the registers that are destroyed.
check_damage() {
	stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.regs"
	first_save "$@"
	if [ -z "$FIRST_SAVE" ]; then
		fail "the core does not save here any more: this baseline is out of date"
		return 0
	fi
	fault gone from=$((FIRST_SAVE + LOST_AFTER)) count=$((SAVE_LENGTH - LOST_AFTER))
	"$@" || :
	fault_off
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.now"
	if regs_diff "$KT_TMP/stub.regs" "$KT_TMP/stub.now" > "$KT_TMP/damage"; then
		fail "nothing is destroyed: this kernel has learnt something, update the baseline"
	else
		diag_lines < "$KT_TMP/damage"
		names=$(sed 's/^[^ ]* \([^ ]*\) .*/\1/' "$KT_TMP/damage" | grep -c BASE_ADDRESS) || :
		xfail "$(grep -c . "$KT_TMP/damage") registers destroyed, $names of them BARs"
	fi
	stub_unbind
	check_regs "after they were written back"
}

lost_in_suspend() {
	check_damage sleep_cycle freeze
}

lost_in_hibernation() {
	check_damage sleep_cycle disk
}

# 7.3 looks once, before it saves: the loss comes just after.
lost_in_reset_by() {
	read_line "$METHOD_FILE"
	lr_methods=$LINE
	case " $lr_methods " in
	*" $1 "*) ;;
	*)
		skip "the device has no reset method $1"
		return 0
		;;
	esac
	pci_siblings "$KT_DEVICE"
	if [ "$1" = bus ] && [ -n "$SIBLINGS" ]; then
		skip "a bus reset would hit other functions, too: $SIBLINGS"
		return 0
	fi
	echo "$1" > "$METHOD_FILE"
	LOST_AFTER=1
	check_damage reset
	LOST_AFTER=0
	echo "$lr_methods" > "$METHOD_FILE"
}

# And where it looks, it refuses: no damage, which 7.2 does.
gone_before_reset() {
	if [ ! -e "$METHOD_FILE" ]; then
		skip "the device has no reset method"
		return 0
	fi
	stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.regs"
	read_line "$METHOD_FILE"
	gb_methods=$LINE
	echo "${gb_methods%% *}" > "$METHOD_FILE"
	fault gone
	reset && fail "the reset of a function that is gone succeeds"
	fault_off
	echo "$gb_methods" > "$METHOD_FILE"
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.now"
	regs_diff "$KT_TMP/stub.regs" "$KT_TMP/stub.now" > "$KT_TMP/damage" ||
		{ fail "registers differ after a reset that was refused"; diag_lines < "$KT_TMP/damage"; }
	stub_unbind
}

undo() {
	bound "$KT_DEVICE" || stub_unbind
}

LOST_AFTER=0
stub_possible || skip_all "$STUB_REASON"
sleep_possible freeze || skip_all "$SLEEP_REASON"
sleep_need disk
fault_need
at_exit undo
subtests lost_in_suspend lost_in_hibernation "lost_in_reset_by pm" \
	"lost_in_reset_by bus" gone_before_reset
