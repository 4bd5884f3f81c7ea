#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A correctable error is counted by the kernel, and nothing else happens.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

need_injection correctable

is_counted() {
	aer_mark
	events_mark
	check_inject correctable || return 0
	check_counted 1 0 0
}

driver_is_not_called() {
	events_new
	check_eq "new events" "$EVENTS" ""
	check_status state ok
	check_status channel normal
}

registers_are_the_same() {
	check_regs "after a correctable error"
	check_saved_agrees "after a correctable error"
}

subtests is_counted driver_is_not_called registers_are_the_same
