# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# How much memory the kernel uses.

# memory_read: sets SLAB, SUNRECLAIM, VMALLOC and PERCPU, in KiB.
memory_read() {
	local name value
	while read -r name value _; do
		case $name in
		Slab:) SLAB=$value ;;
		SUnreclaim:) SUNRECLAIM=$value ;;
		VmallocUsed:) VMALLOC=$value ;;
		Percpu:) PERCPU=$value ;;
		esac
	done < /proc/meminfo
}

# memory_shrink: frees unused dentries, inodes and empty slabs.
memory_shrink() {
	local file
	echo 2 > /proc/sys/vm/drop_caches
	for file in /sys/kernel/slab/*/shrink; do
		[ ! -w "$file" ] || echo 1 > "$file"
	done
}

# memory_settled: shrinks; true when that has changed next to nothing.
memory_settled() {
	local before
	before=${SLAB-0}
	memory_shrink
	memory_read
	[ $((SLAB - before)) -le 8 ] && [ $((before - SLAB)) -le 8 ]
}

# memory_settle: memory_read, when what is freed later (by RCU) is free as well.
memory_settle() {
	wait_for "$KT_WAIT" memory_settled || :
}
