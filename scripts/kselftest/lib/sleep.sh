# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Test cycles of system sleep: all phases of the drivers, and back at once.

# sleep_need freeze|disk: prepares cycles by `echo $1 > /sys/power/state` until the
# test's end; skips the whole test where there are none.
sleep_need() {
	[ -w /sys/power/pm_test ] || skip_all "no /sys/power/pm_test (CONFIG_PM_DEBUG)"
	read_line /sys/power/state
	case " $LINE " in
	*" $1 "*) ;;
	*) skip_all "/sys/power/state offers only '$LINE'" ;;
	esac
	SLEEP_DELAYS=
	for sn_module in suspend hibernate; do
		sn_file=/sys/module/$sn_module/parameters/pm_test_delay
		[ -w "$sn_file" ] || continue
		read_line "$sn_file"
		SLEEP_DELAYS="$SLEEP_DELAYS $sn_file $LINE"
		echo "$KT_SUSPEND" > "$sn_file"
	done
	read_line /sys/power/image_size
	SLEEP_IMAGE=$LINE
	at_exit sleep_undo
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
