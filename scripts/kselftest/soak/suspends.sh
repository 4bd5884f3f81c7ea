#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# 100 suspends to idle, as test cycles of the kernel (pm_test).

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

SUSPENDS=100
sleep_need freeze

suspends() {
	status_get saves
	su_saves=$STATUS
	soak suspends $SUSPENDS sleep_once
	check_status saves $((su_saves + SUSPENDS))
	check_status refusals 0
	check_status mismatches 0
	check_status state ok
	check_regs "after the last one"
}

sleep_once() {
	sleep_cycle freeze
}

subtests suspends
