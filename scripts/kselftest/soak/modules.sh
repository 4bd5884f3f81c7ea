#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 60
#
# 200 times unloaded and loaded again, with the function bound.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/soak.sh
. "$KT_DIR/lib/soak.sh"

[ "$KT_OWN_MODULE" = 1 ] ||
	skip_all "the module was loaded before the tests, it is not theirs to unload"

reloads() {
	module_unload && module_load && wait_for "$KT_WAIT" bound "$KT_DEVICE"
}

modules() {
	soak "loads of the module" 200 reloads
	check_status state ok
	check_regs "after the last one"
}

subtests modules
