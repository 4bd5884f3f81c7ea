#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: pme
# timeout: 120
# weight: 20
#
# PME is armed when the function is suspended at run time, and disarmed on each way
# out, as often: the kernel keeps those that are armed in a list, whose entries stay
# when the function has gone.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"
# shellcheck source=../../lib/slab.sh
. "$KT_DIR/lib/slab.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

cap_find "$KT_DEVICE" 01 || skip_all "the device has no power management capability"
PMC=$((CAP + 2))
PMCSR=$((CAP + 4))
# PME_Support in bits 15 to 11, of D0 to D3cold; PME_En in bit 8.
PME_SUPPORT=$(($(cfg_read "$KT_DEVICE" "$PMC" 2) >> 11))
[ "$PME_SUPPORT" -ne 0 ] || skip_all "the device cannot signal PME"
# The deepest state, down to D3hot, that it can signal PME from.
DEEPEST=3
while [ "$DEEPEST" -gt 0 ] && [ $((PME_SUPPORT >> DEEPEST & 1)) -eq 0 ]; do
	DEEPEST=$((DEEPEST - 1))
done
slab_possible || skip_all "$SLAB_REASON"
pme_count
LISTED=$PME_LISTED
# One of QEMU's ignores what is written to its register, and stays in D0.
cfg_write "$KT_DEVICE" "$PMCSR" 2 0x0100
PME_EN=$(($(cfg_read "$KT_DEVICE" "$PMCSR" 2) >> 8 & 1))
cfg_write "$KT_DEVICE" "$PMCSR" 2 0
# The kernel scans its list every second (PME_TIMEOUT).
SCANS=2.5

undo() {
	bound "$KT_DEVICE" || device_bind
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
}
at_exit undo

# check_pme ARMED WHEN: by the kernel's list, and by the function itself.
check_pme() {
	local control state
	pme_count
	check_eq "entries of the function in the kernel's list $2" \
		$((PME_LISTED - LISTED)) "$1"
	pci_exists "$KT_DEVICE" || return 0
	control=$(cfg_read "$KT_DEVICE" "$PMCSR" 2)
	check_eq "PME_En $2" $((control >> 8 & 1)) $(($1 & PME_EN))
	[ "$PME_EN" -eq 1 ] || return 0
	state=0
	[ "$1" -eq 0 ] || state=$DEEPEST
	check_eq "PowerState $2" $((control & 3)) "$state"
}

# check_scanned WHEN: the kernel has scanned its list, and is well.
check_scanned() {
	sleep "$SCANS"
	if ! dmesg_damage "$DMESG_MARK" > "$KT_TMP/damage"; then
		fail "damage in the kernel's log $1:"
		diag_lines < "$KT_TMP/damage"
	fi
}

suspend_it() {
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
}

resume_it() {
	control on
	is_active || fail "not active but $LINE"
}

armed_while_suspended() {
	local round
	check_pme 0 "before"
	round=0
	while [ $round -lt 3 ]; do
		round=$((round + 1))
		suspend_it
		check_pme 1 "while suspended, round $round"
		resume_it
		check_pme 0 "when resumed, round $round"
	done
	check_status state ok
	check_regs "after it was suspended three times"
}

# The function does not answer when it is to go to sleep: it stays awake.
not_suspended() {
	fault_possible || {
		skip "$FAULT_REASON"
		return 0
	}
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	# PME is armed by a read and a write of the register; then the core reads it.
	fault ones "range=$PMCSR-$((PMCSR + 1))" from=2 count=1
	events_mark
	control auto
	await_event "runtime_suspend"
	wait_for "$KT_WAIT" is_active || fail "not active but $LINE"
	control on
	fault_unload
	check_pme 0 "after it was not suspended"
	check_write restore 1 OK
	check_regs "after it was not suspended"
}

# It is lost while it is asleep, and does not come back when it is needed.
lost_while_suspended() {
	fault_possible || {
		skip "$FAULT_REASON"
		return 0
	}
	suspend_it
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	fault gone
	control on
	check_status state lost
	pme_count
	check_eq "entries of the function in the kernel's list" $((PME_LISTED - LISTED)) 0
	fault_off
	fault_unload
	check_write restore 1 OK
	check_pme 0 "when restored"
	check_regs "after it was lost while suspended"
}

# The system sleeps, and leaves the function as it is: neither resumes it nor asks
# the driver.
sleep_while_suspended() {
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	suspend_it
	sleep_prepare freeze
	sleep_cycle freeze || fail "the suspend failed"
	sleep_undo
	wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE"
	check_pme 1 "after the system slept"
	resume_it
	check_pme 0 "when resumed"
	check_regs "after the system slept"
}

unbound_while_suspended() {
	suspend_it
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	check_pme 0 "when unbound"
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	suspend_it
	check_pme 1 "while suspended again"
	resume_it
	check_pme 0 "when resumed again"
}

module_unloaded_while_suspended() {
	own_module || return 0
	suspend_it
	module_unload || fail "cannot unload the module: $MODULE_ERROR"
	check_pme 0 "when the module is unloaded"
	device_bind || fail "$DEVICE_ERROR"
	resume_it
}

# removed_after ROUNDS unbound|bound: suspended and resumed so often, then removed while
# suspended. What is scanned again gets other addresses: so it is another one that is.
removed_after() {
	local device
	if ! device_bdf nic1; then
		skip "there is no second function nic1 in this topology"
		return 0
	fi
	device=$KT_DEVICE
	KT_DEVICE=$BDF
	removed_one_after "$@"
	KT_DEVICE=$device
}

removed_one_after() {
	local round
	device_bind || fail "$DEVICE_ERROR"
	round=0
	while [ $round -lt "$1" ]; do
		round=$((round + 1))
		suspend_it
		resume_it
	done
	suspend_it
	[ "$2" = bound ] || driver_unbind "$KT_DEVICE"
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	check_false "the function is still there" pci_exists "$KT_DEVICE"
	check_pme 0 "when removed"
	check_scanned "after it was removed"
	echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
	check_true "the function does not come back" wait_for "$KT_WAIT" pci_exists "$KT_DEVICE"
}

subtests armed_while_suspended not_suspended lost_while_suspended sleep_while_suspended \
	unbound_while_suspended module_unloaded_while_suspended "removed_after 0 bound" \
	"removed_after 3 unbound"
