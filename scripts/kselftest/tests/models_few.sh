#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: models_few
#
# A few of the functions that QEMU models, by every path: a share of `make models`.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/models.sh
. "$KT_DIR/lib/models.sh"

# model NAME PATH: takes that function by this path.
model() {
	[ "$MODEL" = "$1" ] || model_take "$1" || diag "$MODEL_REASON"
	"$2"
}

set --
for name in virtio-rng igb nvme edu i82559c; do
	for path in $MODEL_PATHS; do
		set -- "$@" "model $name $path"
	done
done
subtests "$@"
