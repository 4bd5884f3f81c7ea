#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# weight: 20
#
# Several programs save, restore, reset and read the same function all the time,
# while errors are injected, it is reset through sysfs, and unbound and bound.
# Each write ends with an errno that says why, the counters add up, and the
# function and its known-good state are what they were.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../lib/fuzz.sh
. "$KT_DIR/lib/fuzz.sh"

WRITERS=6
# What is done meanwhile is done so often.
ROUNDS=6
# Should the test hang, they do not.
SECONDS_MOST=120

# writers_start NAME MORE FILE...: they write to these files; MORE are errnos that
# may come besides EBUSY. EIO is not one as long as nothing is wrong: who has the
# device lock never sees a function that somebody else is resetting.
writers_start() {
	local more file key
	writers=$1
	more=$2
	shift 2
	WRITTEN=$*
	for file in $WRITTEN; do
		plan "$DEBUGFS/$KT_DEVICE/$file" "EBUSY$more" 1
	done > "$KT_TMP/plan"
	for file in status events saved; do
		plan "$DEBUGFS/$KT_DEVICE/$file" "${more#,}" ''
	done >> "$KT_TMP/plan"
	for key in saves refusals restores resets resets_failed; do
		status_get $key
		eval "BEFORE_$key=\$STATUS"
	done
	SYSFS_RESETS=0
	dmesg_mark "writers, $writers"
	: > "$KT_TMP/go_on"
	guest fuzz --words --seed "$SEED" --threads $WRITERS --seconds $SECONDS_MOST \
		--while "$KT_TMP/go_on" "$KT_TMP/plan" > "$KT_TMP/answer" 2>&1 &
	TOOL=$!
}

# go_on ROUND: true where another round follows: only as long as they write.
go_on() {
	[ "$1" -lt $ROUNDS ] && ! failed && kill -0 "$TOOL" 2> /dev/null
}

# await_saves NUMBER: until so many were made since they began, or since the binding.
await_saves() {
	wait_for 30 saves_made "$1" || fail "there are no $1 saves within 30 s"
}

saves_made() {
	status_get saves
	[ "${STATUS:-0}" -ge "$1" ]
}

writers_end() {
	rm -f "$KT_TMP/go_on"
	wait "$TOOL" || fail "the writers found something else:"
	grep -E '^unexpected|error:' "$KT_TMP/answer" | diag_lines
	report "$writers: $(sed -n 's/^operations //p' "$KT_TMP/answer") operations," \
		"save $(came save OK) of $(came save), restore $(came restore OK) of $(came restore)," \
		"reset $(came reset OK) of $(came reset)"
	[ "$(came save OK)" -gt 0 ] || fail "no save succeeds"
}

# came FILE [RESULT]: prints how many writes there were with that result.
came() {
	awk -v file="/$1" -v result="${2-}" '
		substr($1, length($1) - length(file) + 1) == file && $2 == "write" &&
			(result == "" || $3 == result) { n += $4 }
		END { print n + 0 }
	' "$KT_TMP/answer"
}

# grown KEY: sets GROWN to how much it is more than before.
grown() {
	status_get "$1"
	eval "GROWN=\$((STATUS - BEFORE_$1))"
}

# check_counters: compares the writers' results with the driver's counters. Others
# than they save and reset, too: in a reset, and where an error is recovered.
check_counters() {
	local resets saves
	grown resets
	resets=$GROWN
	grown resets_failed
	resets=$((resets + GROWN))
	check_eq "resets, as counted" "$resets" $(($(came reset) - $(came reset EBUSY)))
	grown saves
	saves=$GROWN
	grown refusals
	saves=$((saves + GROWN))
	# Each reset has saved once before, or was refused that.
	check_eq "saves and refusals" "$saves" \
		$(($(came save) - $(came save EBUSY) + resets + SYSFS_RESETS))
	grown restores
	[ "$GROWN" -ge "$(came restore OK)" ] ||
		fail "$GROWN restores are counted, $(came restore OK) have succeeded"
}

