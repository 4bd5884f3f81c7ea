#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The function is lost at any access of a verified restore: the restore fails or
# is right, and the next one is right.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

path_restore() {
	driver_write restore
}

# One that says it is right has written the known-good state; the vault stays.
right_or_failed() {
	[ "$J_VAULT" = "$1" ] || wrong "the vault is $J_VAULT, it was $1"
	[ "$RESULT$J_REGS" = "ok$1" ] || [ "$RESULT" = error ] ||
		wrong "the restore succeeded, the registers are $J_REGS, should be $1"
}

lost_from_every_access() {
	sweep_begin restore yes path_restore right_or_failed
	sweep_from
	sweep_end
}

lost_between() {
	sweep_begin restore_blips yes path_restore right_or_failed
	sweep_blips
	sweep_end
	sweep_begin restore_windows yes path_restore right_or_failed
	sweep_until $((N / 4)) $((N / 2)) $((N * 3 / 4)) $((N - 1))
	sweep_end
}

wiped_from_every_access() {
	sweep_begin restore_wiped yes path_restore right_or_failed
	sweep_from wiped
	sweep_end
}

sweep_setup
subtests lost_from_every_access lost_between wiped_from_every_access
