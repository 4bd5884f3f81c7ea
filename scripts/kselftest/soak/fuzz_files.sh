#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1500
# weight: 90
#
# A minute of random operations on every file that reaches our code, see
# tests/interfaces/fuzz_files_short.sh. `make soak FILTER=fuzz_files SEED=` repeats them.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../lib/fuzz.sh
. "$KT_DIR/lib/fuzz.sh"

need_bus_alone
fuzz_prepare
subtests "fuzz 60" each_was_met driver_brings_it_back device_is_well
