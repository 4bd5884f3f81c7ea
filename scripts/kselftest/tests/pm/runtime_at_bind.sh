#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# weight: 15
#
# A function whose userspace allows it to be suspended when it is bound: the callbacks of
# runtime power management come when the driver's data is there, and not before. One that
# finds none refuses, which the kernel traces as EBUSY.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/runtime.sh
. "$KT_DIR/lib/runtime.sh"

cap_find "$KT_DEVICE" 01 || skip_all "the device has no power management capability"
TRACING=/sys/kernel/tracing
[ -d $TRACING/events ] || mount -t tracefs tracefs $TRACING 2> /dev/null || :
RPM=$TRACING/events/rpm/rpm_return_int
[ -w $RPM/enable ] || skip_all "the kernel does not trace runtime power management"
# What makes the moment longer in which it could go wrong: the thread that binds stops
# to write its stack when it has dropped a reference.
PROBE=pci_recovery_put

undo() {
	echo 0 > $RPM/enable
	if [ -d $TRACING/events/kprobes/$PROBE ]; then
		echo 0 > $TRACING/events/kprobes/$PROBE/enable
		echo "-:$PROBE" >> $TRACING/kprobe_events
	fi
	echo > $TRACING/trace
	bound "$KT_DEVICE" || device_bind
	echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
}
at_exit undo

bound_and_suspended() {
	local round refused
	control auto
	if echo "r:$PROBE __pm_runtime_idle" >> $TRACING/kprobe_events 2> /dev/null; then
		echo stacktrace > $TRACING/events/kprobes/$PROBE/trigger
		echo 1 > $TRACING/events/kprobes/$PROBE/enable
	fi
	round=0
	refused=0
	while [ $round -lt 60 ]; do
		round=$((round + 1))
		driver_unbind "$KT_DEVICE"
		echo > $TRACING/trace
		echo 1 > $RPM/enable
		driver_bind "$KT_DEVICE"
		check_eq "bind, round $round" "$ERRNO" OK
		wait_for "$KT_WAIT" is_suspended || fail "not suspended but $LINE, round $round"
		echo 0 > $RPM/enable
		! grep -q "rpm_suspend.*$KT_DEVICE ret=-16" $TRACING/trace || refused=$((refused + 1))
		! failed || return 0
	done
	check_eq "callbacks that found no data, in $round rounds" $refused 0
	control on
	check_status state ok
	check_regs "after it was bound $round times"
}

subtests bound_and_suspended
