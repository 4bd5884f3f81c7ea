#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: conventional
#
# Tests of other drivers of this library with pci_guard loaded: each line of the list beside
# this is one.

: "${KT_DIR:?tests are run by run_kselftest.sh}"
export KT_WITH_GUARD=1
# shellcheck source=/dev/null
. "$KT_DIR/lib/script.sh"
script_named tests "${KT_TEST#guarded_}"
# shellcheck source=/dev/null # one of tests/
. "$SCRIPT"
