#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: own
# timeout: 900
#
# A function of hardware of one's own, by every path and through the sweeps: own.model,
# as `survey --model` prints it. Without one nothing is tested.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"

[ -e "$KT_DIR/models/own.model" ] ||
	skip_all "no scripts/kselftest/models/own.model: make one by \`survey --model FUNCTION\`"
case $KT_TEST in
own) own_script=registers ;;
*) own_script=sweeps ;;
esac
# shellcheck source=/dev/null # registers.sh or sweeps.sh
. "$KT_DIR/models/$own_script.sh"
