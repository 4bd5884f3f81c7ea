#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The PCI core's buffer is poison: another driver, or a path of the core that is
# not guarded, has saved while the function was gone. What is restored then comes
# from the known-good state, and the driver says that it had to.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

# poison: the core saves all-ones.
poison() {
	fault gone
	echo 1 > "$FAULT_FUNCTION/save"
	fault_off
	poisoned || fail "the core's buffer cannot be poisoned"
}

# poisoned: true where a plain restore would write all-ones.
poisoned() {
	grep -q '^0x004 4 0xffffffff$' "$FAULT_FUNCTION/would_restore"
}

check_buffer_good() {
	cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would"
	cmp -s "$KT_TMP/would" "$KT_TMP/would.good" || fail "the core's buffer is not as it was $1"
}

restore_uses_the_known_good_state() {
	poison
	device_wipe
	check_write restore 1 OK
	check_regs "after a restore with a poisoned buffer"
	check_buffer_good "after the restore"
}

save_replaces_it() {
	poison
	check_write save 1 OK
	check_buffer_good "after a save"
}

# Refused half-way: what is put back is the known-good state, and not the poison.
refused_save_replaces_it() {
	poison
	fault gone from=10
	check_write save 1 EIO
	fault_off
	check_buffer_good "after a refused save"
}

# Refused at the first look, nothing is put back; on the way back all is right.
refused_suspend_replaces_it() {
	sleep_possible freeze || { skip "$SLEEP_REASON"; return 0; }
	sleep_prepare freeze
	poison
	events_mark
	dmesg_mark poisoned
	# Gone for the save of the suspend, and not longer.
	fault gone count=1
	check_true "the suspend fails" sleep_cycle
	fault_off
	sleep_undo
	check_event refusal
	check_status state ok
	check_regs "after a suspend with a poisoned buffer"
	check_buffer_good "after the resume"
}

# The core saves after the driver, just when the function is gone, and restores
# before it: it cannot be kept from writing that.
core_poisons_itself_in_a_reset() {
	local save
	if [ -z "$METHODS" ]; then
		skip "the device has no reset method"
		return 0
	fi
	# By a method that does not look before it resets.
	case " $METHODS " in
	*' pm '*) echo pm > "$METHOD_FILE" ;;
	esac
	fault_clear
	echo 1 > "$FAULT_FUNCTION/save"
	fault_counters
	save=$ACCESSES
	events_mark
	dmesg_mark poisoned
	cap_count "$KT_DEVICE"
	# After the driver's save, which has two reads more and one for each capability,
	# and the core's look.
	fault gone from=$((save + 5 + CAPS)) count=$((save - 5))
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	fault_off
	echo "$METHODS" > "$METHOD_FILE"
	check_eq "reset" "$ERRNO" OK
	check_event core_state_bad
	check_dmesg "$KT_DEVICE: the reset restored what is not the known-good state"
	check_status state ok
	check_regs "after a reset with a poisoned buffer"
	check_buffer_good "after the reset"
}

# No driver is bound, the buffer is poison: a function that is well is bound, and its
# state saved; one that was wiped as well cannot be brought back by anybody.
probe_does_not_trust_it() {
	driver_unbind "$KT_DEVICE"
	poison
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	check_regs "after a probe with a poisoned buffer"
	check_buffer_good "after a probe"
	# Before a probe only its BARs tell a wiped function.
	bars "$KT_DEVICE"
	if [ -z "$BARS" ]; then
		diag "it has no BARs, by which a wiped function is known before a probe"
		return 0
	fi
	driver_unbind "$KT_DEVICE"
	poison
	device_wipe
	fault_clear
	driver_bind "$KT_DEVICE"
	[ "$ERRNO" != OK ] || fail "a wiped function with a poisoned buffer is bound"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	poisoned || fail "the buffer of a function that is not bound was changed"
	regs_write_back "$KT_DEVICE" reference || :
	driver_bind "$KT_DEVICE"
	check_eq "bind, written back" "$ERRNO" OK
	check_regs "after it was written back"
}

METHOD_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
read_line "$METHOD_FILE"
METHODS=$LINE
fault_need
# What an error of an earlier test has set in Status goes in the first restore, and the
# buffer would differ by it.
cfg_write "$KT_DEVICE" 0x06 2 0xf900
check_write save 1 OK
cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would.good"
subtests restore_uses_the_known_good_state save_replaces_it refused_save_replaces_it \
	refused_suspend_replaces_it core_poisons_itself_in_a_reset probe_does_not_trust_it
