# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# Recoveries of a zPCI function, by the driver and by the kernel. Needs lib/fault.sh.

ORDER="error_detected frozen need_reset; slot_reset recovered; resume"

# recovered: an error, and the whole recovery.
recovered() {
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_callbacks "$ORDER"
}

# dma_refresh: translations of what the function reaches by DMA, which QEMU forgets when it is
# disabled (rust/zpci_error.rs).
dma_refresh() {
	local first last start handle
	start=
	# The regions around it: `FIRST LAST KIND` a line.
	while read -r first last _; do
		if [ "$((first))" -eq 0 ]; then
			start=$((last + 1))
		elif [ -n "$start" ]; then
			break
		fi
	done < "$SYSFS_PCI/$KT_DEVICE/iommu_group/reserved_regions"
	read_line "$SYSFS_PCI/$KT_DEVICE/function_handle"
	handle=$LINE
	write_errno /sys/kernel/debug/zpci_error/refresh \
		"$(printf '%s 0x%x 0x%x' "$handle" "$start" $((first - start)))"
	[ "$ERRNO" = OK ]
}

# reset_offered: of a function that was just added. The kernel (7.3.4) asks its slot whether it
# can be reset while it holds the lock of the function's state, and the slot only tries that
# lock (reset_slot() of s390_pci_hpc.c). Found by a rescan, it offers the reset again.
reset_offered() {
	local methods
	LINE=
	methods=$SYSFS_PCI/$KT_DEVICE/reset_method
	[ ! -e "$methods" ] || read_line "$methods"
	case $LINE in
	*bus*) fail "the slot's reset is offered at once: this kernel has learnt something" ;;
	esac
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	echo 1 > /sys/bus/pci/rescan
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "$KT_DEVICE is not found by a rescan"
}

is_over() {
	status_get state
	[ "$STATUS" = lost ] || [ "$STATUS" = ok ]
}

restore_has_begun() {
	fault_counters
	[ "$WRITES" -gt 0 ]
}
