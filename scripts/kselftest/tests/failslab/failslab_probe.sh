#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
# weight: 40
#
# Each allocation of a probe, of an unbind, and of loading the module fails: the
# function is not bound and nothing is left behind, or it is bound and whole; the
# next probe is right.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"
# shellcheck source=../../lib/failslab_bind.sh
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
	failslab_sweep unbind maybe path_unbind unbound
}

# The module's own part of being loaded is the last one: backwards, until the kernel has
# not come as far.
module() {
	local bdf points ended loaded point
	own_module || return 0
	if [ -z "$KT_MODULE" ]; then
		skip "the module is not a file"
		return 0
	fi
	# Without probes, which are another test.
	for bdf in $MODULE_BINDS; do
		driver_override "$bdf" none
	done
	module_unload || fail "cannot be unloaded: $MODULE_ERROR"
	fail_in slab
	FAIL_N=$FAIL_NEVER
	insmod_armed "$KT_MODULE" || fail "cannot be loaded: $ERRNO"
	FAIL_N=$((FAIL_NEVER - LEFT))
	fail_ours=0
	points=0
	ended=0
	while [ "$FAIL_N" -gt 0 ] && [ "$ended" -lt 3 ] && ! failed; do
		! module_loaded || module_unload || fail "cannot be unloaded: $MODULE_ERROR"
		failslab_log
		insmod_armed "$KT_MODULE" && loaded=1 || loaded=0
		failslab_log
		points=$((points + 1))
		point="loading, slab allocation $FAIL_N ($SITE), $ERRNO"
		[ "$DAMAGE" = - ] || fail "$point: damage: $DAMAGE"
		if [ "$CLASS" = ours ]; then
			fail_ours=$((fail_ours + 1))
			ended=0
			case $loaded$ERRNO:$SITE in
			1* | 0ENOMEM:*) ;;
			# The kernel's own: module_add_driver(), for the folder `drivers` (7.3.4).
			0EINVAL:*module_add_driver* | 0EINVAL:*sysfs_create_dir_ns*) ;;
			*) fail "$point: the errno is not ENOMEM" ;;
			esac
		elif [ "$CLASS$loaded" = core0 ]; then
			ended=$((ended + 1))
		fi
		if [ "$loaded" = 0 ]; then
			[ ! -e "$DEBUGFS" ] || fail "$point: there is $DEBUGFS"
			[ ! -e "$DRIVER_DIR" ] || fail "$point: there is $DRIVER_DIR"
		fi
		FAIL_N=$((FAIL_N - 1))
	done
	diag "loading: $points failed, $fail_ours in our module"
	[ "$fail_ours" -gt 0 ] || fail "none of our module was met"
	report "points=$points path=failslab_insmod"
	module_undo
	name_states
	KNOWN_GOOD=$SAVED_STATE
}

module_undo() {
	local bdf
	module_loaded || module_load || :
	driver_override "$KT_DEVICE" "$DRIVER"
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	for bdf in $MODULE_BINDS; do
		[ "$bdf" != "$KT_DEVICE" ] || continue
		driver_override "$bdf" ""
		bound "$bdf" || driver_bind "$bdf"
	done
}

failslab_need
MODULE_BINDS=
for mb_link in "$DRIVER_DIR"/*:*; do
	MODULE_BINDS="$MODULE_BINDS ${mb_link##*/}"
done
sweep_setup
at_exit module_undo
bind_reference
subtests probe unbinding module
