#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Each allocation of a probe, of an unbind, and of loading the module fails: the
# function is not bound and nothing is left behind, or it is bound and whole; the
# next probe is right.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"
# shellcheck source=../lib/failslab_bind.sh
. "$KT_DIR/lib/failslab_bind.sh"

probe() {
	sweep_before() {
		unbind
	}
	failslab_sweep probe yes path_bind bound_or_nothing
	diag "probe: bound $PARTIAL times without all of its debugfs files"
}

unbinding() {
	sweep_before() {
		:
	}
	failslab_sweep unbind yes path_unbind unbound
}

failslab_need
sweep_setup
bind_reference
subtests probe unbinding
