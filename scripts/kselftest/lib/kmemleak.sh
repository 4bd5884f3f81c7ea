# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# What the kernel has lost of its memory, where it looks for that
# (CONFIG_DEBUG_KMEMLEAK).

KMEMLEAK=/sys/kernel/debug/kmemleak
# An object younger than this many centiseconds is never reported (mm/kmemleak.c,
# MSECS_MIN_AGE).
KMEMLEAK_AGE=500

# kmemleak_begin: forgets what was lost before; true if this kernel looks at all.
kmemleak_begin() {
	[ -e "$KMEMLEAK" ] || return 1
	# Not writable where it was switched off, or switched itself off.
	{ echo scan > "$KMEMLEAK" && echo clear > "$KMEMLEAK"; } 2> /dev/null
}

# kmemleak_found SINCE: scans as soon as what was allocated before the time SINCE
# (uptime_cs) is old enough; prints memory without a reference. True if there
# is such a thing, but for what the kernel itself is known to lose.
kmemleak_found() {
	local wait
	uptime_cs
	wait=$(($1 + KMEMLEAK_AGE + 20 - UPTIME_CS))
	[ "$wait" -le 0 ] || usleep $((wait * 10000))
	# What a register or a stack held for a moment is found by the second one.
	for _ in 1 2; do
		echo scan > "$KMEMLEAK" || {
			echo "kmemleak has switched itself off: see the kernel log"
			return 0
		}
	done
	kmemleak_unknown < "$KMEMLEAK" > "$KT_TMP/kmemleak"
	echo clear > "$KMEMLEAK"
	[ -s "$KT_TMP/kmemleak" ] || return 1
	cat "$KT_TMP/kmemleak"
}

# kmemleak_unknown: of such a list, all but a `struct pci_dev` and what was allocated with it,
# which the kernel loses where an error is gone when it looks (the test aer_status_clear, which
# also counts that nobody else loses one; so does `make models`). What a module has allocated
# when it was told of a function is no part of it.
kmemleak_unknown() {
	awk '
		/^unreferenced object/ { show(); object = ""; known = 0; module = 0 }
		/ (pci_scan_single_device|pci_iov_add_virtfn|__device_set_driver_override)\+/ { known = 1 }
		/\+0x[0-9a-f]*\/0x[0-9a-f]* \[/ { module = 1 }
		{ object = object $0 "\n" }
		END { show() }
		function show() { if (!known || module) printf "%s", object }
	'
}
