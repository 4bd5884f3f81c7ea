#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: models
# timeout: 300
#
# A function that QEMU models, by every path: each line of qemu.list is a test, named
# after the function.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/models.sh
. "$KT_DIR/lib/models.sh"

place=$(sed -n "s/^$KT_TEST //p" "$KT_DIR/models/qemu.list")
model_take "$KT_TEST" "$place" || diag "$MODEL_REASON"
# shellcheck disable=SC2086 # a word each
subtests $MODEL_PATHS
