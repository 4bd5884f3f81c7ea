#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: registers
#
# Precision Time Measurement is the kernel's to disable on the way to sleep and to enable on the
# way back, at the function and at the ports above: what is saved in between has it off.

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
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

fault_need
cap_find "$KT_DEVICE" 001f || skip_all "the function has no PTM"
PTM_CONTROL=$((CAP + 8))
cap_find "$KT_PORT" 001f || skip_all "the port above has no PTM"
PORT_PTM=$((CAP + 8))
PTM_BEFORE=$(cfg_read "$KT_DEVICE" "$PTM_CONTROL" 4)
PTM_PORT_BEFORE=$(cfg_read "$KT_PORT" "$PORT_PTM" 4)

undo() {
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
	echo 0 > "$FAULT_FUNCTION/ptm"
	# The kernel leaves the granularity in there.
	cfg_write "$KT_DEVICE" "$PTM_CONTROL" 4 "$PTM_BEFORE"
	cfg_write "$KT_PORT" "$PORT_PTM" 4 "$PTM_PORT_BEFORE"
	check_write save 1 OK
}

# enabled: as a driver enables it, after it was bound.
enabled() {
	check_eq "PTM before" $(($(cfg_read "$KT_DEVICE" "$PTM_CONTROL" 4) & 1)) 0
	write_errno "$FAULT_FUNCTION/ptm" 1
	check_eq "enabling PTM" "$ERRNO" OK
	PTM_WANTED=$(cfg_read "$KT_DEVICE" "$PTM_CONTROL" 4)
	PTM_PORT_WANTED=$(cfg_read "$KT_PORT" "$PORT_PTM" 4)
	check_eq "PTM of the function" $((PTM_WANTED & 1)) 1
	check_eq "PTM of the port" $((PTM_PORT_WANTED & 1)) 1
}

check_ptm() {
	check_eq "PCI_PTM_CTRL $1" "$(cfg_read "$KT_DEVICE" "$PTM_CONTROL" 4)" "$PTM_WANTED"
	check_eq "PCI_PTM_CTRL of the port $1" "$(cfg_read "$KT_PORT" "$PORT_PTM" 4)" "$PTM_PORT_WANTED"
}

# stays_on WHAT COMMAND...: over a path in which nothing is lost, and nothing is found wrong.
stays_on() {
	local what
	what=$1
	shift
	events_mark
	"$@"
	check_no_event mismatch lost refusal
	check_status state ok
	check_ptm "after $what"
}

runtime_cycle() {
	echo auto > "$SYSFS_PCI/$KT_DEVICE/power/control"
	wait_for "$KT_WAIT" is_suspended || fail "not suspended at run time but $LINE"
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
}

over_paths() {
	enabled
	stays_on "a save and a restore" check_write restore 1 OK
	check_write save 1 OK
	stays_on "s2idle up to devices" sleep_cycle freeze
	stays_on "runtime suspend" runtime_cycle
	stays_on "a reset" check_write reset 1 OK
}

# Saved while PTM was off, the state is restored after a fatal error.
over_an_error() {
	sleep_cycle freeze
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_status state ok
	check_ptm "after a fatal error"
}

# Lost in a suspend, or on the way back.
over_a_loss() {
	fault gone from="$1" ms=300
	sleep_cycle freeze || :
	fault_off
	await_ok
	check_ptm "after a loss from access $1 of a suspend"
}

# With pci_guard: lost on the way back from sleep, and wiped, it is restored late.
late_by_the_guard() {
	guard_possible || { skip "$GUARD_REASON"; return 0; }
	pci_stub_possible || { skip "$PCI_STUB_REASON"; return 0; }
	echo 0 > "$FAULT_FUNCTION/ptm"
	guarded_begin stub sleep_cycle freeze || return 0
	echo 1 > "$FAULT_FUNCTION/ptm"
	guarded_comes_back_late
	check_ptm "when it has come back"
	guarded_end
}

await_ok() {
	wait_for "$KT_WAIT" is_ok || {
		check_write restore 1 OK
	}
}

is_ok() {
	status_get state
	[ "$STATUS" = ok ]
}

sleep_need freeze
at_exit undo
subtests over_paths over_an_error "over_a_loss 100" "over_a_loss 150" "over_a_loss 200" \
	late_by_the_guard
