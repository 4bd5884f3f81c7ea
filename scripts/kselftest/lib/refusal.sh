# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# A save while the device reads all-ones is refused: subtests that are the same
# for each way of making it read so. $METHOD is that way (lib/cut_off.sh).

# refusal_setup: skips the test where $METHOD cannot be done.
refusal_setup() {
	# shellcheck disable=SC2153 # the test sets it
	cut_off_possible "$METHOD" || skip_all "$CUT_OFF_REASON"
	at_exit refusal_undo
	[ "$METHOD" != slot_power ] || hotplug_detach
	# A reset method can only be chosen while the device answers. By pm, which
	# every kernel refuses at once: the other ones may wait for it, twice 60 s.
	METHOD_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
	read_line "$METHOD_FILE"
	METHODS=$LINE
	case " $METHODS " in
	*' pm '*) echo pm > "$METHOD_FILE" ;;
	*) METHODS= ;;
	esac
	rebind
}

refusal_undo() {
	device_reconnect
	hotplug_attach
	[ -z "$METHODS" ] || echo "$METHODS" > "$METHOD_FILE"
}

# check_known_good_kept: `saved` is, byte for byte, what it was.
check_known_good_kept() {
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state was not kept"
}

# check_refused: one guarded save that must be refused, with all its traces.
check_refused() {
	local refusals saves
	status_get refusals
	refusals=$STATUS
	status_get saves
	saves=$STATUS
	events_mark
	check_write save 1 EIO
	check_known_good_kept
	check_status refusals $((refusals + 1))
	check_status saves "$saves"
	status_get last_refusal
	case $STATUS in
	'' | none) fail "status gives no reason for the refusal" ;;
	esac
	check_event refusal
}

# rebind: a fresh start of everything that the driver counts, and of its limit
# on lines in the kernel log (ten in five seconds).
rebind() {
	driver_unbind "$KT_DEVICE"
	driver_bind "$KT_DEVICE"
	saved_copy "$KT_TMP/saved.before"
	dmesg_mark refusal
}

# check_refusal_in_dmesg: one line says it; only just after a rebind.
check_refusal_in_dmesg() {
	check_dmesg "$KT_DEVICE: .*refused to save: .*kept the state"
}

save_is_refused() {
	if ! device_cut_off "$METHOD"; then
		fail "$CUT_OFF_REASON"
		return 0
	fi
	check_refused
	check_refusal_in_dmesg
}

# Again, because the first refusal must not have spoilt anything.
again_is_refused() {
	check_refused
}

restore_is_refused() {
	check_write restore 1 EIO
	check_known_good_kept
}

resets_are_refused() {
	if [ -z "$METHODS" ]; then
		skip "the device has no reset method pm, the other ones wait for it for minutes"
		return 0
	fi
	debugfs_write reset 1
	case $ERRNO in
	EIO | ENOTTY) ;;
	*) fail "write to reset: is '$ERRNO', should be EIO or ENOTTY" ;;
	esac
	check_known_good_kept
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	[ "$ERRNO" != OK ] || fail "sysfs reset succeeded without a device"
	check_known_good_kept
}

# The device is back, but not as it was: the known-good state is, exactly.
restore_is_correct() {
	local restores
	check_true "the device does not come back" device_reconnect
	[ "$METHOD" = slot_power ] || device_wipe
	check_damaged
	status_get restores
	restores=$STATUS
	events_mark
	check_write restore 1 OK
	check_event restore
	status_get restores
	[ "$STATUS" -gt "$restores" ] || fail "status does not count the restore"
	check_status state ok
	check_regs "after the restore"
	check_known_good_kept
}

save_works_again() {
	local saves
	status_get saves
	saves=$STATUS
	check_write save 1 OK
	check_status saves $((saves + 1))
	check_saved_agrees "after a save"
	check_regs "after a save"
}
