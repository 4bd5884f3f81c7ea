# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# System sleep: test cycles (all phases of the drivers, and back at once), and
# real suspend to RAM, from which the harness wakes the guest.

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
	local module file
	SLEEP_STATE=$1
	SLEEP_DELAYS=
	for module in suspend hibernate; do
		file=/sys/module/$module/parameters/pm_test_delay
		[ -w "$file" ] || continue
		read_line "$file"
		SLEEP_DELAYS="$SLEEP_DELAYS $file $LINE"
		echo "$KT_SUSPEND" > "$file"
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

# s3_possible: false, with SLEEP_REASON, where the machine has no suspend to RAM or
# nothing would wake it.
s3_possible() {
	SLEEP_REASON="the machine has no suspend to RAM (S3)"
	grep -qsw deep /sys/power/mem_sleep || return 1
	SLEEP_REASON="nothing would wake the machine from S3"
	[ "$KT_GUEST" = 1 ] && have harness
}

# s3_prepare: from now on `mem` is S3. s3_undo: it is what it was.
s3_prepare() {
	read_line /sys/power/mem_sleep
	S3_OLD=${LINE#*\[}
	S3_OLD=${S3_OLD%\]*}
	echo deep > /sys/power/mem_sleep
}

s3_undo() {
	echo "$S3_OLD" > /sys/power/mem_sleep
}

# s3: to RAM and back. Sets ERRNO; false, with SLEEP_REASON, without the harness.
s3() {
	echo none > /sys/power/pm_test
	SLEEP_REASON=$(harness wakeup) || return 1
	write_errno /sys/power/state mem
}

# check_s3: the same, which must succeed.
check_s3() {
	if s3; then
		check_eq "suspend to RAM" "$ERRNO" OK
	else
		fail "the harness does not wake the guest: $SLEEP_REASON"
	fi
}