check_well() {
	local file
	check_true "it is not ok again" wait_for "$KT_WAIT" state_ok
	check_regs "$1"
	check_saved_agrees "$1"
	for file in save restore reset; do
		check_write $file 1 OK
	done
	check_regs "$1, after a reset"
}

state_ok() {
	status_get state
	[ "$STATUS" = ok ]
}

nothing_else() {
	writers_start alone '' save restore reset
	# shellcheck disable=SC2154 # writers_start sets it
	await_saves $((BEFORE_saves + 50))
	writers_end
	check_counters
	check_well "after nothing but writers"
}

# recoveries RESULT: prints how many the kernel has reported.
recoveries() {
	dmesg_since "$DMESG_MARK" | grep -c "device recovery $1" || :
}

recovered() {
	[ "$(recoveries '')" -ge "$errors" ]
}

# errors_while_writing SECONDS: non-fatal and fatal in turn. The next one comes when
# the one before was recovered, for which it waits so long: the kernel forgets what
# comes in between.
errors_while_writing() {
	local kind
	errors=0
	while go_on "$errors"; do
		kind=nonfatal
		[ $((errors % 2)) -eq 0 ] || kind=fatal
		check_inject $kind || break
		errors=$((errors + 1))
		wait_for "$1" recovered || fail "error $errors ($kind) is not recovered"
	done
}

errors_meanwhile() {
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	# No resets, and no restores: the kernel forgets an error in the middle of one.
	# pci_restore_state() clears the status of errors, and what the AER core does not
	# find there it drops without a word.
	writers_start errors ,EIO save
	errors_while_writing 60
	writers_end
	report "$errors errors, of which $(recoveries successful) recovered"
	check_eq "errors" "$errors" $ROUNDS
	check_eq "errors that were recovered" "$(recoveries successful)" "$errors"
	check_well "after errors"
}

resets_meanwhile() {
	writers_start resets '' save restore reset
	while go_on "$SYSFS_RESETS"; do
		reset_device
		check_eq "reset through sysfs" "$ERRNO" OK
		SYSFS_RESETS=$((SYSFS_RESETS + 1))
	done
	writers_end
	check_eq "resets through sysfs" "$SYSFS_RESETS" $ROUNDS
	check_counters
	check_well "after resets"
}

bindings_meanwhile() {
	local bindings
	writers_start bindings ,EIO,ENOENT,ENODEV save restore reset
	bindings=0
	while go_on "$bindings"; do
		# The first one is that of probe.
		await_saves 3
		driver_unbind "$KT_DEVICE"
		check_eq "unbind" "$ERRNO" OK
		driver_bind "$KT_DEVICE"
		check_eq "bind" "$ERRNO" OK
		bindings=$((bindings + 1))
	done
	writers_end
	check_eq "bindings" "$bindings" $ROUNDS
	check_well "after bindings"
}

# An error of a function that is unbound just then, or reset, has no recovery.
everything_at_once() {
	local injector round
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	writers_start everything ,EIO,ENOENT,ENODEV,ENOTTY save restore reset
	while [ -e "$KT_TMP/go_on" ]; do
		inject nonfatal || :
		inject fatal || :
	done &
	injector=$!
	round=0
	while go_on $round; do
		await_saves 3
		reset_device
		driver_unbind "$KT_DEVICE"
		driver_bind "$KT_DEVICE"
		round=$((round + 1))
	done
	writers_end
	wait $injector || :
	wait_for "$KT_WAIT" bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	check_true "it is not bound" bound "$KT_DEVICE"
	state_ok || check_write restore 1 OK
	check_well "after everything"
}

need_bus_alone
reset_need
fuzz_seed
subtests nothing_else errors_meanwhile resets_meanwhile bindings_meanwhile everything_at_once
