# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Runs one test script: bounded, its output nested, the device and the kernel
# log looked at afterwards, and now and then what memory was lost, where the kernel
# knows. The test's own plan is one longer in the report: the last line,
# `left_as_found`, is the runner's verdict.

TEST_NUMBER=0
TESTS_OK=0
TESTS_BAD=0
LEAVES_OK=0
LEAVES_BAD=0
LEAVES_XFAIL=0
LEAVES_SKIP=0
runner_pid=
runner_watchdog=
kmemleak_since=

# run_test NAME
run_test() {
	TEST_NUMBER=$((TEST_NUMBER + 1))
	KT_TEST=$1
	test_bad=0
	test_skip=''
	test_plan=''
	test_leaves=0
	test_ok=0
	test_stuck=0
	printf '# running: %s\n' "$1"
	dmesg_mark "$1"
	KT_DMESG_MARK=$DMESG_MARK
	script_of "$KT_SUITE" "$1"
	test_script=$SCRIPT
	head_of_test "$KT_SUITE" "$1" forgiven || :
	KT_FORGIVEN=$HEAD
	export KT_TEST KT_DMESG_MARK KT_FORGIVEN
	uptime_cs
	test_start=$UPTIME_CS
	if device_prepare > "$KT_TMP/prepare"; then
		nested_comments < "$KT_TMP/prepare"
		console_quiet
		test_execute
		console_restore
		test_missing
		test_aftermath
	else
		nested_comments < "$KT_TMP/prepare"
		printf '  KTAP version 1\n  # Subtest: %s\n  1..1\n' "$1"
		leaf bad "not ok 1 device_is_ready"
	fi
	uptime_cs
	test_start=$((UPTIME_CS - test_start))
	printf '# %s took %d.%02d s\n' "$1" $((test_start / 100)) $((test_start % 100))
	if [ "$test_bad" = 1 ]; then
		TESTS_BAD=$((TESTS_BAD + 1))
		printf 'not ok %d %s\n' "$TEST_NUMBER" "$1"
	elif [ -n "$test_skip" ]; then
		printf 'ok %d %s # SKIP %s\n' "$TEST_NUMBER" "$1" "$test_skip"
	else
		TESTS_OK=$((TESTS_OK + 1))
		printf 'ok %d %s\n' "$TEST_NUMBER" "$1"
	fi
	if [ "$test_stuck" = 1 ]; then
		# Giving the device back would hang, too.
		device_taken=0
		bail_out "$1 cannot be killed; the kernel holds it"
	fi
}

# leaf ok|bad|xfail|skip LINE: one result of the test, counted and printed.
leaf() {
	test_leaves=$((test_leaves + 1))
	case $1 in
	ok)
		LEAVES_OK=$((LEAVES_OK + 1))
		test_ok=$((test_ok + 1))
		;;
	xfail)
		LEAVES_XFAIL=$((LEAVES_XFAIL + 1))
		test_ok=$((test_ok + 1))
		;;
	skip) LEAVES_SKIP=$((LEAVES_SKIP + 1)) ;;
	bad)
		LEAVES_BAD=$((LEAVES_BAD + 1))
		test_bad=1
		;;
	esac
	printf '  %s\n' "$2"
}

nested_comments() {
	local left line
	left=${1-24}
	while IFS= read -r line; do
		left=$((left - 1))
		[ "$left" -ge 0 ] || continue
		printf '  # %s\n' "$line"
	done
	[ "$left" -ge 0 ] || printf '  # and %d more\n' $((-left))
}

# console_quiet: of a test with damage that is forgiven, warnings do not go to the
# console, where the harness looks for damage too. console_restore: they do again.
console_was=
console_quiet() {
	[ -n "$KT_FORGIVEN" ] || return 0
	console_was=$(cat /proc/sys/kernel/printk)
	echo 4 > /proc/sys/kernel/printk
}

console_restore() {
	[ -z "$console_was" ] || echo "$console_was" > /proc/sys/kernel/printk
	console_was=
}

# runner_limit: sets test_limit, from --timeout, the test's head, or the file `settings`.
runner_limit() {
	test_limit=$RUNNER_TIMEOUT
	[ -z "$test_limit" ] || return 0
	head_of_test "$KT_SUITE" "$KT_TEST" timeout || :
	# shellcheck disable=SC2154 # from the file `settings`
	test_limit=$((${HEAD:-$timeout} * KT_SLOW))
}

# test_execute: runs the script in a session of its own, so that all of it can
# be ended, and reads what it prints as it comes.
test_execute() {
	local line
	runner_limit
	rm -f "$KT_TMP/output"
	mkfifo "$KT_TMP/output"
	setsid sh "$test_script" > "$KT_TMP/output" 2>&1 &
	runner_pid=$!
	watchdog "$runner_pid" "$test_limit" &
	runner_watchdog=$!
	while IFS= read -r line; do
		test_line "$line"
		[ "$test_stuck" = 0 ] || break
	done < "$KT_TMP/output"
	kill "$runner_watchdog" 2> /dev/null || :
	wait "$runner_watchdog" 2> /dev/null || :
	test_status=0
	if [ "$test_stuck" = 0 ]; then
		wait "$runner_pid" || test_status=$?
	fi
	runner_pid=
	runner_watchdog=
}

