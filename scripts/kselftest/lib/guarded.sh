# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The device under test without the driver, guarded by pci_guard: lost at each
# access of a path, and what is left of it. Needs lib/guard.sh, lib/pci_stub.sh and the
# injector.

# guarded_bind stub|none|stock|as_is: the function is bound to pci-stub, to no driver, to
# the one that the kernel has for it (lib/kernel_driver.sh), or stays as it is.
guarded_bind() {
	case $1 in
	stub) pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO" ;;
	none) ! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE" ;;
	stock) kernel_driver_bind || fail "$KT_DEVICE does not bind to '$KERNEL_DRIVER': $ERRNO" ;;
	esac
}

# guarded_begin stub|none|stock|as_is COMMAND...: the function is bound so, the guard loaded,
# the registers are stored. COMMAND is run once in peace: sets SAVE_FROM to the number of
# the access with which its guarded save begins, SAVE_LENGTH to the accesses of that,
# PATH_LENGTH to those of COMMAND. False where it does not save.
guarded_begin() {
	RESTORE_FROM=
	guarded_bind "$1"
	shift
	guard_load || {
		fail "cannot load the guard: $GUARD_ERROR"
		return 1
	}
	reference_take "$KT_DEVICE" guarded
	first_save "$@"
	fault_counters
	PATH_LENGTH=$ACCESSES
	[ -n "$FIRST_SAVE" ] || {
		fail "the core does not save here"
		return 1
	}
	# The guard looks before the core saves.
	SAVE_FROM=$((FIRST_SAVE - 1))
	check_guarded "in peace"
	check_guard refusals 0 "$KT_DEVICE"
}

# check_guarded WHEN: the registers are those of guarded_begin.
check_guarded() {
	reference_same "$KT_DEVICE" guarded > "$KT_TMP/guarded.damage" || {
		fail "registers differ $1:"
		diag_lines < "$KT_TMP/guarded.damage"
		# What comes next is not to be judged by this.
		regs_write_back "$KT_DEVICE" guarded
		return 0
	}
}

# guarded_damage COMMAND...: what is left of the function without the guard, and expected
# (XFAIL): lost in the save that first_save has found, in COMMAND, and back when that is over.
# The machine has to be as it was afterwards, by our own hands.
guarded_damage() {
	[ -n "$FIRST_SAVE" ] || fail "the core does not save here"
	reference_take "$KT_DEVICE" guarded
	fault_clear
	# Behind the look of 7.3, which comes before its save.
	fault gone from=$((${FIRST_SAVE:-1} + 1)) count=$((SAVE_LENGTH - 2))
	"$@" || :
	fault_counters
	fault_off
	[ "$FAULTED" -gt 0 ] || fail "it was not lost"
	if reference_same "$KT_DEVICE" guarded > "$KT_TMP/guarded.damage"; then
		fail "nothing is destroyed: this kernel has learnt something"
	else
		xfail "$(grep -c . "$KT_TMP/guarded.damage") registers destroyed"
		diag_lines < "$KT_TMP/guarded.damage"
	fi
	guarded_driver_back
	check_regs "after they were written back"
}

# guarded_run WHEN COMMAND...: COMMAND with the fault that is armed; registers are as
# before, and no all-ones were written.
guarded_run() {
	local when
	when=$1
	shift
	"$@" || :
	fault_counters
	fault_off
	fault_clear
	# Lost in its restore, it is owed one when it is there again.
	wait_for "$KT_WAIT" guarded_is_ok || fail "the guard says '$GUARD' $when"
	check_eq "all-ones written $when" "$ONES_WRITTEN" 0
	[ "$FAULTED" -eq 0 ] || GUARDED_POINTS=$((GUARDED_POINTS + 1))
	check_guarded "$when"
}

# guarded_comes_back_late: after guarded_begin with a suspend to idle. The function is lost in its
# restore, for as long as the core tries, and wiped: it is restored when it is there again.
guarded_comes_back_late() {
	fault_clear
	fault gone from=$((SAVE_FROM + SAVE_LENGTH)) ms=3000
	sleep_cycle freeze || :
	check_guard state owed "$KT_DEVICE"
	secondary_bus_reset "$KT_PORT"
	wait_for "$((KT_WAIT + 5))" guarded_is_ok || fail "it is not restored but '$GUARD'"
	fault_counters
	check_eq "all-ones written" "$ONES_WRITTEN" 0
	fault_off
}

