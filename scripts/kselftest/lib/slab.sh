# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Who has allocated what is in the kmalloc caches: on a kernel that was booted with
# slab_debug=U, each cache has a file that counts its objects by the stack that they
# were allocated from. The line "COUNT CALLER age=...", then a line for each frame.

SLAB_DIR=/sys/kernel/debug/slab

# slab_possible: false, with SLAB_REASON, where the kernel does not tell.
slab_possible() {
	SLAB_REASON="the kernel does not count allocations by caller (slab_debug=FZPU,kmalloc-*)"
	[ -r "$SLAB_DIR/kmalloc-32/alloc_traces" ]
}

# slab_settle: what was freed is counted no more. KASAN keeps it in a quarantine, which the
# kernel empties of a cache that it shrinks.
slab_settle() {
	local shrink
	for shrink in /sys/kernel/slab/kmalloc-*/shrink; do
		echo 1 > "$shrink"
	done
}

# pme_count: sets PME_LISTED to the length of pci_pme_list, each entry of which (a list head
# and a pointer) was allocated in pci_pme_active().
pme_count() {
	slab_settle
	PME_LISTED=$(awk '
		$2 ~ /^pci_pme_active\+/ && $1 ~ /^[0-9]+$/ { listed += $1 }
		END { print listed + 0 }
	' "$SLAB_DIR/kmalloc-32/alloc_traces")
}

# devices_count: sets DEVICES to how many functions (`struct pci_dev`) the kernel has memory for,
# also those that were removed, and are still referenced.
devices_count() {
	slab_settle
	DEVICES=$(cat "$SLAB_DIR"/kmalloc-*/alloc_traces | awk '
		$2 ~ /^pci_alloc_dev\+/ && $1 ~ /^[0-9]+$/ { devices += $1 }
		END { print devices + 0 }')
}

# objects_list FILE: writes what $DRIVER has allocated, "COUNT CALLER FRAME" a line: FRAME is the
# driver's function that did it, or called what did. Sets DRIVER_OBJECTS to their sum. What is below
# sriov_configure are virtual functions, and what is below make_room (a vector of u64) is a buffer
# of the function: these are the kernel's. Takes half a second under TCG.
objects_list() {
	slab_settle
	grep -h -e '^ *[0-9][0-9]* ' -e "\[$DRIVER\]" "$SLAB_DIR"/kmalloc-*/alloc_traces |
		awk -v driver="[$DRIVER]" '
			$1 ~ /^[0-9]+$/ { count = $1; caller = $2; if (!index($0, driver)) next }
			index($0, driver) && count {
				if ((caller " " $1) !~ /sriov_configure|enable_sriov|make_room|3Vecy.*reserve/) objects[caller " " $1] += count
				count = 0
			}
			END { for (o in objects) print objects[o], o }
		' | sort -k 2 > "$1"
	DRIVER_OBJECTS=$(awk '{ sum += $1 } END { print sum + 0 }' "$1")
}
