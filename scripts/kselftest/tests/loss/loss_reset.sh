#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# weight: 65
#
# The function is lost at any access of a reset through sysfs, by each method: in
# the save of the driver, in that of the core, in the reset, in the restore.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"

# Shorter than a reset takes; by pm, it may last until after it.
SWEEP_ENDS=ms=30

path_reset() {
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/reset"
} 2> /dev/null

reset_by() {
	reset_method "$1" || return 0
	sweep_begin "reset_$1" yes path_reset
	sweep_from
	sweep_end
	sweep_begin "reset_$1_moments" yes path_reset
	sweep_moments saved
	sweep_restore
	sweep_end
}

SWEEP_CORE_SAVES=1
sweep_setup
reset_need
subtests "reset_by flr" "reset_by pm" "reset_by bus"