guarded_is_ok() {
	guard_get state "$KT_DEVICE"
	[ "$GUARD" = ok ]
}

# guarded_sweep_saves PATH STEP COMMAND...: lost from each STEP-th access of the save on,
# and back when that is over, just before the guard's last look, or at the next access.
guarded_sweep_saves() {
	local path step at count
	path=$1
	step=$(($2 * KT_SWEEP_STEP))
	shift 2
	GUARDED_POINTS=0
	at=0
	while [ "$at" -lt "$SAVE_LENGTH" ] && ! failed; do
		fault_clear
		count=$((SAVE_LENGTH - at))
		# Every third time it is back when the guard looks again, or after one access.
		case $((at / step % 3)) in
		1) count=$((count - 1)) ;;
		2) count=1 ;;
		esac
		# Where the guard's own look finds it gone, nothing else is read.
		[ "$at" -ne 0 ] || count=1
		[ "$count" -gt 0 ] || count=1
		fault gone from=$((SAVE_FROM + at)) count="$count"
		guarded_run "after a loss from access $at of the save" "$@"
		at=$((at + step))
	done
	check_guard_more refusals 0 "$KT_DEVICE"
	report "points=$GUARDED_POINTS path=guard_save_$path"
	failed || report "poisoned=0"
}

# guarded_restore_ends: where the path ends with its restore, as a reset does, what lies
# between it and the save is not swept: the kernel reads, changes and writes registers there
# to reset the function, which is not a restore's to make good.
guarded_restore_ends() {
	fault_clear
	echo 1 > "$FAULT_FUNCTION/restore"
	fault_counters
	RESTORE_FROM=$((PATH_LENGTH - ACCESSES))
	echo 1 > "$FAULT_FUNCTION/save"
}

# guarded_sweep_restores PATH STEP COMMAND...: each STEP-th access behind the save, or from
# RESTORE_FROM on, is lost, alone.
guarded_sweep_restores() {
	local path step at
	path=$1
	step=$(($2 * KT_SWEEP_STEP))
	shift 2
	GUARDED_POINTS=0
	at=${RESTORE_FROM:-$((SAVE_FROM + SAVE_LENGTH))}
	while [ "$at" -lt "$PATH_LENGTH" ] && ! failed; do
		fault_clear
		fault gone from="$at" count=1
		guarded_run "after the loss of access $at of $PATH_LENGTH" "$@"
		at=$((at + step))
	done
	RESTORE_FROM=
	report "points=$GUARDED_POINTS path=guard_restore_$path"
	failed || report "poisoned=0"
}

# guarded_end: the guard is unloaded, the function the driver's again.
guarded_end() {
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	guarded_driver_back
	check_regs "when the driver has it again"
}

# What the core has saved may be poison: it saves again what was written back.
guarded_driver_back() {
	pci_driver "$KT_DEVICE"
	[ -z "$PCI_DRIVER" ] || write_errno "$SYSFS_PCI/$KT_DEVICE/driver/unbind" "$KT_DEVICE"
	regs_write_back "$KT_DEVICE" reference
	echo 1 > "$FAULT_FUNCTION/save"
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
}

# guarded_undo: the end of a test, whatever became of it.
guarded_undo() {
	fault_off
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

# guarded_lost_in NAME BEGIN STEP PATH [METHOD]: as guarded_sweep_saves, with the guard loaded
# after BEGIN, for a driver of its own; its points are those of NAME. METHOD is a reset method.
guarded_lost_in() {
	local name begin step path
	name=$1
	begin=$2
	step=$3
	path=$4
	shift 4
	[ $# -eq 0 ] || reset_method "$1" || return 0
	"$begin"
	guarded_begin as_is "$path" || return 0
	guarded_sweep_saves "${name}_$path${1:+_$1}" "$step" "$path"
	guarded_end
}
