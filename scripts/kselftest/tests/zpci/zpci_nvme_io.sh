#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci_nvme
# arch: s390x
# timeout: 180
# weight: 20
#
# An NVMe controller of zPCI with nvme, which recovers from error events by itself: what is
# written and read meanwhile is right, byte for byte, on the kernel alone and with
# pci_guard. What was on its way in the moment of an event may fail, and is done again.

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
# shellcheck source=../../lib/nvme.sh
. "$KT_DIR/lib/nvme.sh"
# shellcheck source=../../lib/zpci.sh
. "$KT_DIR/lib/zpci.sh"

EVENTS=5

# begin [guard]: bound to nvme, with something on its disk, and traffic.
begin() {
	nvme_bind || fail "nvme does not bind: $NVME_STATE"
	wait_for "$KT_WAIT" nvme_disk_find || fail "the controller has no disk"
	nvme_keep || fail "the disk cannot be written"
	nvme_kept || fail "the disk does not keep what was written"
	if [ "${1-}" = guard ]; then
		guard_load || fail "cannot load the guard: $GUARD_ERROR"
	fi
	reference_take "$KT_DEVICE" guarded
	nvme_io_start again
}

# hit: an error event, until the driver has recovered from it. Its restore is made slow, so that
# translations are there again before it uses them.
hit() {
	dmesg_mark "$KT_TEST.hit"
	fault delay us=20000
	check_inject fatal || return 0
	await_dmesg "restart after slot reset"
	dma_refresh || fail "zpci_error/refresh: $ERRNO"
	fault_off
	wait_for "$KT_WAIT" nvme_is_live || fail "the controller is '$NVME_STATE', not live"
}

# traffic_survives [guard]
traffic_survives() {
	local left
	begin "$@"
	left=$EVENTS
	until [ "$left" -eq 0 ] || failed; do
		hit
		left=$((left - 1))
	done
	nvme_io_stop || fail "the traffic has not survived: $(cat "$KT_TMP/nvme.wrong")"
	diag "$NVME_ROUNDS rounds of traffic, $(grep -c . "$KT_TMP/nvme.failed" || :) of them twice"
	check_nvme "after $EVENTS error events"
	check_guarded "after $EVENTS error events"
	[ "${1-}" != guard ] || check_no_refusal
	guarded_end
}

undo() {
	fault_off
	rm -f "$KT_TMP/nvme.go_on"
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

need_injection
guard_possible || skip_all "$GUARD_REASON"
nvme_possible || skip_all "$NVME_REASON"
fault_need
at_exit undo
subtests traffic_survives "traffic_survives guard"
