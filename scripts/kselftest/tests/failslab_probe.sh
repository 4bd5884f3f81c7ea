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
	failslab_sweep unbind maybe path_unbind unbound
}

# insmod_armed: loads the module, with allocation FAIL_N of the program failing, from
# its start on. False when it is not loaded. Sets LEFT and ERRNO.
insmod_armed() {
	rm -f "$KT_TMP/insmod"
	# What was left to fail can be read for as long as nobody has waited for the program:
	# its parent becomes one that waits for nobody.
	# shellcheck disable=SC2016 # the other shells'
	sh -c '
		sh -c '\''echo "$1" > /proc/self/fail-nth; exec insmod "$2"'\'' - "$1" "$2" &
		echo $! > "$3"
		exec sleep 100000
	' - "$FAIL_N" "$KT_MODULE" "$KT_TMP/insmod" 2> "$KT_TMP/errno" &
	ia_parent=$!
	wait_for "$KT_WAIT" insmod_ended || fail "insmod does not end"
	read -r LEFT < "/proc/$ia_pid/fail-nth"
	kill "$ia_parent"
	wait "$ia_parent" 2> /dev/null || :
	read_line "$KT_TMP/errno"
	errno_name "$LINE"
	module_loaded
}

insmod_ended() {
	read_line "$KT_TMP/insmod"
	ia_pid=$LINE
	[ -n "$ia_pid" ] || return 1
	read_line "/proc/$ia_pid/stat"
	[ "${LINE##*) Z}" != "$LINE" ]
}

# The module's own part of being loaded is the last one: backwards, until the kernel has
# not come as far.
module() {
	own_module || return 0
	if [ -z "$KT_MODULE" ]; then
		skip "the module is not a file"
		return 0
	fi
	# Without probes, which are another test.
	for mo_bdf in $MODULE_BINDS; do
		driver_override "$mo_bdf" none
	done
	module_unload || fail "cannot be unloaded: $MODULE_ERROR"
	fail_in slab
	FAIL_N=$FAIL_NEVER
	insmod_armed || fail "cannot be loaded: $ERRNO"
	FAIL_N=$((FAIL_NEVER - LEFT))
	fail_ours=0
	mo_points=0
	mo_ended=0
	while [ "$FAIL_N" -gt 0 ] && [ "$mo_ended" -lt 3 ] && ! failed; do
		! module_loaded || module_unload || fail "cannot be unloaded: $MODULE_ERROR"
		failslab_log
		insmod_armed && mo_loaded=1 || mo_loaded=0
		failslab_log
		mo_points=$((mo_points + 1))
		mo_point="loading, slab allocation $FAIL_N ($SITE), $ERRNO"
		[ "$DAMAGE" = - ] || fail "$mo_point: damage: $DAMAGE"
		if [ "$CLASS" = ours ]; then
			fail_ours=$((fail_ours + 1))
			mo_ended=0
			[ "$mo_loaded$ERRNO" = 0ENOMEM ] || [ "$mo_loaded" = 1 ] ||
				fail "$mo_point: the errno is not ENOMEM"
		elif [ "$CLASS$mo_loaded" = core0 ]; then
			mo_ended=$((mo_ended + 1))
		fi
		if [ "$mo_loaded" = 0 ]; then
			[ ! -e "$DEBUGFS" ] || fail "$mo_point: there is $DEBUGFS"
			[ ! -e "$DRIVER_DIR" ] || fail "$mo_point: there is $DRIVER_DIR"
		fi
		FAIL_N=$((FAIL_N - 1))
	done
	diag "loading: $mo_points failed, $fail_ours in our module"
	[ "$fail_ours" -gt 0 ] || fail "none of our module was met"
	report "points failslab_insmod $mo_points"
	module_undo
	judge
	VAULT=$J_VAULT
}

module_undo() {
	module_loaded || module_load || :
	driver_override "$KT_DEVICE" "$DRIVER"
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	for mo_bdf in $MODULE_BINDS; do
		[ "$mo_bdf" != "$KT_DEVICE" ] || continue
		driver_override "$mo_bdf" ""
		bound "$mo_bdf" || driver_bind "$mo_bdf"
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
