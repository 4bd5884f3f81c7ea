#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: vfio
# timeout: 300
# weight: 40
#
# A program of user space has the function (VFIO). A fatal error wipes it, and
# the recovery succeeds, since vfio-pci has no slot_reset; the program resets it,
# as part of its own recovery. Without pci_guard that saves the wiped state over
# the good one, and restores it: the function is dead. With it all is as it was.

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
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"
# shellcheck source=../../lib/vfio.sh
. "$KT_DIR/lib/vfio.sh"

vfio_reset() {
	vfio reset
	check_eq "VFIO_DEVICE_RESET" "$VFIO" OK
}

vfio_hot_reset() {
	vfio hot_reset
	check_eq "VFIO_DEVICE_PCI_HOT_RESET" "$VFIO" OK
}

# fatal_error: its bus reset wipes the function, and nobody restores it.
fatal_error() {
	local bar
	dmesg_mark "fatal error"
	inject fatal || fail "$INJECT_ERROR"
	await_dmesg "device recovery successful"
	for bar in $FE_BARS; do
		check_eq "the BAR at $bar after the error" \
			"$(($(cfg_read "$KT_DEVICE" "$bar" 4) & ~15))" 0
	done
}

# begin [guard]: bound to vfio-pci and open.
begin() {
	vfio_bind || fail "$KT_DEVICE does not bind to vfio-pci: $ERRNO"
	if [ "${1-}" = guard ]; then
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fi
	vfio_open || return 1
	bars "$KT_DEVICE"
	FE_BARS=$BARS
	[ -n "$FE_BARS" ] || fail "the function has no BAR"
}

end() {
	vfio_close
	guarded_end
}

is_asleep() {
	read_line "$SYSFS_PCI/$KT_DEVICE/power_state"
	[ "$LINE" = D3hot ]
}

# Nobody has opened it, and it sleeps when the module comes: it is not woken up for that, and
# what the core has saved of it is known good.
asleep_when_it_comes() {
	vfio_bind || fail "$KT_DEVICE does not bind to vfio-pci: $ERRNO"
	echo auto > "$SYSFS_PCI/$KT_DEVICE/power/control"
	wait_for "$KT_WAIT" is_asleep || fail "it does not sleep but is in $LINE"
	fault_clear
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fault_counters
	check_eq "accesses while the module is loaded" "$ACCESSES" 0
	check_true "it was woken up, and is in $LINE" is_asleep
	check_guard state ok "$KT_DEVICE"
	check_guard known_good_from core "$KT_DEVICE"
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
	check_guard_agrees "when it is awake"
	check_no_refusal
	guarded_end
}

# The stock kernel: expected to be dead.
without_the_guard() {
	local command
	begin || return 0
	fatal_error
	vfio_reset
	if reference_same "$KT_DEVICE" guarded > "$KT_TMP/damage"; then
		fail "nothing is destroyed: this kernel has learnt something"
	else
		command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
		xfail "$(grep -c . "$KT_TMP/damage") registers destroyed, Command $command"
		diag_lines < "$KT_TMP/damage"
	fi
	vfio_close
	guarded_driver_back
	check_regs "after they were written back"
}

with_the_guard() {
	begin guard || return 0
	fatal_error
	vfio_reset
	check_guarded "after VFIO_DEVICE_RESET"
	check_guard last_refusal "wiped: the assigned BARs read 0, it was reset" "$KT_DEVICE"
	check_guard state ok "$KT_DEVICE"
	end
}

# The program does not know of the error, and an administrator resets the function.
sysfs_reset_with_the_guard() {
	begin guard || return 0
	fatal_error
	reset_method "$1" || return 0
	reset_device
	check_eq "the reset by $1" "$ERRNO" OK
	check_guarded "after the reset by $1"
	end
}

# Opened and closed, which loads a state that VFIO has stored.
open_and_close() {
	begin guard || return 0
	vfio_close
	vfio_open || return 0
	vfio_reset
	check_guarded "after it was opened again"
	check_no_refusal
	end
}

# sweep METHOD STEP: lost at each access of what the reset saves, and then of what it restores.
sweep() {
	begin guard || return 0
	reset_method "$1" || return 0
	first_save vfio_reset
	fault_counters
	PATH_LENGTH=$ACCESSES
	SAVE_FROM=$((FIRST_SAVE - 1))
	guarded_sweep_saves "vfio_$1" "$2" vfio_reset
	if [ "$1" = flr ]; then
		guarded_restore_ends
		guarded_sweep_restores "vfio_$1" $((2 * $2)) vfio_reset
	fi
	end
}

runtime_cycle() {
	control auto
	wait_for "$KT_WAIT" is_suspended || fail "not suspended at run time but $LINE"
	control on
}

# Nobody has opened it, and it is lost while it is suspended at run time; then a program has it.
lost_at_run_time() {
	vfio_bind || fail "$KT_DEVICE does not bind to vfio-pci: $ERRNO"
	# vfio-pci has let it sleep.
	control on
	guarded_begin as_is runtime_cycle || return 0
	guarded_sweep_saves vfio_runtime_cycle "$1" runtime_cycle
	vfio_open || return 0
	vfio_reset
	check_guarded "after a program's reset"
	end
}

hot_reset() {
	begin guard || return 0
	first_save vfio_hot_reset
	[ -n "$FIRST_SAVE" ] || fail "the hot reset does not save"
	SAVE_FROM=$((FIRST_SAVE - 1))
	guarded_sweep_saves vfio_hot_reset "$1" vfio_hot_reset
	end
}

undo() {
	fault_off
	vfio_close
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
vfio_possible || skip_all "$VFIO_REASON"
[ "$KT_INJECT" = qemu ] || skip_all "it takes a harness to inject errors"
reset_need
fault_need
at_exit undo
subtests asleep_when_it_comes without_the_guard with_the_guard "sysfs_reset_with_the_guard flr" \
	"sysfs_reset_with_the_guard bus" open_and_close "sweep flr 2" "sweep bus 8" "hot_reset 8" \
	"lost_at_run_time 4"
