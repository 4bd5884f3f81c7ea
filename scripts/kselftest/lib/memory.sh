# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# How much memory the kernel uses.

# memory_read: sets SLAB, SUNRECLAIM, VMALLOC and PERCPU, in KiB.
memory_read() {
	while read -r mr_name mr_value mr_unit; do
		: "$mr_unit"
		case $mr_name in
		Slab:) SLAB=$mr_value ;;
		SUnreclaim:) SUNRECLAIM=$mr_value ;;
		VmallocUsed:) VMALLOC=$mr_value ;;
		Percpu:) PERCPU=$mr_value ;;
		esac
	done < /proc/meminfo
}

# memory_shrink: gives back what nobody uses: dentries, inodes, empty slabs.
memory_shrink() {
	echo 2 > /proc/sys/vm/drop_caches
	for ms_file in /sys/kernel/slab/*/shrink; do
		[ ! -w "$ms_file" ] || echo 1 > "$ms_file"
	done
}

# memory_settled: shrinks; true when that has changed next to nothing.
memory_settled() {
	ms_before=${SLAB-0}
	memory_shrink
	memory_read
	[ $((SLAB - ms_before)) -le 8 ] && [ $((ms_before - SLAB)) -le 8 ]
}

# memory_settle: memory_read, when what is freed later (by RCU) is free as well.
memory_settle() {
	wait_for "$KT_WAIT" memory_settled || :
}
