#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: models_few
# timeout: 400
# weight: 60
#
# A few of the functions that QEMU models, by every path: a share of `make models`.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/models.sh
. "$KT_DIR/lib/models.sh"
# shellcheck source=../../lib/edu.sh
. "$KT_DIR/lib/edu.sh"

# model NAME PATH: takes that function by this path.
model() {
	[ "$MODEL" = "$1" ] || model_take "$1" || diag "$MODEL_REASON"
	"$2"
}

# A driver with memory of its own for DMA, which a bus master would still write to.
edu_recovery_unbind() {
	if [ ! -e "$EDU_MODULE" ]; then
		skip "there is no $EDU_DRIVER.ko beside the module"
		return 0
	fi
	model_take edu
	edu_take "$KT_DEVICE"
	control auto
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	check_true "not suspended but $LINE" wait_for "$KT_WAIT" is_suspended
	control on
	check_no_master "after unbind"
}

set --
for name in virtio-rng igb edu i82559c; do
	for path in $MODEL_PATHS; do
		set -- "$@" "model $name $path"
	done
done
subtests "$@" edu_recovery_unbind
