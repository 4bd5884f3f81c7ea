#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: vfio
# timeout: 300
# weight: 30
#
# A fatal error's bus reset wipes a function whose driver does not restore it. With
# heal=1 pci_guard does, when the recovery is over; by default it does not. A driver
# that has slot_reset is left alone, whatever it does there.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/vfio.sh
. "$KT_DIR/lib/vfio.sh"

RECOVERED="device recovery (successful|failed)"

# begin stub|none|vfio|own PARAMETER...: bound so, and guarded.
begin() {
	HE_DRIVER=$1
	shift
	case $HE_DRIVER in
	stub) pci_stub_bind || fail "$KT_DEVICE does not bind to pci-stub: $ERRNO" ;;
	none) ! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE" ;;
	vfio) vfio_bind || fail "$KT_DEVICE does not bind to vfio-pci: $ERRNO" ;;
	esac
	guard_load "$@" || {
		fail "cannot load the guard: $GUARD_ERROR"
		return 1
	}
	if [ "$HE_DRIVER" = vfio ]; then
		vfio_open || return 1
	else
		reference_take "$KT_DEVICE" guarded
	fi
	bars "$KT_DEVICE"
	HE_BARS=$BARS
	[ -n "$HE_BARS" ] || fail "the function has no BAR"
}

end() {
	[ "$HE_DRIVER" != vfio ] || vfio_close
	if [ "$HE_DRIVER" = own ]; then
		guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	else
		guarded_end
	fi
}

# fatal_error: until the recovery is over, which fails where no driver takes part.
fatal_error() {
	dmesg_mark "fatal error"
	check_inject fatal || return 0
	await_dmesg "$RECOVERED"
}

# check_wiped WHEN
check_wiped() {
	local bar
	for bar in $HE_BARS; do
		check_eq "the BAR at $bar $1" \
			"$(($(cfg_read "$KT_DEVICE" "$bar" 4) & ~15))" 0
	done
}

is_healed() {
	guard_get healed "$KT_DEVICE"
	[ "$GUARD" = "$HE_HEALED" ]
}

# await_healed TIMES
await_healed() {
	HE_HEALED=$1
	wait_for "$KT_WAIT" is_healed || fail "healed: is '$GUARD', should be '$1'"
}

# heals stub|none|vfio: twice, since what is healed once may be wiped again.
heals() {
	local times
	begin "$1" heal=1 || return 0
	for times in 1 2; do
		fatal_error
		await_healed "$times"
		check_dmesg "it was wiped by an error's reset, and is restored"
		check_guarded "after error $times"
		check_guard state ok "$KT_DEVICE"
	done
	check_guard heal 1
	end
}

is_over() {
	guard_get state "$KT_DEVICE"
	# The kernel says that it is over just after it has told so of each function.
	[ "$GUARD" != owed ] || sleep 1
	HE_LAST=$GUARD
	dmesg_has "$RECOVERED" && return 0
	[ "$HE_LAST" != owed ] || HE_EARLY=1
	return 1
}

# The function does not answer for some time after the reset, for which the recovery waits.
# Before that is over nobody restores it.
not_before_it_is_over() {
	begin vfio heal=1 || return 0
	dmesg_mark "fatal error at the port"
	fault gone ms=4000
	check_inject_at_port fatal || return 0
	HE_EARLY=
	wait_for "$KT_WAIT" is_over || fail "no line '$RECOVERED' in dmesg"
	check_eq "owed a restore before the recovery is over" "$HE_EARLY" ""
	await_healed 1
	fault_off
	check_guarded "when it is over"
	end
}

# settled: what the guard does within some times of what it waits for, it has done.
settled() {
	sleep 2
	guard_get state "$KT_DEVICE"
	[ "$GUARD" != owed ] || fail "the guard still owes it a restore"
}

# By default nobody restores it.
stays_wiped() {
	begin "$@" || return 0
	fatal_error
	settled
	check_wiped "with heal=0"
	check_guard healed 0 "$KT_DEVICE"
	end
}

# An error that wipes nothing is not followed by a restore.
nothing_to_heal() {
	begin stub heal=1 || return 0
	dmesg_mark "nonfatal error"
	check_inject nonfatal || return 0
	await_dmesg "$RECOVERED"
	settled
	check_guard restores 0 "$KT_DEVICE"
	check_guard healed 0 "$KT_DEVICE"
	check_guarded "after an error that resets nothing"
	end
}

# The driver of ours has slot_reset: what it writes there is dropped, and it gives the
# function up. That it is wiped then is its own business.
left_alone() {
	begin own heal=1 || return 0
	fault drop from=1
	fatal_error
	fault_off
	settled
	check_wiped "when its driver has given it up"
	check_guard healed 0 "$KT_DEVICE"
	# Nor has the guard tried, while that was dropped.
	check_guard mismatches 0 "$KT_DEVICE"
	check_guard state ok "$KT_DEVICE"
	echo 1 > "$DEBUGFS/$KT_DEVICE/restore" || fail "its driver does not restore it"
	check_regs "when its driver has restored it"
	end
}

undo() {
	fault_off
	vfio_close
	guard_unload || :
	bound "$KT_DEVICE" || guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
vfio_possible || skip_all "$VFIO_REASON"
need_injection
need_bus_alone
fault_need
at_exit undo
subtests "stays_wiped stub" "stays_wiped vfio" "heals stub" "heals none" "heals vfio" \
	not_before_it_is_over nothing_to_heal left_alone
