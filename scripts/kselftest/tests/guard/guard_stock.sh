#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: nvme
# timeout: 180
# weight: 20
#
# Functions with the drivers that people have: an NVMe controller with nvme, and
# the root port above it with the port driver. Each is lost while the system goes
# to sleep, and back when it wakes up. On the stock kernel that is the end of it;
# with pci_guard the controller does what it is asked afterwards.

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
# shellcheck source=../../lib/nvme.sh
. "$KT_DIR/lib/nvme.sh"

# whose controller|port: faults are of this one.
whose() {
	case $1 in
	controller) WHOSE=$KT_DEVICE LOST=all ;;
	# Its header only: what would be written into its slot would take the controller away.
	port) WHOSE=$KT_PORT LOST=16 ;;
	esac
	fault_wrap "$WHOSE"
}

freeze() {
	sleep_cycle freeze
}

# lost_in_suspend: gone while it is saved, and back when that is over.
lost_in_suspend() {
	first_save freeze
	[ -n "$FIRST_SAVE" ] || fail "nobody saves $WHOSE in a suspend"
	reference_take "$WHOSE" whose
	fault_clear
	[ "$LOST" != all ] || LOST=$((SAVE_LENGTH - 2))
	fault gone from="$FIRST_SAVE" count="$LOST"
	freeze || :
	fault_counters
	fault_off
	[ "$FAULTED" -gt 0 ] || fail "it was not lost"
}

# What the stock kernel does not survive (XFAIL). The machine has to be as it was
# afterwards, by our own hands.
stock() {
	local registers
	nvme_bind || fail "nvme does not bind: $NVME_STATE"
	whose "$1"
	lost_in_suspend
	if reference_same "$WHOSE" whose > "$KT_TMP/damage" && nvme_works; then
		fail "nothing is destroyed: this kernel has learnt something"
	else
		registers=$(grep -c . "$KT_TMP/damage") || :
		diag_lines < "$KT_TMP/damage"
		nvme_works || :
		xfail "$registers registers destroyed, the controller is '$NVME_STATE'"
	fi
	[ "$1" = controller ] || regs_write_back "$KT_PORT" port
	whose "$1"
	echo 1 > "$FAULT_FUNCTION/save"
	whose controller
	guarded_driver_back
	check_regs "after they were written back"
}

guarded() {
	nvme_bind || fail "nvme does not bind: $NVME_STATE"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	whose "$1"
	lost_in_suspend
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	check_guard_more refusals 0 "$WHOSE"
	if ! reference_same "$WHOSE" whose > "$KT_TMP/damage"; then
		fail "registers differ after the suspend:"
		diag_lines < "$KT_TMP/damage"
	fi
	nvme_works || fail "the controller is '$NVME_STATE', not live"
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	whose controller
	guarded_driver_back
	check_regs "when the driver has it again"
}

# Suspends, and a reset by each method, of who works: nothing is refused.
in_peace() {
	local method
	nvme_bind || fail "nvme does not bind: $NVME_STATE"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	freeze
	sleep_cycle disk
	for method in $METHODS; do
		reset_method "$method" || continue
		reset_device
		check_eq "the reset by $method" "$ERRNO" OK
		wait_for "$KT_WAIT" nvme_is_live || fail "after the reset by $method it is '$NVME_STATE'"
	done
	nvme_works || fail "the controller is '$NVME_STATE', not live"
	check_no_refusal
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	guarded_driver_back
}

undo() {
	fault_off
	guard_unload || :
	fault_wrap "$KT_DEVICE"
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
nvme_possible || skip_all "$NVME_REASON"
sleep_need disk
reset_need
fault_need
at_exit undo
subtests in_peace "stock controller" "guarded controller" "guarded port" "stock port"
