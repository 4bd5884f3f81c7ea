#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The function is lost at any access of a probe: it is not bound, or bound with
# its state whole; and the next probe is right.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

bind() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/bind"
} 2> /dev/null

unbind() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/unbind"
}

# Before the fault: unbound, with registers that the core has not saved.
sweep_before() {
	unbind
}

path_probe() {
	bind
}

# Not bound: the core's buffer is what it was, and the next probe finds it all.
bound_or_as_before() {
	[ "$RESULT" = error ] || return 0
	[ "$J_BUFFER" = "$1" ] || wrong "not bound, the core's buffer is $J_BUFFER, was $1"
	if ! bind; then
		wrong "cannot be bound when it is back"
		device_repair || fail "$DEVICE_ERROR"
	fi
	judge
	[ "$J_VAULT" = "$NEW" ] || wrong "bound when it is back, the vault is $J_VAULT, should be $NEW"
}

lost_from_every_access() {
	sweep_begin probe yes path_probe bound_or_as_before
	sweep_from
	sweep_end
}

each_access_lost() {
	sweep_begin probe_blips yes path_probe bound_or_as_before
	sweep_blips
	sweep_end
}

sweep_setup
subtests lost_from_every_access each_access_lost
