#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme switch
# timeout: 3600
#
# What a suspend and resume of one function costs: all callbacks of its driver and
# of the PCI core for it, without what they sleep.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/kernel_driver.sh
. "$KT_DIR/lib/kernel_driver.sh"

bench_need
sleep_need freeze
tracing_need power/device_pm_callback_start power/device_pm_callback_end power/cpu_idle

async_undo() {
	echo 1 > /sys/power/pm_async
}

# One device after the other, so that their times do not overlap.
at_exit async_undo
echo 0 > /sys/power/pm_async

accesses() {
	fault_load
	fault_wrap "$KT_DEVICE"
	for who in core stock plain guarded; do
		[ "$who" != stock ] || kernel_driver_find || continue
		bench_bind "$who"
		counted suspend "$who" sleep_cycle
	done
	fault_unload
}

# device_ns: prints the nanoseconds in the callbacks of the device under test, and of
# them those in which the processor was idle.
device_ns() {
	# shellcheck disable=SC2016 # of awk
	trace_times '
		/device_pm_callback_start:/ && index($0, device ",") { begin = now; inside = 1 }
		/device_pm_callback_end:/ && index($0, device ",") && inside { sum += now - begin; inside = 0 }
		/cpu_idle: state=4294967295/ { if (inside && sleeps) idle += now - slept; sleeps = 0; next }
		/cpu_idle:/ { slept = now; sleeps = 1 }
		END { printf "%d %d\n", sum, sum - idle }
	' -v device="$KT_DEVICE"
}

instructions() {
	local cpu time round
	for who in core stock plain guarded; do
		[ "$who" != stock ] || kernel_driver_find || continue
		bench_bind "$who"
		cpu=
		time=
		for round in 1 2 3 4 5; do
			: "$round"
			sleep "$LOG_WINDOW"
			: > "$TRACING/trace"
			check_true "the suspend fails" sleep_cycle
			# shellcheck disable=SC2046 # two numbers
			set -- $(device_ns)
			lesser time "$1"
			lesser cpu "$2"
		done
		bench_says suspend "$who" instructions "$cpu"
		bench_says suspend "$who" ns "$time"
	done
}

subtests accesses instructions
