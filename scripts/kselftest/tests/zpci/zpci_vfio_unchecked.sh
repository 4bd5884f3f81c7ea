#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: zpci_unchecked zpci_nvme_unchecked
# arch: s390x
#
# As zpci_vfio, on Linux without the check that the discussion behind this project is about:
# the reset saves all-ones, and restores them. With pci_guard it does not.

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
# shellcheck source=../../lib/vfio.sh
. "$KT_DIR/lib/vfio.sh"
# shellcheck source=../../lib/zpci_vfio.sh
. "$KT_DIR/lib/zpci_vfio.sh"

# The kernel alone: expected to lose the function.
unchecked() {
	local all_ones
	begin || return 0
	fault_clear
	reset_after_error "$1"
	fault_counters
	if reference_same "$KT_DEVICE" guarded > "$KT_TMP/damage"; then
		fail "nothing is destroyed: this kernel has learnt something"
	else
		diag_lines < "$KT_TMP/damage"
		all_ones=$(grep -ci -e '-> 0x[0-9a-f]*ffff' "$KT_TMP/damage") || :
		xfail "$(grep -c . "$KT_TMP/damage") registers destroyed, all-ones in $all_ones of them," \
			"all-ones written to $ONES_WRITTEN"
	fi
	vfio_close
	guarded_driver_back
	check_regs "after they were written back"
}

zpci_vfio_need
subtests "unchecked by_program" "guarded by_program" "unchecked by_administrator" \
	"guarded by_administrator"
