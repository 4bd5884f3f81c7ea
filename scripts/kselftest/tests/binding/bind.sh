#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme multifunction sriov conventional zpci
#
# Binding: through driver_override, and by ID to QEMU's edu and pci-testdev; what
# a person then finds in debugfs.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# has_an_id BDF: true where the driver's table has its IDs.
has_an_id() {
	local vendor
	read_line "$SYSFS_PCI/$1/vendor"
	vendor=$LINE
	read_line "$SYSFS_PCI/$1/device"
	case $vendor:$LINE in
	0x1234:0x11e8 | 0x1b36:0x0005) return 0 ;;
	esac
	return 1
}

driver_override_binds() {
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	driver_override "$KT_DEVICE" ""
	if has_an_id "$KT_DEVICE"; then
		diag "the driver knows its ID: it needs no driver_override"
	else
		driver_bind "$KT_DEVICE"
		check_eq "bind without driver_override" "$ERRNO" ENODEV
		check_false "it is bound without driver_override" bound "$KT_DEVICE"
	fi
	driver_override "$KT_DEVICE" "$DRIVER"
	write_errno /sys/bus/pci/drivers_probe "$KT_DEVICE"
	check_true "drivers_probe does not bind it: $ERRNO" bound "$KT_DEVICE"
	check_regs "after binding"
}

# The module found it by itself when it was loaded.
id_binds() {
	local state
	if ! pci_find_id "$1" "$2"; then
		skip "there is no function with this ID"
		return 0
	fi
	check_true "$BDF is not bound to $DRIVER" bound "$BDF"
	state=
	[ ! -r "$DEBUGFS/$BDF/status" ] || read -r state < "$DEBUGFS/$BDF/status"
	[ -n "$state" ] || fail "there is no $DEBUGFS/$BDF/status"
	regs_against_saved "$BDF" "$DEBUGFS/$BDF/saved" > "$KT_TMP/against"
	case $(cat "$KT_TMP/against") in
	'compared 0') fail "saved of $BDF is empty" ;;
	'compared '*) ;;
	*)
		fail "saved of $BDF is not what the registers are:"
		diag_lines < "$KT_TMP/against"
		;;
	esac
}

debugfs_has_its_files() {
	local file mode
	for file in status events saved; do
		mode=$(stat -c %a "$DEBUGFS/$KT_DEVICE/$file") || :
		case $mode in
		400 | 440 | 444) ;;
		*) fail "mode of $file is '$mode', should be read-only" ;;
		esac
	done
	for file in save restore reset; do
		mode=$(stat -c %a "$DEBUGFS/$KT_DEVICE/$file") || :
		check_eq "mode of $file" "$mode" 200
	done
}

status_is_that_of_a_new_device() {
	local key
	check_status state ok
	check_status channel normal
	check_status refusals 0
	check_status mismatches 0
	check_status last_refusal none
	check_status last_verdict none
	status_get saves
	[ "${STATUS:-0}" -ge 1 ] || fail "status, saves: is '$STATUS', should be 1 or more"
	for key in restores resets saved_at_ns; do
		status_get $key
		case $STATUS in
		'' | *[!0-9]*) fail "status, $key: is '$STATUS', should be a number" ;;
		esac
	done
	[ "$STATUS" != 0 ] || fail "status, saved_at_ns: is 0 after the first save"
	events_all
	events_new
	case $EVENTS in
	probe*save*) ;;
	*) fail "events do not begin with probe, then save: $EVENTS" ;;
	esac
}

# Register by register, and all that there is: header, PCIe, AER.
saved_agrees_with_config() {
	local offset
	check_saved_agrees "after probe"
	for offset in 0x04 0x10 0x3c; do
		saved_value $offset
		[ -n "$SAVED" ] || fail "saved has no register at $offset"
	done
	if cap_find "$KT_DEVICE" 10; then
		saved_value $((CAP + 8))
		[ -n "$SAVED" ] || fail "saved has no PCIe Device Control"
	fi
	if cap_find "$KT_DEVICE" 0001; then
		saved_value $((CAP + 8))
		[ -n "$SAVED" ] || fail "saved has no AER Uncorrectable Error Mask"
	fi
}

# What a person sees before loading it.
modinfo_tells() {
	local field
	if [ -z "$KT_MODULE" ] || ! have strings; then
		skip "no file of the module, or no program 'strings'"
		return 0
	fi
	# Not modinfo itself: busybox's wants a modules.dep.
	strings -n 8 "$KT_MODULE" |
		grep -E '^(author|description|license|parm)=' > "$KT_TMP/modinfo" || :
	for field in author description license=GPL parm=reset_on_probe \
		parm=abort_suspend; do
		grep -qE "^$field" "$KT_TMP/modinfo" ||
			fail "modinfo has no line '$field'"
	done
}

subtests driver_override_binds "id_binds 0x1234 0x11e8" "id_binds 0x1b36 0x0005" \
	debugfs_has_its_files status_is_that_of_a_new_device \
	saved_agrees_with_config modinfo_tells
