#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: registers
# timeout: 900
#
# A function that QEMU does not model is lost at each access of a path: each line of
# sweeps.list is a test, with the function and the test of tests/ that does it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/models.sh
. "$KT_DIR/lib/models.sh"

read -r sw_function sw_test sw_step << END
$(sed -n "s/^$KT_TEST //p" "$KT_DIR"/models/*.list)
END
KT_SWEEP_STEP=$((KT_SWEEP_STEP * ${sw_step:-1}))
model_take "$sw_function" || skip_all "$MODEL_REASON"
model_bind "before the sweep"
# shellcheck source=../lib/script.sh
. "$KT_DIR/lib/script.sh"
script_named tests "$sw_test"
# shellcheck source=/dev/null # one of tests/, loss_*.sh
. "$SCRIPT"
