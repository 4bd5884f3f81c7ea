# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Who has allocated what is in the kmalloc caches: on a kernel that was booted with
# slab_debug=U, each cache has a file that counts its objects by the stack that they
# were allocated from.

SLAB_DIR=/sys/kernel/debug/slab

# slab_possible: false, with SLAB_REASON, where the kernel does not tell.
slab_possible() {
	SLAB_REASON="the kernel does not count allocations by caller (slab_debug=FZPU,kmalloc-*)"
	[ -r "$SLAB_DIR/kmalloc-32/alloc_traces" ]
}

# slab_count: sets PME_LISTED to the length of pci_pme_list, each entry of which
# pci_pme_active() allocates, and DRIVER_OBJECTS to what $DRIVER has allocated.
slab_count() {
	PME_LISTED=0
	DRIVER_OBJECTS=0
	# "COUNT CALLER age=...", then a line for each frame of the stack.
	eval "$(awk -v driver="[$DRIVER]" '
		$1 ~ /^[0-9]+$/ {
			count = $1
			ours = 0
			if ($2 ~ /^pci_pme_active\+/) listed += count
		}
		!ours && index($0, driver) { ours = 1; objects += count }
		END { printf "PME_LISTED=%d DRIVER_OBJECTS=%d", listed, objects }
	' "$SLAB_DIR"/kmalloc-*/alloc_traces)"
}
