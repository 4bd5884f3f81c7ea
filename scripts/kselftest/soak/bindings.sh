#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 60
#
# 1000 times unbound and bound again.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"

rebinds() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/unbind" || return 1
	[ ! -e "$DEBUGFS/$KT_DEVICE" ] || fail "debugfs still has its files"
	echo "$KT_DEVICE" > "$DRIVER_DIR/bind"
}

bindings() {
	soak bindings 1000 rebinds
	check_status state ok
	check_status saves 1
	check_regs "after the last one"
	check_saved_agrees "after the last one"
}

subtests bindings
