# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Listens to the uevents that the kernel sends.

LISTENER=

# listener_start FILE: from now on they are written into FILE. False when there
# is nothing to listen with, or it hears nothing; then LISTENER is empty.
listener_start() {
	LISTENER_FILE=$1
	if have udevadm && udevadm monitor --help > /dev/null 2>&1; then
		udevadm monitor --kernel --property > "$1" 2>&1 &
	elif have uevent; then
		# By itself it would keep what it prints in a buffer.
		uevent sh -c 'env; echo' > "$1" 2>&1 &
	else
		return 1
	fi
	LISTENER=$!
	at_exit listener_stop
	wait_for "$KT_WAIT" listening || { listener_stop; return 1; }
}

listener_stop() {
	[ -z "$LISTENER" ] || kill "$LISTENER" 2> /dev/null || :
	LISTENER=
}

# heard PATTERN: true where a line of an event has matched it by now.
heard() {
	grep -q "$1" "$LISTENER_FILE"
}

# The listener works when it has heard an event that the test requested.
listening() {
	echo change > "$SYSFS_PCI/$KT_DEVICE/uevent"
	heard "ACTION=change"
}
