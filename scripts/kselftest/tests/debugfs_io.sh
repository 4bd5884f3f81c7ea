#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Files are read and written in every way that a program may choose: piece by
# piece, at once, at an offset, more than a page, nothing. A write is a command
# of its own and is taken whole, or not at all; what is read is the same text.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/secret.sh
. "$KT_DIR/lib/secret.sh"

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
	for sp_file in saved status events; do
		cat "$DIR/$sp_file" > "$KT_TMP/whole"
		[ -s "$KT_TMP/whole" ] || fail "$sp_file is empty"
		for sp_size in 1 3 4096 1048576; do
			dd if="$DIR/$sp_file" of="$KT_TMP/piece" bs=$sp_size 2> /dev/null
			cmp -s "$KT_TMP/whole" "$KT_TMP/piece" ||
				fail "$sp_file is another one when read by $sp_size"
		done
		# From the middle on, and beyond the end.
		dd if="$DIR/$sp_file" of="$KT_TMP/piece" bs=1 skip=50 2> /dev/null
		tail -c +51 "$KT_TMP/whole" | cmp -s - "$KT_TMP/piece" ||
			fail "$sp_file is another one when read from 50 on"
		dd if="$DIR/$sp_file" of="$KT_TMP/piece" bs=1048576 skip=1 2> /dev/null || :
		[ ! -s "$KT_TMP/piece" ] || fail "there is something in $sp_file after a megabyte"
	done
}

# written FILE SIZE SOURCE: one write of so many bytes. Sets ERRNO.
written() {
	if wr_text=$(dd if="$3" bs="$2" count=1 iflag=fullblock 2> /dev/null |
		dd of="$1" bs="$2" iflag=fullblock conv=notrunc 2>&1); then
		ERRNO=OK
	else
		errno_name "$wr_text"
	fi
}

# Every writable file of every module refuses bytes that mean nothing, however many.
any_length_is_refused() {
	interfaces_list "$KT_TMP/list"
	saves_mark
	al_count=0
	while read -r al_type al_mode al_uid al_gid al_path; do
		: "$al_uid" "$al_gid"
		case $al_type$al_mode in
		f[26]*) ;;
		*) continue ;;
		esac
		al_count=$((al_count + 1))
		for al_size in $SIZES; do
			written "$al_path" "$al_size" /dev/zero
			[ "$ERRNO" = EINVAL ] || fail "$al_size zeros into $al_path: $ERRNO"
		done
	done < "$KT_TMP/list"
	[ "$al_count" -ge 3 ] || fail "there are only $al_count files to write into"
	check_saves 0
	check_regs "afterwards"
}

offsets_do_not_matter() {
	saves_mark
	for od_seek in 1 4096 1048576; do
		printf 1 | dd of="$DIR/save" bs=1 seek=$od_seek conv=notrunc 2> "$KT_TMP/text" ||
			fail "at $od_seek: $(cat "$KT_TMP/text")"
	done
	check_saves 3
}

# In one open file: each is a command, and one that fails spoils no other.
many_writes_into_one_file() {
	saves_mark
	exec 5> "$DIR/save"
	mw_bad=0
	for mw_text in 1 x 1 11 1 1; do
		printf '%s' $mw_text >&5 2> /dev/null || mw_bad=$((mw_bad + 1))
	done
	mw_n=0
	while [ $mw_n -lt 200 ]; do
		mw_n=$((mw_n + 1))
		echo 1 >&5 || fail "write $mw_n fails"
	done
	exec 5>&-
	check_eq "writes that were refused" $mw_bad 2
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
