#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Files are read and written in every way that a program may choose: piece by
# piece, at once, at an offset, more than a page, nothing. A write is a command
# of its own and is taken whole, or not at all; what is read is the same text.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/interfaces.sh
. "$KT_DIR/lib/interfaces.sh"

DIR=$DEBUGFS/$KT_DEVICE
SIZES="1 2 4 7 64 4095 4096 4097 65536 1048576"

# check_saves NUMBER: so many saves were made since the mark.
saves_mark() {
	status_get saves
	SAVES=$STATUS
}

check_saves() {
	check_status saves $((SAVES + $1))
}

# Of what does not change by itself, every way of reading gives the same.
same_in_every_piece() {
	local file size
	for file in saved status events; do
		cat "$DIR/$file" > "$KT_TMP/whole"
		[ -s "$KT_TMP/whole" ] || fail "$file is empty"
		for size in 1 3 4096 1048576; do
			dd if="$DIR/$file" of="$KT_TMP/piece" bs=$size 2> /dev/null
			cmp -s "$KT_TMP/whole" "$KT_TMP/piece" ||
				fail "$file is another one when read by $size"
		done
		# From the middle on, and beyond the end.
		dd if="$DIR/$file" of="$KT_TMP/piece" bs=1 skip=50 2> /dev/null
		tail -c +51 "$KT_TMP/whole" | cmp -s - "$KT_TMP/piece" ||
			fail "$file is another one when read from 50 on"
		dd if="$DIR/$file" of="$KT_TMP/piece" bs=1048576 skip=1 2> /dev/null || :
		[ ! -s "$KT_TMP/piece" ] || fail "there is something in $file after a megabyte"
	done
}

# written FILE SIZE SOURCE: one write of so many bytes. Sets ERRNO.
written() {
	ERRNO=$(head -c "$2" "$3" | guest write "$1")
}

# Every writable file of every module refuses bytes that mean nothing, however many.
any_length_is_refused() {
	local count type mode path size
	interfaces_list "$KT_TMP/list"
	saves_mark
	count=0
	while read -r type mode _ _ path; do
		case $type$mode in
		f[26]*) ;;
		*) continue ;;
		esac
		count=$((count + 1))
		for size in $SIZES; do
			written "$path" "$size" /dev/zero
			[ "$ERRNO" = EINVAL ] || fail "$size zeros into $path: $ERRNO"
		done
	done < "$KT_TMP/list"
	[ "$count" -ge 3 ] || fail "there are only $count files to write into"
	check_saves 0
	check_regs "afterwards"
}

offsets_do_not_matter() {
	local seek
	saves_mark
	for seek in 1 4096 1048576; do
		printf 1 | dd of="$DIR/save" bs=1 seek=$seek conv=notrunc 2> "$KT_TMP/text" ||
			fail "at $seek: $(cat "$KT_TMP/text")"
	done
	check_saves 3
}

# In one open file: each is a command, and one that fails spoils no other.
many_writes_into_one_file() {
	local bad text n
	saves_mark
	exec 5> "$DIR/save"
	bad=0
	for text in 1 x 1 11 1 1; do
		printf '%s' $text >&5 2> /dev/null || bad=$((bad + 1))
	done
	n=0
	while [ $n -lt 200 ]; do
		n=$((n + 1))
		echo 1 >&5 || fail "write $n fails"
	done
	exec 5>&-
	check_eq "writes that were refused" $bad 2
	check_saves 204
	check_status refusals 0
}

# A command is not put together from the pieces of several writes.
pieces_are_no_command() {
	saves_mark
	if printf '\n1\n\n' | dd of="$DIR/save" bs=1 conv=notrunc 2> /dev/null; then
		fail "a newline alone is a command"
	fi
	check_saves 0
	printf '1\n' | dd of="$DIR/save" bs=1 conv=notrunc 2> "$KT_TMP/text" &&
		fail "the newline after the 1 is a command of its own"
	check_saves 1
}

interfaces_all
subtests same_in_every_piece any_length_is_refused offsets_do_not_matter \
	many_writes_into_one_file pieces_are_no_command
