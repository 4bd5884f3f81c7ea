#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Bad input: whatever is written into the debugfs files, the answer is the right
# errno and nothing changes.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# octets FILE FORMAT: writes bytes, as an octal format of printf. Sets ERRNO.
octets() {
	# shellcheck disable=SC2059 # the format is the octets
	ERRNO=$(printf "$2" | guest write "$DEBUGFS/$KT_DEVICE/$1")
}

# totals: sets TOTALS to every counter of status.
totals() {
	local key
	TOTALS=
	for key in state channel saves refusals restores mismatches resets; do
		status_get $key
		TOTALS="$TOTALS $key:$STATUS"
	done
}

LONG=1
while [ ${#LONG} -lt 5000 ]; do
	LONG=$LONG$LONG
done

garbage_into() {
	local before text octets
	totals
	before=$TOTALS
	events_mark
	saved_copy "$KT_TMP/saved.before"
	for text in 0 2 11 -1 1.0 0x1x y garbage '1 1' '%n%s' "$LONG" "$LONG$LONG$LONG"; do
		debugfs_write "$1" "$text"
		[ "$ERRNO" = EINVAL ] ||
			fail "writing '$(printf %.20s "$text")' (${#text} bytes) into $1: $ERRNO, should be EINVAL"
	done
	for octets in '\n' '\000' '\377\377\377\377' '\0001' '1\000\377' '1\n1' '1\n\n' '1\n\000\000' '\033[2J'; do
		octets "$1" "$octets"
		[ "$ERRNO" = EINVAL ] ||
			fail "writing octets '$octets' into $1: $ERRNO, should be EINVAL"
	done
	totals
	check_eq "status" "$TOTALS" "$before"
	events_new
	check_eq "new events" "$EVENTS" ""
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state has changed"
	check_regs "after garbage"
}

read_only_refuses_writes() {
	local file
	for file in status events saved; do
		debugfs_write $file 1
		case $ERRNO in
		EINVAL | EACCES | EPERM) ;;
		*) fail "writing into $file: $ERRNO, should be refused" ;;
		esac
	done
}

write_only_refuses_reads() {
	local file text
	for file in save restore reset; do
		if text=$(cat "$DEBUGFS/$KT_DEVICE/$file" 2> /dev/null) &&
			[ -n "$text" ]; then
			fail "$file can be read: $text"
		fi
	done
}

# A newline after the 1 is what `echo 1 >` writes; that is not garbage.
newline_is_allowed() {
	octets save '1\n'
	check_eq "writing '1' and a newline into save" "$ERRNO" OK
}

subtests "garbage_into save" "garbage_into restore" "garbage_into reset" \
	read_only_refuses_writes write_only_refuses_reads newline_is_allowed
