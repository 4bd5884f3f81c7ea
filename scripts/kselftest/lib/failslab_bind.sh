# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Binding and unbinding while allocations fail, of the driver $DRIVER.

# What a probe may say. The kernel's functions do not all say that it is memory they lack.
BIND_ERRNOS=ENOMEM

# How often a driver was bound without all of its files: where debugfs has no memory
# for them there are none, which is no error.
PARTIAL=0

bind() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/bind"
} 2> /dev/null

unbind() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/unbind"
}

path_bind() {
	write_armed "$DRIVER_DIR/bind" "$KT_DEVICE"
}

path_unbind() {
	write_armed "$DRIVER_DIR/unbind" "$KT_DEVICE"
}

# bind_reference: what is held of the function without a driver, and how many files
# it has with one. Until the test's end it is enabled through sysfs, too: a driver's
# pci_enable_device() would have ACPI's interpreter route its interrupt, which after
# an allocation that failed there uses freed memory (KASAN, 7.3.4) and routes nothing
# any more.
bind_reference() {
	unbind
	at_exit bind_undo
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/enable"
	failslab_holds
	UNBOUND_HOLDS=$HOLDS
	bind
	files_count
	FILES_WANT=$FILES
}

bind_undo() {
	[ ! -e "$SYSFS_PCI/$KT_DEVICE/driver" ] || unbind
	echo 0 > "$SYSFS_PCI/$KT_DEVICE/enable"
	bind || :
}

# files_count: sets FILES to how many files the function has in debugfs.
files_count() {
	set -- "$DEBUGFS/$KT_DEVICE"/*
	FILES=$#
	[ -e "$1" ] || FILES=0
}

# nothing_left: what a probe that failed, or an unbind, leaves behind.
nothing_left() {
	[ ! -e "$SYSFS_PCI/$KT_DEVICE/driver" ] || wrong "it has a driver"
	[ ! -e "$DEBUGFS/$KT_DEVICE" ] || wrong "there is $DEBUGFS/$KT_DEVICE"
	failslab_holds
	[ "$HOLDS" = "$UNBOUND_HOLDS" ] || wrong "held are $HOLDS; without a driver it was $UNBOUND_HOLDS"
}

# bind_again: the next probe finds it all.
bind_again() {
	if ! bind; then
		wrong "cannot be bound afterwards"
		device_repair || fail "$DEVICE_ERROR"
	fi
	name_states
	[ "$SAVED_STATE" = "$NEW" ] || wrong "bound afterwards, the known-good state is $SAVED_STATE, should be $NEW"
}

# bound_or_nothing KNOWN_GOOD: a check of a bind.
bound_or_nothing() {
	# shellcheck disable=SC2086 # one word an errno
	failslab_says_no $BIND_ERRNOS
	if [ "$RESULT" = error ]; then
		# A save that passed before is no harm: it is the function's state, whole.
		case $BUFFER_STATE in
		"$1" | "$NEW") ;;
		*) wrong "not bound, the core's buffer is $BUFFER_STATE, was $1: $STATES_DIFFERENCE" ;;
		esac
		nothing_left
		bind_again
		return 0
	fi
	files_count
	[ "$FILES" -lt "$FILES_WANT" ] || return 0
	PARTIAL=$((PARTIAL + 1))
	unbind
	nothing_left
	bind_again
}

# unbound KNOWN_GOOD: a check of an unbind: it cannot be refused, but not be reached.
unbound() {
	failslab_says_no ENOMEM
	if [ "$RESULT" = ok ]; then
		nothing_left
		bind_again
	fi
}
