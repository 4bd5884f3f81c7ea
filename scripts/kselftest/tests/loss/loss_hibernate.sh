#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 65
#
# The function is lost at any access of freeze and restore, the phases of
# hibernation in which the image is made.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

lost_from_every_access() {
	sweep_begin hibernate yes sleep_cycle
	sweep_from
	sweep_end
}

back_in_the_middle_of_the_restore() {
	sweep_begin hibernate_middle yes sleep_cycle
	sweep_restore
	sweep_end
}

sleep_need disk
sweep_setup
subtests lost_from_every_access back_in_the_middle_of_the_restore
