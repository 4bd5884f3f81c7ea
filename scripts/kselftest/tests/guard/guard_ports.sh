#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: switch
#
# The upstream port of a switch: the port driver saves it before a driver below has
# had bus mastering turned on in it (pcie_portdrv_probe(), pci_enable_bridge()), and
# restores that after a fatal error above it. The functions below cannot do DMA
# then, and nobody says so. With pci_guard it masters the bus as the kernel wants it
# to, whether the guard came before that or afterwards.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"

MASTER=0x4

# masters: the port has Bus Master Enable set.
masters() {
	COMMAND=$(cfg_read "$PORT" 0x04 2)
	[ $((COMMAND & MASTER)) -ne 0 ]
}

# error_above: a fatal error of the root port, until the recovery is over.
error_above() {
	events_mark
	dmesg_mark "fatal error above $PORT"
	EA_ERROR=$(harness inject "$ROOT_ID" DLP 2>&1) ||
		fail "cannot inject a fatal error into $ROOT_ID: $EA_ERROR"
	await_event resume
	await_dmesg "$ROOT: .*device recovery (successful|failed)"
}

stock_port() {
	masters || fail "the port does not master the bus: Command is $COMMAND"
	error_above
	if masters; then
		fail "bus mastering is as before: this kernel has learnt something"
	else
		xfail "Command of the port is $COMMAND"
	fi
}

# The port is as the test before has left it.
loaded_afterwards() {
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	check_guard state ok "$PORT"
	error_above
	masters || fail "the port does not master the bus: Command is $COMMAND"
	check_no_refusal
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

loaded_before() {
	masters || fail "the port does not master the bus: Command is $COMMAND"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	check_guard state ok "$PORT"
	error_above
	masters || fail "the port does not master the bus: Command is $COMMAND"
	check_no_refusal
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
}

undo() {
	guard_unload || :
	cfg_write "$PORT" 0x04 2 "$COMMAND_BEFORE"
}

guard_possible || skip_all "$GUARD_REASON"
need_injection
[ "$KT_INJECT" = qemu ] || skip_all "only the harness injects errors at the root port"
ROOT=
for dir in "$SYSFS_PCI"/*; do
	# 0x5: the type of an upstream port, in the PCI Express capability.
	cap_find "${dir##*/}" 10 || continue
	[ $(($(cfg_read "${dir##*/}" $((CAP + 2)) 2) >> 4 & 0xf)) -eq 5 ] || continue
	PORT=${dir##*/}
	ROOT=$(readlink -f "$dir/..")
	ROOT=${ROOT##*/}
	break
done
[ -n "$ROOT" ] || skip_all "no upstream port of a switch here"
inject_id "$ROOT" || skip_all "the port $ROOT is not in $TOPOLOGY"
ROOT_ID=$INJECT_ID
fleet_need
masters || :
COMMAND_BEFORE=$COMMAND
at_exit undo
# A fatal error in a test before has left it as stock_port does.
cfg_write "$PORT" 0x04 2 $((COMMAND | MASTER))
subtests stock_port loaded_afterwards loaded_before
