#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
# weight: 40
#
# Allocations fail while pci_guard is loaded, and while a function is added that is
# plugged in: all that a function ever needs is made then. It is not loaded and
# nothing is left, or it is loaded and its hooks are in force; a function is guarded, or
# is when there is memory, and saved as by the kernel alone until then.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/failslab.sh
. "$KT_DIR/lib/failslab.sh"

# How many allocations of a kind fail, evenly spread.
MOST=40
TRACE=/sys/kernel/tracing

# hold: sets HOLD to what is held of all functions: their references of runtime PM and how
# often they are enabled.
hold() {
	HOLD=$(cat "$SYSFS_PCI"/*/power/runtime_usage "$SYSFS_PCI"/*/enable | tr '\n' ' ')
}

# wrong TEXT...: at the point that is tried.
wrong() {
	fail "$POINT: $*"
}

# tell: what has failed, in the log.
tell() {
	failslab_log
	POINT="$WHAT, $FAIL_KIND allocation $FAIL_N ($SITE), $ERRNO"
	[ "$DAMAGE" = - ] || wrong "damage: $DAMAGE"
	[ "$LEFT" -eq 0 ] || return 0
	POINTS=$((POINTS + 1))
	[ "$CLASS" != ours ] || OURS=$((OURS + 1))
}

# summary: of what has been tried.
summary() {
	diag "$WHAT: $POINTS failed, $OURS in pci_guard"
	[ "$OURS" -gt 0 ] || fail "no allocation of pci_guard was met"
	report "points=$POINTS path=failslab_guard_$WHAT"
}

# nothing_left: of a guard that is not loaded.
nothing_left() {
	[ ! -e "$GUARD_DIR" ] || wrong "there is $GUARD_DIR"
	! grep -q '^pci_\(save\|restore\)_state ' "$TRACE/enabled_functions" || wrong "a hook is left"
	hold
	[ "$HOLD" = "$HELD" ] || wrong "held are $HOLD; it was $HELD"
}

