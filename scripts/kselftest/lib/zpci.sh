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

is_over() {
	status_get state
	[ "$STATUS" = lost ] || [ "$STATUS" = ok ]
}

restore_has_begun() {
	fault_counters
	[ "$WRITES" -gt 0 ]
}
