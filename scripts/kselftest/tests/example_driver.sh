#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The example of the library's use, rust/example_driver.rs: it drives QEMU's edu
# device, keeps its known-good state, and the device works after each repair.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

example=example_driver
module=${KT_MODULE%/*}/$example.ko

[ -e "$module" ] || skip_all "there is no $example.ko beside the module"
pci_find_id 0x1234 0x11e8 || skip_all "there is no edu device (1234:11e8)"
edu=$BDF
dir=/sys/kernel/debug/$example/$edu
# How many seconds a test of suspend waits.
DELAY=/sys/module/suspend/parameters/pm_test_delay

give_back() {
	! [ -d "/sys/module/$example" ] || rmmod $example || :
	write_errno "$DRIVER_DIR/bind" "$edu"
}

# alive_count: how often the example said that the device answers.
alive_count() {
	ALIVE=$(dmesg_since "$DMESG_MARK" | grep -c "$example $edu: alive") || :
}

# value FILE KEY: that line of a debugfs file.
value() {
	sed -n "s/^$2: //p" "$dir/$1"
}

probe_finds_it_alive() {
	driver_unbind "$edu"
	check_eq "unbind from $DRIVER" "$ERRNO" OK
	regs_snapshot "$edu" "$KT_TMP/unbound.regs"
	insmod "$module" || fail "cannot load $example"
	pci_driver "$edu"
	check_eq "driver of $edu" "$PCI_DRIVER" $example
	check_eq "state" "$(value status state)" ok
	regs_snapshot "$edu" "$KT_TMP/edu.regs"
	alive_count
	check_eq "lines 'alive'" "$ALIVE" 1
}

wiped_is_refused_and_restored() {
	cfg_write "$edu" 0x10 4 0
	cfg_write "$edu" 0x04 2 0
	write_errno "$dir/save" 1
	check_eq "save while wiped" "$ERRNO" EIO
	write_errno "$dir/restore" 1
	check_eq "restore" "$ERRNO" OK
	regs_snapshot "$edu" "$KT_TMP/now.regs"
	regs_diff "$KT_TMP/edu.regs" "$KT_TMP/now.regs" > "$KT_TMP/difference" ||
		{ fail "registers differ after the restore"; diag_lines < "$KT_TMP/difference"; }
}

# Its resume asks the device through its BAR: a BAR that is wrong does not answer.
wiped_before_suspend_is_alive_after() {
	if ! [ -w /sys/power/pm_test ]; then
		skip "no /sys/power/pm_test (CONFIG_PM_DEBUG)"
		return 0
	fi
	alive_count
	wb_before=$ALIVE
	cfg_write "$edu" 0x10 4 0
	echo devices > /sys/power/pm_test
	wb_delay=$(cat $DELAY)
	echo "$KT_SUSPEND" > $DELAY
	write_errno /sys/power/state freeze
	echo "$wb_delay" > $DELAY
	echo none > /sys/power/pm_test
	check_eq "suspend" "$ERRNO" OK
	alive_count
	check_eq "lines 'alive' more" $((ALIVE - wb_before)) 1
	regs_snapshot "$edu" "$KT_TMP/now.regs"
	check_true "registers differ after the resume" \
		regs_diff "$KT_TMP/edu.regs" "$KT_TMP/now.regs"
}

no_reset_method_is_enotty() {
	[ ! -e "$SYSFS_PCI/$edu/reset_method" ] || { skip "edu has a reset method here"; return 0; }
	write_errno "$dir/reset" 1
	check_eq "reset" "$ERRNO" ENOTTY
	check_eq "state" "$(value status state)" ok
}

unloads() {
	rmmod $example || fail "cannot unload $example"
	check_false "$dir is still there" [ -e "$dir" ]
	regs_snapshot "$edu" "$KT_TMP/now.regs"
	regs_diff "$KT_TMP/unbound.regs" "$KT_TMP/now.regs" > "$KT_TMP/difference" ||
		{ fail "registers differ after unbinding"; diag_lines < "$KT_TMP/difference"; }
}

at_exit give_back
subtests probe_finds_it_alive wiped_is_refused_and_restored \
	wiped_before_suspend_is_alive_after no_reset_method_is_enotty unloads
