#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 30
#
# The function is lost at any access of a runtime suspend and resume.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

CONTROL=$SYSFS_PCI/$KT_DEVICE/power/control
RUNTIME_STATUS=$SYSFS_PCI/$KT_DEVICE/power/runtime_status

# How long the core may take to suspend it or to be refused, in hundredths of a
# second. Nothing waits for so long.
SUSPENDS=$((KT_WAIT * 100))

# Longer than the way there and back, where nothing waits for the function.
SWEEP_ENDS=ms=500

path_runtime() {
	local end status
	echo auto > "$CONTROL"
	uptime_cs
	end=$((UPTIME_CS + SUSPENDS))
	until read -r status < "$RUNTIME_STATUS" && [ "$status" = suspended ]; do
		status_get refusals
		[ "$STATUS" = "$REFUSALS_BEFORE" ] || break
		uptime_cs
		[ "$UPTIME_CS" -lt "$end" ] || break
	done
	echo on > "$CONTROL"
	[ "$status" = suspended ] || pme_restored
}

# A suspend that fails because the function is lost cannot disable PME that it has enabled:
# the next resume or restore does, or the kernel at the first event (pci_check_pme_status()).
pme_restored() {
	local value
	[ -n "$PM_CTRL" ] || return 0
	value=$(cfg_read "$KT_DEVICE" "$PM_CTRL" 2)
	[ "$value" != 0xffff ] || return 0
	[ $((value & 0x100)) -eq 0 ] || driver_write restore || :
}

sweep_before() {
	status_get refusals
	REFUSALS_BEFORE=$STATUS
}

# A loss must not end its runtime PM for good: an error
# that the PM core remembers would.
still_works() {
	local status
	read -r status < "$RUNTIME_STATUS"
	[ "$status" = active ] || wrong "runtime_status is $status"
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

PM_CTRL=
! cap_find "$KT_DEVICE" 01 || PM_CTRL=$((CAP + 4))
[ -w "$CONTROL" ] || skip_all "no $CONTROL"
sweep_setup
at_exit undo
subtests lost_from_every_access back_at_the_worst_moments \
	wiped_from_every_access
