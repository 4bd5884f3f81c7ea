#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint
# timeout: 120
# weight: 20
#
# What the core has saved is poison: pci_guard does not restore it. Where it knows
# what is good it restores that; where it does not, nothing. And a function that
# comes back late, when its restore is over, gets it then.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"

# poison: the core saves the function while it is gone.
poison() {
	fault gone
	echo 1 > "$FAULT_FUNCTION/save"
	fault_off
}

# check_would_restore ones|none: whether a restore would write all-ones.
check_would_restore() {
	local ones
	ones=none
	! grep -qi 'ffffffff$' "$FAULT_FUNCTION/would_restore" || ones=ones
	check_eq "what a restore would write" "$ones" "$1"
}

# The module looks at the function when it is loaded.
before_the_module_came() {
	pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	poison
	check_would_restore ones
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	check_guard known_good_from peek "$KT_DEVICE"
	check_guard_agrees "after a peek"
	check_would_restore none
	check_guard replaced 1 "$KT_DEVICE"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	guarded_driver_back
	check_regs "when the driver has it again"
}

# It is gone then, too: nothing is known good of it, and nothing is written.
nothing_known_good() {
	pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO"
	fault gone
	echo 1 > "$FAULT_FUNCTION/save"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	check_guard state unknown "$KT_DEVICE"
	write_errno "$FAULT_FUNCTION/save" 1
	check_eq "a save where nothing is known good" "$ERRNO" EIO
	fault_off
	check_would_restore none
	check_guard replaced 1 "$KT_DEVICE"
	# And the first good save is known good.
	echo 1 > "$FAULT_FUNCTION/save"
	check_guard state ok "$KT_DEVICE"
	check_guard known_good_from save "$KT_DEVICE"
	check_guard_agrees "after a good save"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	guarded_driver_back
	check_regs "when the driver has it again"
}

# abort=1: a refused save is an error for who saves.
refused_saves_fail() {
	guard_load "$@" || fail "cannot load the guard: $GUARD_ERROR"
	echo 1 > "$FAULT_FUNCTION/save"
	fault gone
	write_errno "$FAULT_FUNCTION/save" 1
	check_eq "a refused save" "$ERRNO" "$RF_ERRNO"
	fault_off
	check_would_restore none
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

with_abort() {
	RF_ERRNO=EIO
	refused_saves_fail abort=1
}

without_abort() {
	RF_ERRNO=OK
	refused_saves_fail
}

# A driver may end bus mastering: that is reported, and refused by who asks for it.
suspicious() {
	local command
	guard_load "$@" || fail "cannot load the guard: $GUARD_ERROR"
	echo 1 > "$FAULT_FUNCTION/save"
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 $((command & ~4))
	echo 1 > "$FAULT_FUNCTION/save"
	check_guard suspicious "$SU_SUSPICIOUS" "$KT_DEVICE"
	check_guard refusals "$SU_REFUSALS" "$KT_DEVICE"
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 "$command"
	echo 1 > "$FAULT_FUNCTION/save"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

is_told() {
	SU_SUSPICIOUS=1 SU_REFUSALS=0
	suspicious
	check_dmesg "saved, but suspicious: wiped: PCI_COMMAND reads 0x[0-9a-f]*, it lost what was enabled"
}

is_refused_by_strict() {
	SU_SUSPICIOUS=0 SU_REFUSALS=1
	suspicious strict=1
}

# Gone in the restore, and for as long as the core tries: it is restored when it is back.
comes_back_late() {
	guarded_begin stub sleep_cycle freeze || return 0
	guarded_comes_back_late
	check_dmesg "it has come back"
	check_guarded "when it has come back"
	guarded_end
}

guard_possible || skip_all "$GUARD_REASON"
pci_stub_possible || skip_all "$PCI_STUB_REASON"
sleep_need freeze
fault_need
at_exit guarded_undo
subtests before_the_module_came nothing_known_good with_abort without_abort \
	is_told is_refused_by_strict comes_back_late
