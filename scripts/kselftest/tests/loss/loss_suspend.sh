#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 48
#
# The function is lost at any access of a suspend and resume, all phases.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

# Longer than the way there and back, where nothing waits for the function.
SWEEP_ENDS=ms=500

lost_from_every_access() {
	sweep_begin suspend yes sleep_cycle
	sweep_from
	sweep_end
}

back_at_the_worst_moments() {
	sweep_begin suspend_moments yes sleep_cycle
	sweep_moments saved restoring middle
	sweep_restore
	sweep_end
}

wiped_from_every_access() {
	sweep_begin suspend_wiped yes sleep_cycle
	sweep_from wiped
	sweep_end
}

sleep_need freeze
sweep_setup
subtests lost_from_every_access back_at_the_worst_moments wiped_from_every_access
