#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 14
#
# Random operations on every file that reaches our code: debugfs of all modules,
# and the device's attributes; the injector makes the device misbehave meanwhile.
# `make check SEED=` repeats them; soak/fuzz_files.sh takes longer.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../../lib/fuzz.sh
. "$KT_DIR/lib/fuzz.sh"

need_bus_alone
fuzz_prepare
subtests "fuzz 5" driver_brings_it_back device_is_well
