#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Module parameter reset_on_probe: the function is reset before its first save.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

[ "$KT_OWN_MODULE" = 1 ] ||
	skip_all "the module was loaded before the tests, it is not theirs to unload"

reload_default() {
	! module_loaded || module_unload || :
	module_load || :
}

# reload [PARAMETER=VALUE...]: fails the subtest when it cannot. The device has
# its driver_override, so that it is probed with the load.
reload() {
	if ! module_load "$@"; then
		fail "cannot load the module with '$*': $MODULE_ERROR"
		return 0
	fi
	check_true "not bound after the load" \
		wait_for "$KT_WAIT" bound "$KT_DEVICE"
	events_all
	events_new
}

unload() {
	module_unload || fail "cannot unload the module: $MODULE_ERROR"
}

resets_before_the_first_save() {
	unload
	WITNESS=
	if [ -e "$SYSFS_PCI/$KT_DEVICE/function_handle" ]; then
		diag "in QEMU a reset of a zPCI function clears nothing"
	elif ! witness_find; then
		diag "the device has no register that shows a reset"
	else
		check_true "the witness bit does not stick" witness_set
	fi
	reload reset_on_probe=1
	case "; $EVENTS; " in
	*'; save'*'; reset'*) fail "a save came before the reset: $EVENTS" ;;
	*'; reset'*'; save'*) ;;
	*) fail "no reset and then save: $EVENTS" ;;
	esac
	if [ -n "$WITNESS" ] && witness_is_set; then
		fail "the device was not reset: the witness bit is still set"
		witness_clear
	fi
}

state_is_right() {
	check_status state ok
	check_regs "after reset_on_probe"
	check_saved_agrees "after reset_on_probe"
}

is_off_by_default() {
	unload
	[ -z "$WITNESS" ] || witness_set
	reload
	case "; $EVENTS" in
	*'; reset'*) fail "there was a reset: $EVENTS" ;;
	esac
	if [ -n "$WITNESS" ]; then
		check_true "the device was reset" witness_is_set
		witness_clear
	fi
	check_regs "after a plain load"
}

nonsense_is_refused() {
	unload
	if module_load reset_on_probe=maybe; then
		fail "reset_on_probe=maybe was taken"
		unload
	fi
	reload
	check_regs "after loading again"
}

# The core saves before it resets: lost from then on, it saves poison. Where the driver is
# not bound for it, the core's buffer is what it was.
a_reset_that_fails_leaves_the_cores_state() {
	local methods failed from
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
	methods=$LINE
	case " $methods " in
	*' pm '*) echo pm > "$SYSFS_PCI/$KT_DEVICE/reset_method" ;;
	esac
	failed=0
	for from in 1 6 12 20 28 36 44 52 60 68; do
		unload
		cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would.before"
		fault gone "from=$from" ms=400
		module_load reset_on_probe=1 || fail "cannot load the module: $MODULE_ERROR"
		fault_off
		if ! bound "$KT_DEVICE"; then
			failed=$((failed + 1))
			cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would.after"
			if ! cmp -s "$KT_TMP/would.before" "$KT_TMP/would.after"; then
				fail "lost from access $from on, the core's buffer is not what it was:"
				diff "$KT_TMP/would.before" "$KT_TMP/would.after" | diag_lines
			fi
		fi
	done
	echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	diag "$failed of 10 losses kept the driver from being bound"
	[ "$failed" -gt 0 ] || fail "no loss made the reset or the save fail"
	unload
	regs_write_back "$KT_DEVICE" reference || :
	fault_unload
	reload
	check_regs "after the last one"
}

# The core refuses to reset what it takes to be in D3cold, and has saved before.
a_reset_that_is_refused_is_an_error() {
	local methods reads cache_line
	read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
	methods=$LINE
	case " $methods " in
	*' pm '*) ;;
	*)
		skip "the device has no reset method pm"
		return 0
		;;
	esac
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	cap_find "$KT_DEVICE" 01
	at_exit fault_unload
	fault_load
	fault_wrap "$KT_DEVICE"
	echo pm > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	unload
	# When it is enabled, and not when it is to be reset: that looks for another reason.
	for reads in 1 2 3 4; do
		dmesg_mark "reset_refused.$reads"
		# What the core would save now is not what it has.
		cache_line=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
		cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $((cache_line ^ 0x10))
		cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would.before"
		fault ones "range=$((CAP + 4))-$((CAP + 5))" count=$reads
		module_load reset_on_probe=1 || fail "cannot load the module: $MODULE_ERROR"
		fault_off
		! dmesg_has "$KT_DEVICE: not bound: the reset failed" || break
		unload
	done
	check_false "it is bound" bound "$KT_DEVICE"
	# A kernel without CONFIG_SYMBOLIC_ERRNAME has numbers.
	check_dmesg "$KT_DEVICE: not bound: the reset failed: (EINVAL|Error\(22\))"
	check_false "it was saved all the same" dmesg_has "$KT_DEVICE: cannot recover"
	cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would.after"
	cmp -s "$KT_TMP/would.before" "$KT_TMP/would.after" ||
		fail "the core's buffer is not what it was"
	echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	fault_unload
	unload
	regs_write_back "$KT_DEVICE" reference || :
	reload
	check_power_state D0
	check_regs "after the reset that was refused"
}

# No method is no reason not to bind it.
without_a_method() {
	local methods
	read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
	methods=$LINE
	unload
	echo > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	dmesg_mark reset_on_probe
	reload reset_on_probe=1
	echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	check_dmesg "$KT_DEVICE: not reset before the first save: no method"
	check_status state ok
	check_regs "after a load without a reset"
	unload
	reload
}

at_exit reload_default
subtests resets_before_the_first_save state_is_right is_off_by_default \
	nonsense_is_refused without_a_method a_reset_that_is_refused_is_an_error \
	a_reset_that_fails_leaves_the_cores_state
