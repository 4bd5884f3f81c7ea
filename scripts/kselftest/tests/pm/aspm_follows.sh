#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ASPM is the kernel's to change while the driver is bound: it writes Link Control of the
# function, and into the core's buffer what it then reads. A restore writes what the
# kernel wants now. QEMU's Link Control takes no ASPM: the fault injector presents one
# that does.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

ASPM_POLICY=/sys/module/pcie_aspm/parameters/policy

# link_control VALUE: from now on it reads so, whatever is written.
link_control() {
	fault stuck "range=$LNKCTL-$((LNKCTL + 1))" "value=$(printf '0x%x' "$1")"
}

# restored: sets RESTORED to what the last restore wrote to Link Control.
restored() {
	RESTORED=$(fault_record | awk -v at="$(printf '0x%03x' "$LNKCTL")" \
		'$2 == "w" && $3 == at { value = $5 } END { print value }')
}

# check_saved_bits WHEN BITS VALUE: of Link Control in the known-good state.
check_saved_bits() {
	saved_value "$LNKCTL"
	check_eq "$1: ASPM in the known-good state" $((SAVED & $2)) "$3"
}

# check_restored_bits WHEN BITS VALUE
check_restored_bits() {
	restored
	check_eq "$1: ASPM that was written" $((RESTORED & $2)) "$3"
}

# The lower end of a link must not have L1 on where the upper end has it off.
l1_is_off_below_a_port_that_has_it_off() {
	link_control $((NORMAL | 2))
	check_write save 1 OK
	check_saved_bits "while it is on" 2 2
	fault_off
	fault_clear
	check_write restore 1 OK
	check_restored_bits "below a port that has it off" 2 0
	check_saved_bits "after the restore" 2 0
	check_status state ok
	check_write save 1 OK
}

# policy NAME: has the kernel turn ASPM on or off; false where it may not.
policy() {
	echo "$1" > "$ASPM_POLICY"
} 2> /dev/null

# need_policy: skips the subtest where ASPM of this link is not the kernel's.
need_policy() {
	fault_clear
	if ! policy powersave; then
		skip "ASPM is not the kernel's to change here"
		return 1
	fi
	if ! fault_record | grep -q "^$FAULT_FN w $(printf '0x%03x' "$LNKCTL") "; then
		policy default || :
		skip "the kernel does not change ASPM of this link"
		return 1
	fi
	policy performance
}

# L0s, which QEMU's ports have: turned on by the kernel while the function shows it.
what_the_kernel_turned_on_is_restored() {
	need_policy || return 0
	check_write save 1 OK
	check_saved_bits "before" 1 0
	link_control $((NORMAL | 1))
	policy powersave
	fault_off
	fault_clear
	check_write restore 1 OK
	check_restored_bits "after the kernel turned it on" 1 1
	check_saved_bits "after the kernel turned it on" 1 1

	# And off again.
	policy performance
	fault_clear
	check_write restore 1 OK
	check_restored_bits "after the kernel turned it off" 1 0
	policy default
	check_write save 1 OK
}

# The kernel puts what it reads into the core's buffer, all-ones where nothing answers.
a_loss_meanwhile_is_not_followed() {
	need_policy || return 0
	check_write save 1 OK
	fault gone
	policy powersave
	fault_off
	fault_clear
	check_write restore 1 OK
	restored
	check_eq "Link Control that was written" $((RESTORED)) $((NORMAL))
	check_status state ok
	policy default
	check_write save 1 OK
}

undo() {
	policy default || :
	fault_off
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
}

cap_find "$KT_DEVICE" 10 || skip_all "the device has no PCI Express capability"
LNKCTL=$((CAP + 0x10))
NORMAL=$(cfg_read "$KT_DEVICE" "$LNKCTL" 2)
fault_need
at_exit undo
subtests l1_is_off_below_a_port_that_has_it_off what_the_kernel_turned_on_is_restored \
	a_loss_meanwhile_is_not_followed
