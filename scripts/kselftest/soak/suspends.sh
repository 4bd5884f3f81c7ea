#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 60
#
# 100 suspends to idle, as test cycles of the kernel (pm_test).

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

SUSPENDS=100
sleep_need freeze

suspends() {
	local saves
	status_get saves
	saves=$STATUS
	soak suspends $SUSPENDS sleep_once
	check_status saves $((saves + SUSPENDS))
	check_status refusals 0
	check_status mismatches 0
	check_status state ok
	check_regs "after the last one"
}

sleep_once() {
	sleep_cycle freeze
}

subtests suspends