# whole: of one that is loaded.
whole() {
	guard_get functions
	set -- "$SYSFS_PCI"/*
	# Where debugfs has no memory there are no files, which is no error.
	if [ ! -e "$GUARD_DIR/status" ]; then
		PARTIAL=$((PARTIAL + 1))
	elif [ "$GUARD" != $# ]; then
		wrong "guarded are $GUARD functions of $#"
	else
		guard_get hooks
		[ "$GUARD" = "in force" ] || wrong "the hooks are '$GUARD'"
	fi
	echo 1 > "$FAULT_FUNCTION/save" || wrong "a save fails"
}

# The module's own part of being loaded is the last one, but for that of the functions:
# backwards, until the kernel has not come as far.
loading() {
	local kind step ended loaded
	WHAT=load
	POINTS=0 OURS=0 PARTIAL=0
	hold
	HELD=$HOLD
	for kind in slab pages; do
		fail_in "$kind"
		FAIL_N=$FAIL_NEVER
		insmod_armed "$GUARD_KO" || fail "cannot be loaded: $ERRNO"
		guard_unload || fail "cannot be unloaded: $GUARD_ERROR"
		FAIL_N=$((FAIL_NEVER - LEFT))
		diag "$FAIL_N $kind allocations"
		step=$((FAIL_N / MOST + 1))
		ended=0
		while [ "$FAIL_N" -gt 0 ] && [ "$ended" -lt 3 ] && ! failed; do
			failslab_log
			loaded=0
			! insmod_armed "$GUARD_KO" || loaded=1
			tell
			if [ "$CLASS" = ours ]; then
				ended=0
				[ "$loaded$ERRNO" = 0ENOMEM ] || [ "$loaded" = 1 ] ||
					wrong "the errno is not ENOMEM"
			elif [ "$CLASS$loaded" = core0 ]; then
				ended=$((ended + 1))
			fi
			[ "$loaded" = 0 ] || whole
			guard_unload || wrong "cannot be unloaded: $GUARD_ERROR"
			nothing_left
			FAIL_N=$((FAIL_N - step))
		done
	done
	summary
	diag "loaded without all of its files $PARTIAL times"
	check_regs "after all that"
}

is_in_table() {
	guard_table "$KT_TMP/table"
	grep -q "^$KT_DEVICE " "$KT_TMP/table"
}

# added: is the function that was found guarded? Where it is not it is said why, and it is a
# little later. It is saved and restored in either case.
added() {
	if ! wait_for "$KT_WAIT" pci_exists "$KT_DEVICE"; then
		wrong "it does not come back"
		return 0
	fi
	echo 1 > "$FAULT_FUNCTION/save" || wrong "a save fails"
	echo 1 > "$FAULT_FUNCTION/restore" || wrong "a restore fails"
	if ! is_in_table; then
		UNGUARDED=$((UNGUARDED + 1))
		dmesg_has "$KT_DEVICE: not guarded yet: " || wrong "it is not guarded, and nobody says so"
		wait_for "$KT_WAIT" is_in_table || {
			wrong "it is not guarded when there is memory"
			return 0
		}
	fi
	guard_get state "$KT_DEVICE"
	case $GUARD in
	ok) ;;
	# Where debugfs has no memory there are no files.
	'') [ ! -e "$GUARD_DIR/$KT_DEVICE/status" ] || wrong "it has no state" ;;
	*) wrong "its state is '$GUARD'" ;;
	esac
}

# plug_in: away with it, and found again by one write, with allocation FAIL_N
# failing.
plug_in() {
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	dmesg_mark "hot plug $FAIL_N"
	failslab_log
	write_armed "$SYSFS_PCI/$KT_PORT/rescan" 1 || wrong "the rescan fails: $ERRNO"
	tell
}

# own_allocations: sets OWN_FIRST and OWN_LAST to the numbers of the allocations that the guard
# makes, with a few of others that are told of a function before it, and of a uevent behind them, in the middle of a rescan: what comes before
# and after them the kernel does not survive (device_add() of a function warns,
# pdev_sort_resources() panics). False where the kernel cannot trace where they are. kmemleak
# makes one for each of the others, which is not counted.
own_allocations() {
	local function all
	FAIL_N=$FAIL_NEVER
	: > "$TRACE/set_ftrace_filter"
	for function in should_failslab kmemleak_alloc kmemleak_alloc_percpu proc_fail_nth_write \
		bus_notify bus_probe_device; do
		echo $function >> "$TRACE/set_ftrace_filter" || return 1
	done
	echo "$FAIL_TASK" > "$TRACE/set_ftrace_pid"
	echo function > "$TRACE/current_tracer"
	plug_in
	sed -n 's/^.*: \([a-z_]* <-[a-z_]*\).*/\1/p' "$TRACE/trace" > "$KT_TMP/trace"
	echo nop > "$TRACE/current_tracer"
	: > "$TRACE/set_ftrace_filter"
	: > "$TRACE/set_ftrace_pid"
	OWN_FIRST='' OWN_LAST=''
	read -r OWN_FIRST OWN_LAST all << END
$(awk '
		$1 == "proc_fail_nth_write" && last { print first, last, n; exit }
		$1 == "proc_fail_nth_write" { n = 0 }
		# The last one: what else is added is part of the function.
		$1 == "bus_notify" && $2 == "<-device_add" { first = n + 1 }
		$1 == "bus_probe_device" { last = n }
		$1 == "should_failslab" { n++ }
		/^kmemleak/ { n-- }
	' "$KT_TMP/trace")
END
	[ "$all" = $((FAIL_NEVER - LEFT)) ] || {
		diag "traced are ${all:-no} allocations of $((FAIL_NEVER - LEFT)): $OWN_FIRST to $OWN_LAST"
		return 1
	}
}

plugging_in() {
	local all step
	WHAT=hotplug
	POINTS=0 OURS=0 UNGUARDED=0
	driver_unbind "$KT_DEVICE"
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	hold
	HELD=$HOLD
	fail_in slab
	if ! own_allocations; then
		fail "the kernel does not trace where the guard allocates"
		return 0
	fi
	all=$((OWN_LAST - OWN_FIRST + 1))
	diag "of $((FAIL_NEVER - LEFT)) allocations the guard makes $all"
	step=$((all / MOST + 1))
	FAIL_N=$OWN_FIRST
	while [ "$FAIL_N" -le "$OWN_LAST" ] && ! failed; do
		plug_in
		# Others that are told of a new function before the guard, as the IOMMU, come first.
		[ "$CLASS" != core ] || [ "$OURS" -eq 0 ] || break
		added
		FAIL_N=$((FAIL_N + step))
	done
	summary
	diag "$UNGUARDED times not guarded at first"
	FAIL_N=$FAIL_NEVER
	plug_in
	check_guard state ok "$KT_DEVICE"
	check_guard hooks "in force"
	hold
	check_eq "what is held" "$HOLD" "$HELD"
	guard_unload || fail "cannot be unloaded: $GUARD_ERROR"
	regs_write_back "$KT_DEVICE" reference
	device_bind || fail "$DEVICE_ERROR"
	check_regs "after all that"
}

undo() {
	fail_caches 0 || :
	guard_unload || :
	pci_exists "$KT_DEVICE" || echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
	echo 1 > /sys/bus/pci/drivers_autoprobe
	regs_write_back "$KT_DEVICE" reference
	device_bind || :
}

guard_possible || skip_all "$GUARD_REASON"
[ -n "$GUARD_KO" ] || skip_all "the module is not a file"
[ -n "$KT_PORT" ] || skip_all "$KT_DEVICE is on a root bus, there is no port to scan again"
[ -e "$TRACE/trace" ] || mount -t tracefs tracefs "$TRACE"
failslab_need
fault_need
at_exit undo
echo 0 > /sys/bus/pci/drivers_autoprobe
subtests loading plugging_in
