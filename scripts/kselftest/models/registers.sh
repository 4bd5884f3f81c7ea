#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: registers
# timeout: 300
#
# A function that QEMU does not model, by every path, and what is special about it: each
# line of registers.list is a test, named after the function.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/models.sh
. "$KT_DIR/lib/models.sh"
# shellcheck source=../lib/present.sh
. "$KT_DIR/lib/present.sh"
# shellcheck source=../lib/model_special.sh
. "$KT_DIR/lib/model_special.sh"

special_of "$KT_TEST"
model_take "$KT_TEST" || diag "$MODEL_REASON"
# shellcheck disable=SC2086 # a word each
subtests $MODEL_PATHS $MODEL_SPECIAL
