# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# Benchmarks of recovery: see lib/bench.sh.

# recovery_need: skips the whole test where recoveries cannot be watched.
recovery_need() {
	task_find aerdrv || skip_all "no kernel thread aerdrv"
	tracing_need irq/irq_handler_entry printk/console
}

# recovered: true where the kernel has said so since the trace was emptied.
recovered() {
	grep -q 'device recovery' "$TRACING/trace"
}

# recover COMMAND...: COMMAND injects an error; returns when the kernel has recovered
# from it.
recover() {
	local left
	: > "$TRACING/trace"
	if ! "$@"; then
		fail "cannot inject an error: $INJECT_ERROR"
		return 0
	fi
	# Polling takes processor time, sleeping does not.
	left=$KT_WAIT
	until recovered || [ "$left" -le 0 ]; do
		left=$((left - 2))
		sleep 2
	done
	grep -q 'device recovery successful' "$TRACING/trace" ||
		fail "no recovery within $KT_WAIT s, or a failed one"
}

# recoveries OPERATION WHO TIMES COMMAND...: recovers so often, and reports the median of
# what it took. Now and then one takes 2 % less, of which the least would be made.
recoveries() {
	local operation who left before
	operation=$1
	who=$2
	left=$3
	shift 3
	: > "$KT_TMP/took"
	while [ "$left" -gt 0 ]; do
		left=$((left - 1))
		sleep "$LOG_WINDOW"
		task_cpu
		before=$TASK_CPU
		recover "$@"
		! failed || return 0
		task_cpu
		echo "$((TASK_CPU - before)) $(recovery_ns)" >> "$KT_TMP/took"
	done
	bench_says "$operation" "$who" instructions "$(took_median 1)"
	bench_says "$operation" "$who" ns "$(took_median 2)"
}

# took_median COLUMN: prints it.
took_median() {
	cut -d ' ' -f "$1" "$KT_TMP/took" | sort -n |
		awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
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
