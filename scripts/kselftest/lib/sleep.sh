# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Test cycles of system sleep: all phases of the drivers, and back at once.

# sleep_possible freeze|disk: false, with SLEEP_REASON, when there are no cycles.
sleep_possible() {
	SLEEP_REASON="no /sys/power/pm_test (CONFIG_PM_DEBUG)"
	[ -w /sys/power/pm_test ] || return 1
	read_line /sys/power/state
	SLEEP_REASON="/sys/power/state offers only '$LINE'"
	case " $LINE " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# sleep_prepare freeze|disk: from now on, until sleep_undo, sleep_cycle is a cycle.
sleep_prepare() {
	SLEEP_STATE=$1
	SLEEP_DELAYS=
	for sp_module in suspend hibernate; do
		sp_file=/sys/module/$sp_module/parameters/pm_test_delay
		[ -w "$sp_file" ] || continue
		read_line "$sp_file"
		SLEEP_DELAYS="$SLEEP_DELAYS $sp_file $LINE"
		echo "$KT_SUSPEND" > "$sp_file"
	done
	read_line /sys/power/image_size
	SLEEP_IMAGE=$LINE
	# An image as large as there is memory: none has to be freed for it.
	[ "$1" != disk ] || echo 1000000000000 > /sys/power/image_size
	echo platform > /sys/power/pm_test
	# It removes a function that does not answer on resume.
	hotplug_detach
}

sleep_undo() {
	echo none > /sys/power/pm_test
	[ -z "$SLEEP_IMAGE" ] || echo "$SLEEP_IMAGE" > /sys/power/image_size
	# shellcheck disable=SC2086 # file and value, each
	set -- $SLEEP_DELAYS
	while [ $# -gt 0 ]; do
		echo "$2" > "$1"
		shift 2
	done
	hotplug_attach
}

# sleep_cycle [freeze|disk]: false when the kernel says that it failed.
sleep_cycle() {
	echo "${1:-$SLEEP_STATE}" > /sys/power/state
} 2> /dev/null

# sleep_need freeze|disk: prepares cycles until the test's end; skips the whole test
# where there are none.
sleep_need() {
	sleep_possible "$1" || skip_all "$SLEEP_REASON"
	at_exit sleep_undo
	sleep_prepare "$1"
}
