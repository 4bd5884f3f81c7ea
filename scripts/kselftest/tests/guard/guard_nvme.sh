#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: nvme
# timeout: 180
# weight: 40
#
# An NVMe controller with nvme, and a disk. What was written is there, byte for byte,
# after suspends, resets and a fatal error in which the controller is lost, and can be
# written on, with pci_guard loaded. On the stock kernel nothing of it can be read.

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

# begin: bound to nvme, with something on its disk.
begin() {
	nvme_bind || fail "nvme does not bind: $NVME_STATE"
	wait_for "$KT_WAIT" nvme_disk_find || fail "the controller has no disk"
	nvme_keep || fail "the disk cannot be written"
	nvme_kept || fail "the disk does not keep what was written"
}

# Paths: what happens to the controller.
freeze() {
	sleep_cycle freeze
}

by_method() {
	reset_device
	wait_for "$KT_WAIT" nvme_is_live
}

# freeze_and_read, reset_and_read: and its disk is looked at each time.
freeze_and_read() {
	freeze || fail "the suspend fails"
	check_nvme "after the suspend"
}

reset_and_read() {
	by_method || :
	check_nvme "after the reset"
}

# stock PATH [METHOD]: what the stock kernel does not survive (XFAIL): lost while it is
# saved, and back when that is over.
stock() {
	[ $# -lt 2 ] || reset_method "$2" || return 0
	begin
	reference_take "$KT_DEVICE" guarded
	first_save "$1"
	[ -n "$FIRST_SAVE" ] || fail "nobody saves the controller"
	wait_for "$KT_WAIT" nvme_is_live || fail "the controller is '$NVME_STATE', not live, in peace"
	fault_clear
	# Behind the look of 7.3, which comes before its save.
	fault gone from=$((FIRST_SAVE + 1)) count=$((SAVE_LENGTH - 2))
	"$1" || :
	fault_counters
	fault_off
	[ "$FAULTED" -gt 0 ] || fail "it was not lost"
	if nvme_kept; then
		fail "nothing is lost: this kernel has learnt something"
	else
		nvme_is_live || :
		xfail "$NVME_BYTES of $((NVME_KEPT * 1024)) bytes can be read, the controller is '$NVME_STATE'"
	fi
	guarded_driver_back
	check_regs "after they were written back"
}

# Suspends, a hibernation that goes no further, and a reset by each method, with traffic.
in_peace() {
	local method
	begin
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	nvme_io_start once
	freeze || fail "the suspend fails"
	sleep_cycle disk || fail "the hibernation fails"
	for method in $METHODS; do
		reset_method "$method" || continue
		by_method || fail "after the reset by $method it is '$NVME_STATE'"
		check_eq "the reset by $method" "$ERRNO" OK
	done
	nvme_io_stop || fail "the traffic has not survived: $(cat "$KT_TMP/nvme.wrong")"
	check_nvme "in peace"
	check_no_refusal
	guarded_end
}

# lost_in STEP PATH [METHOD]
lost_in() {
	guarded_lost_in nvme begin "$@"
}

# Lost in the save of a reset while it has work to do, five times.
lost_under_traffic() {
	local round
	reset_method "$1" || return 0
	begin
	guarded_begin as_is by_method || return 0
	nvme_io_start once
	round=0
	while [ "$round" -lt 5 ] && ! failed; do
		fault_clear
		fault gone from=$((SAVE_FROM + 1 + 3 * round)) count=$((SAVE_LENGTH / 2))
		guarded_run "after a loss under traffic" by_method
		round=$((round + 1))
	done
	nvme_io_stop || fail "the traffic has not survived: $(cat "$KT_TMP/nvme.wrong")"
	diag "$NVME_ROUNDS rounds of traffic"
	check_guard_more refusals 4 "$KT_DEVICE"
	check_nvme "after losses under traffic"
	guarded_end
}

# A fatal error at its port wipes it; nvme restores it in its slot_reset.
fatal_error() {
	begin
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	reference_take "$KT_DEVICE" guarded
	nvme_io_start once
	dmesg_mark "fatal error"
	check_inject_at_port fatal || return 0
	await_dmesg "device recovery successful"
	wait_for "$KT_WAIT" nvme_is_live || fail "the controller is '$NVME_STATE', not live"
	nvme_io_stop || fail "the traffic has not survived: $(cat "$KT_TMP/nvme.wrong")"
	check_nvme "after a fatal error"
	check_guarded "after a fatal error"
	check_no_refusal
	guarded_end
}

undo() {
	fault_off
	rm -f "$KT_TMP/nvme.go_on"
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
nvme_possible || skip_all "$NVME_REASON"
sleep_need disk
reset_need
fault_need
at_exit undo
subtests in_peace "stock freeze" "stock by_method flr" "lost_in 4 freeze_and_read" \
	"lost_in 4 reset_and_read flr" "lost_in 12 reset_and_read bus" \
	"lost_under_traffic flr" fatal_error
