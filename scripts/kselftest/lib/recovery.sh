# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Benchmarks of recovery: see lib/bench.sh.

# recovery_need: skips the whole test where recoveries cannot be watched.
recovery_need() {
	task_find aerdrv || skip_all "no kernel thread aerdrv"
	tracing_need irq/irq_handler_entry printk/console
}

# recovered: has the kernel said so since the trace was emptied?
recovered() {
	grep -q 'device recovery' "$TRACING/trace"
}

# recover COMMAND...: COMMAND injects an error; returns when the kernel has recovered
# from it.
recover() {
	: > "$TRACING/trace"
	if ! "$@"; then
		fail "cannot inject an error: $INJECT_ERROR"
		return 0
	fi
	# To look is work, to sleep is none.
	re_left=$KT_WAIT
	until recovered || [ "$re_left" -le 0 ]; do
		re_left=$((re_left - 2))
		sleep 2
	done
	grep -q 'device recovery successful' "$TRACING/trace" ||
		fail "no recovery within $KT_WAIT s, or a failed one"
}

# recoveries OPERATION WHO TIMES COMMAND...: recovers so often, and reports the least
# that it took.
recoveries() {
	rs_operation=$1
	rs_who=$2
	rs_left=$3
	shift 3
	rs_cpu=
	rs_time=
	while [ "$rs_left" -gt 0 ]; do
		rs_left=$((rs_left - 1))
		sleep "$LOG_WINDOW"
		task_cpu
		rs_before=$TASK_CPU
		recover "$@"
		! failed || return 0
		task_cpu
		lesser rs_cpu $((TASK_CPU - rs_before))
		lesser rs_time "$(recovery_ns)"
	done
	bench_says "$rs_operation" "$rs_who" instructions "$rs_cpu"
	bench_says "$rs_operation" "$rs_who" ns "$rs_time"
}

# recovery_ns: prints the nanoseconds from the interrupt of the error to the line of
# the kernel that the recovery is over.
recovery_ns() {
	# shellcheck disable=SC2016 # of awk
	trace_times '
		/irq_handler_entry: .*name=aerdrv/ && !begin { begin = now }
		/device recovery/ { end = now }
		END { printf "%d\n", end - begin }
	'
}