# watchdog PID SECONDS: ends the session when the time is over; where even that
# fails, writes a line to the reader.
watchdog() {
	local signal
	trap 'kill "$wd_sleep" 2> /dev/null; exit 0' TERM
	sleep "$2" > /dev/null 2>&1 &
	wd_sleep=$!
	wait "$wd_sleep"
	echo timeout > "$KT_TMP/timed_out"
	# First gently: the test then undoes what it did to the device.
	for signal in TERM KILL; do
		kill -"$signal" "-$1" 2> /dev/null || exit 0
		sleep 5 > /dev/null 2>&1 &
		wd_sleep=$!
		wait "$wd_sleep"
	done
	echo '@stuck' > "$KT_TMP/output"
}

# test_line LINE: one line that the test printed.
test_line() {
	case $1 in
	'KTAP version 1') ;;
	'1..0 # SKIP '*)
		test_plan=0
		test_skip=${1#'1..0 # SKIP '}
		printf '  KTAP version 1\n  # Subtest: %s\n  %s\n' "$KT_TEST" "$1"
		;;
	1..[0-9]*)
		test_plan=${1#1..}
		printf '  KTAP version 1\n  # Subtest: %s\n  1..%d\n' \
			"$KT_TEST" $((test_plan + 1))
		;;
	'not ok '*) leaf bad "$1" ;;
	'ok '*'# SKIP'*) leaf skip "$1" ;;
	'ok '*'# XFAIL'*) leaf xfail "$1" ;;
	'ok '*) leaf ok "$1" ;;
	'@stuck') test_stuck=1 ;;
	'#'*) printf '  %s\n' "$1" ;;
	*) printf '  # %s\n' "$1" ;;
	esac
}

# test_missing: results that were planned and never came have failed. `timeout=` tells the
# harness that the test was ended, also where all its results came.
test_missing() {
	local why
	why="ERROR ended early, status $test_status"
	if [ -e "$KT_TMP/timed_out" ]; then
		rm -f "$KT_TMP/timed_out"
		why="TIMEOUT took longer than $test_limit s"
		printf '  # report: timeout=%s\n' "$test_limit"
	fi
	[ "$test_plan" != 0 ] || return 0
	if [ -z "$test_plan" ]; then
		test_plan=1
		printf '  KTAP version 1\n  # Subtest: %s\n  1..2\n' "$KT_TEST"
	fi
	while [ "$test_leaves" -lt "$test_plan" ]; do
		leaf bad "not ok $((test_leaves + 1)) not_reached # $why"
	done
}

# memory_is_due: true where it is time to scan for lost memory. Sets kmemleak_since to
# the first test since the last time.
memory_is_due() {
	[ "$KMEMLEAK_LOOKS" = 1 ] || return 1
	kmemleak_since=${kmemleak_since:-$KT_TEST}
	# shellcheck disable=SC2154 # from the file `settings`
	[ $((TEST_NUMBER % kmemleak_every)) -eq 0 ] || [ "$TEST_NUMBER" -eq "$TEST_COUNT" ]
}

# test_aftermath: reports whether the device is as before, and the kernel unharmed.
test_aftermath() {
	local bad
	bad=0
	if [ "$test_stuck" = 1 ]; then
		leaf bad "not ok $((test_leaves + 1)) left_as_found"
		return 0
	fi
	if ! device_verify > "$KT_TMP/wrong"; then
		bad=1
		printf '  # the test left the device in another state:\n'
		nested_comments < "$KT_TMP/wrong"
	fi
	if memory_is_due; then
		uptime_cs
		if kmemleak_found "$UPTIME_CS" > "$KT_TMP/lost"; then
			bad=1
			printf '  # memory without a reference, lost since %s began:\n' "$kmemleak_since"
			nested_comments 200 < "$KT_TMP/lost"
		fi
		kmemleak_since=
	fi
	if ! dmesg_damage "$KT_DMESG_MARK" > "$KT_TMP/damage"; then
		bad=1
		printf '  # damage in the kernel log:\n'
		nested_comments < "$KT_TMP/damage"
	fi
	if [ "$bad" = 1 ]; then
		[ "$test_plan" != 0 ] || test_skip=
		leaf bad "not ok $((test_leaves + 1)) left_as_found"
	elif [ "$test_plan" != 0 ]; then
		[ "$test_ok" -gt 0 ] || test_skip="each of its subtests was skipped"
		leaf ok "ok $((test_leaves + 1)) left_as_found"
	else
		LEAVES_SKIP=$((LEAVES_SKIP + 1))
	fi
}

# runner_stop: ends a test that is running, when the runner is to end.
runner_stop() {
	[ -n "$runner_pid" ] || return 0
	kill "$runner_watchdog" 2> /dev/null
	kill -TERM "-$runner_pid" 2> /dev/null
	wait "$runner_pid" 2> /dev/null
	runner_pid=
	console_restore
}
