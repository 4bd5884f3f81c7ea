#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: registers
# timeout: 400
# weight: 60
#
# Functions that QEMU does not model: one of them by every path, and what is special
# about each. A share of `make models`.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/models.sh
. "$KT_DIR/lib/models.sh"
# shellcheck source=../../lib/present.sh
. "$KT_DIR/lib/present.sh"
# shellcheck source=../../lib/model_special.sh
. "$KT_DIR/lib/model_special.sh"

# model NAME PATH: takes that function by this path.
model() {
	[ "$MODEL" = "$1" ] || model_take "$1" || diag "$MODEL_REASON"
	"$2"
}

set --
# shellcheck disable=SC2013 # a word each
for name in $(sed -n 's/^[a-z].*/&/p' "$KT_DIR/models/registers.list"); do
	paths="bind"
	[ "$name" != nic ] || paths=$MODEL_PATHS
	special_of "$name"
	for path in $paths $MODEL_SPECIAL; do
		set -- "$@" "model $name $path"
	done
done
subtests "$@"
