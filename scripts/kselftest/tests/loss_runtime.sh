#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The function is lost at any access of a runtime suspend and resume.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

CONTROL=$SYSFS_PCI/$KT_DEVICE/power/control
RUNTIME_STATUS=$SYSFS_PCI/$KT_DEVICE/power/runtime_status

# How long the core may take to suspend it or to be refused, in hundredths of a
# second. Nothing waits for so long.
SUSPENDS=$((KT_WAIT * 100))

# Longer than the way there and back, where nothing waits for the function.
SWEEP_ENDS=ms=500

path_runtime() {
	echo auto > "$CONTROL"
	uptime_cs
	pr_end=$((UPTIME_CS + SUSPENDS))
	until read -r pr_status < "$RUNTIME_STATUS" && [ "$pr_status" = suspended ]; do
		status_get refusals
		[ "$STATUS" = "$pr_refusals" ] || break
		uptime_cs
		[ "$UPTIME_CS" -lt "$pr_end" ] || break
	done
	echo on > "$CONTROL"
}

sweep_before() {
	status_get refusals
	pr_refusals=$STATUS
}

# A loss must not keep it from being suspended and resumed for ever: an error
# that the PM core remembers would.
still_works() {
	read -r sw_status < "$RUNTIME_STATUS"
	[ "$sw_status" = active ] || wrong "runtime_status is $sw_status"
}

lost_from_every_access() {
	sweep_begin runtime maybe path_runtime still_works
	sweep_from
	sweep_end
}

back_at_the_worst_moments() {
	sweep_begin runtime_moments maybe path_runtime still_works
	sweep_moments saved restoring middle
	sweep_restore
	sweep_end
}

wiped_from_every_access() {
	sweep_begin runtime_wiped maybe path_runtime still_works
	sweep_from wiped
	sweep_end
}

undo() {
	echo on > "$CONTROL"
}

[ -w "$CONTROL" ] || skip_all "no $CONTROL"
sweep_setup
at_exit undo
subtests lost_from_every_access back_at_the_worst_moments \
	wiped_from_every_access
