#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme
#
# The slot's power is switched off: every read is all-ones. Nothing may be saved;
# the device comes back wiped, and the known-good state makes it whole.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# shellcheck source=../../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

METHOD=slot_power
refusal_setup

subtests save_is_refused again_is_refused restore_is_refused resets_are_refused \
	restore_is_correct save_works_again
