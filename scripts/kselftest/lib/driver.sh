# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The pci_recovery module, its binding to functions, and its debugfs files.
# Functions that take no BDF mean the device under test, $KT_DEVICE.

DRIVER=pci_recovery
DRIVER_DIR=/sys/bus/pci/drivers/$DRIVER
DEBUGFS=/sys/kernel/debug/$DRIVER

module_loaded() {
	[ -d "/sys/module/$DRIVER" ]
}

# module_load [PARAMETER=VALUE...]: false, with the reason in MODULE_ERROR.
module_load() {
	if [ -n "$KT_MODULE" ]; then
		set -- insmod "$KT_MODULE" "$@"
	else
		set -- modprobe "$DRIVER" "$@"
	fi
	MODULE_ERROR=$("$@" 2>&1)
}

# module_unload: false, with the reason in MODULE_ERROR.
module_unload() {
	MODULE_ERROR=$(rmmod "$DRIVER" 2>&1)
}

# own_module: true where a test may unload the module; otherwise the test is skipped.
own_module() {
	[ "$KT_OWN_MODULE" = 1 ] && return 0
	skip "the module was loaded before the tests, it is not theirs to unload"
	return 1
}

# bound BDF: true where it is bound to pci_recovery.
bound() {
	pci_driver "$1"
	[ "$PCI_DRIVER" = "$DRIVER" ]
}

# driver_override BDF NAME: an empty NAME takes the override away.
driver_override() {
	printf '%s\n' "$2" > "$SYSFS_PCI/$1/driver_override"
}

# driver_bind BDF: binds to pci_recovery. Sets ERRNO.
driver_bind() {
	write_errno "$DRIVER_DIR/bind" "$1"
}

# driver_unbind BDF: unbinds whatever driver it has. Sets ERRNO.
driver_unbind() {
	write_errno "$SYSFS_PCI/$1/driver/unbind" "$1"
}

# debugfs_write FILE TEXT: sets ERRNO.
debugfs_write() {
	write_errno "$DEBUGFS/$KT_DEVICE/$1" "$2"
}

# status_get KEY: sets STATUS to that line of `status`, empty when absent.
status_get() {
	local line
	STATUS=
	[ -r "$DEBUGFS/$KT_DEVICE/status" ] || return 0
	while IFS= read -r line; do
		case $line in
		"$1: "*) STATUS=${line#"$1: "} ;;
		esac
	done < "$DEBUGFS/$KT_DEVICE/status"
}

# saved_copy FILE: copies the known-good state's register dump.
saved_copy() {
	cat "$DEBUGFS/$KT_DEVICE/saved" > "$1"
}

# events_mark: events_new returns the events from here on.
events_mark() {
	EVENTS_MARK=0
	[ -r "$DEBUGFS/$KT_DEVICE/events" ] || return 0
	EVENTS_MARK=$(awk 'END { print $1 + 0 ? $1 : 0 }' "$DEBUGFS/$KT_DEVICE/events")
}

# events_all: events_new is to tell everything that is in the log.
events_all() {
	EVENTS_MARK=0
}

# events_new: sets EVENTS to what the driver logged since the mark, without
# times, as "error_detected normal can_recover; mmio_enabled recovered; resume".
events_new() {
	EVENTS=
	[ -r "$DEBUGFS/$KT_DEVICE/events" ] || return 0
	EVENTS=$(awk -v mark="$EVENTS_MARK" '
		# As text: nanoseconds may not fit the numbers of awk.
		length($1) < length(mark) { next }
		length($1) == length(mark) && ($1 "") <= (mark "") { next }
		{ sub(/^[0-9]+ /, ""); printf "%s%s", comma, $0; comma = "; " }
	' "$DEBUGFS/$KT_DEVICE/events")
}

# callbacks_new: sets CALLBACKS to the new events that are callbacks of the PCI
# core, in the form of EVENTS.
callbacks_new() {
	local rest event
	events_new
	CALLBACKS=
	rest="$EVENTS; "
	while [ -n "$rest" ]; do
		event=${rest%%; *}
		rest=${rest#*; }
		case $event in
		error_detected* | mmio_enabled* | slot_reset* | resume* | \
			reset_prepare* | reset_done* | suspend* | pm_resume* | \
			freeze* | thaw* | poweroff* | restore_noirq | pm_restore | \
			runtime_suspend | runtime_resume)
			CALLBACKS="${CALLBACKS:+$CALLBACKS; }$event"
			;;
		esac
	done
}

# event_happened EVENT: true where it was logged since the mark.
event_happened() {
	events_new
	case "; $EVENTS; " in
	*"; $1; "* | *"; $1 "*) return 0 ;;
	esac
	return 1
}

# aer_total cor|nonfatal|fatal: sets AER_TOTAL to the kernel's count of errors
# of the device, 0 where the kernel keeps none.
aer_total() {
	local file name value
	AER_TOTAL=0
	case $1 in
	cor) file=correctable ;;
	*) file=$1 ;;
	esac
	file=$SYSFS_PCI/$KT_DEVICE/aer_dev_$file
	[ -r "$file" ] || return 0
	while read -r name value; do
		case $name in
		TOTAL_ERR_*) AER_TOTAL=$value ;;
		esac
	done < "$file"
}

# aer_totals: sets AER_TOTALS to "correctable non-fatal fatal".
aer_totals() {
	aer_total cor
	AER_TOTALS=$AER_TOTAL
	aer_total nonfatal
	AER_TOTALS="$AER_TOTALS $AER_TOTAL"
	aer_total fatal
	AER_TOTALS="$AER_TOTALS $AER_TOTAL"
}

# aer_mark: later aer_counted compares with the counters as they are now.
aer_mark() {
	aer_totals
	AER_MARK=$AER_TOTALS
}

# aer_counted COR NONFATAL FATAL: have the counters grown by exactly these
# since the mark? Sets AER_WANT to what they should be.
aer_counted() {
	# shellcheck disable=SC2086 # three numbers
	set -- $AER_MARK "$@"
	AER_WANT="$(($1 + $4)) $(($2 + $5)) $(($3 + $6))"
	aer_totals
	[ "$AER_TOTALS" = "$AER_WANT" ]
}
