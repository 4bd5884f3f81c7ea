#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: sriov
# timeout: 120
# weight: 16
#
# Errors of a physical function, of a virtual one and of the port above, with all
# of them bound to the driver: all vote, and all come back.

# shellcheck disable=SC2034 # lib/fleet.sh reads FLEET and FLEET_TAKEN
# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../../lib/sriov.sh
. "$KT_DIR/lib/sriov.sh"

need_injection
sriov_need
sriov_up
PF=$KT_DEVICE

# injected ID ERROR: raises it in what the topology calls ID.
injected() {
	fleet_flip
	fleet_events_mark
	harness inject "$1" "$2" > "$KT_TMP/answer" && return 0
	fail "cannot inject $2 into $1: $(cat "$KT_TMP/answer")"
	return 1
}

all_are_back() {
	sriov_registers
	check_eq "NumVFs" $((NUM_VFS)) "$VF_MAX"
	check_eq "VF Enable and VF MSE" $((VF_CONTROL & 0x9)) 9
	fleet_check_status state ok
	fleet_check_status channel normal
	fleet_check_regs "$1"
}

# Nothing is reset.
nonfatal() {
	injected "$1" COMP_TIME || return 0
	fleet_await_resume || return 0
	fleet_check_events "error_detected normal can_recover; mmio_enabled recovered; resume"
	fleet_check_flipped "after COMP_TIME at $1"
	fleet_flip
	all_are_back "after COMP_TIME at $1"
}

# The reset of the bus disables SR-IOV: the physical function comes back first.
fatal() {
	injected "$1" DLP || return 0
	fleet_await_resume || return 0
	FLEET=$PF
	fleet_check_events "error_detected frozen need_reset; restore; slot_reset recovered; resume"
	FLEET=$VFS
	fleet_check_events "error_detected frozen need_reset; physfn_reset_done; restore; slot_reset recovered; resume"
	FLEET="$PF $VFS"
	all_are_back "after DLP at $1"
}

recovery_failed() {
	dmesg_has "device recovery failed"
}

# By Linux's rule one function without a driver fails the recovery of all, and the
# bus was reset nevertheless. A reset of the physical function brings them back.
one_has_no_driver() {
	driver_unbind "${VFS##* }"
	FLEET="$PF ${VFS% *}"
	fleet_events_mark
	events_mark
	dmesg_mark no_driver
	harness inject pf0 DLP > /dev/null || fail "cannot inject"
	check_true "the kernel does not say that it failed" wait_for "$KT_WAIT" recovery_failed
	fleet_check_status state lost
	check_callbacks "error_detected frozen need_reset; error_detected perm_failure disconnect"
	check_event lost
	check_write reset 1 OK
	driver_bind "${VFS##* }"
	FLEET="$PF $VFS"
	fleet_check_status state ok
	fleet_check_regs "after a reset"
}

subtests "nonfatal pf0" "fatal pf0" "fatal rp0" "nonfatal vf1" "fatal vf1" \
	one_has_no_driver
