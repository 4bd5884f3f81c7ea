#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: models fleet64
#
# Every function of a machine with many, each with the driver that the kernel has
# for it or with none: nothing is refused, lost or written twice by pci_guard, in
# suspends, a hibernation that goes no further, and resets. A false refusal on
# somebody's machine is the worst that it could do. And what it holds of them.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

# known FIELD: counts the functions whose field `state` or `from` of the table is $2.
known() {
	awk -v field="$1" -v value="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at[field] == value { n++ }
		END { print n + 0 }' "$GUARD_DIR/functions"
}

all_are_known() {
	local bdf
	guard_get functions
	set -- "$SYSFS_PCI"/*
	check_eq "guarded functions" "$GUARD" "$#"
	check_eq "functions of which something is known good" "$(known state ok)" "$#"
	cat "$GUARD_DIR/functions" > "$KT_TMP/functions"
	cut -d ' ' -f 2,3 "$KT_TMP/functions" | sort | uniq -c | diag_lines
	# And why not of the others.
	# shellcheck disable=SC2013 # a word each
	for bdf in $(sed -n 's/ unknown .*//p' "$KT_TMP/functions"); do
		diag "$bdf:"
		diag_lines < "$GUARD_DIR/$bdf/status"
		diag_lines < "$GUARD_DIR/$bdf/events"
	done
	check_no_refusal
}

# What is known good of each is what it reads.
all_agree() {
	local dir bdf
	for dir in "$SYSFS_PCI"/*; do
		bdf=${dir##*/}
		case $(cat "$dir/class") in
		0x060[014]*) continue ;;
		esac
		check_guard_agrees "of $bdf" "$bdf"
	done
}

sleeps() {
	sleep_cycle "$1" || fail "the cycle fails"
	check_no_refusal
	awk 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["repaired"] { print }' "$GUARD_DIR/functions" > "$KT_TMP/repaired"
	[ ! -s "$KT_TMP/repaired" ] || {
		fail "written twice:"
		diag_lines < "$KT_TMP/repaired"
	}
}

# Endpoints: a bridge that is reset takes what is below it along.
resets() {
	local dir
	for dir in "$SYSFS_PCI"/*; do
		[ -e "$dir/reset" ] || continue
		case $(cat "$dir/class") in
		0x0604*) continue ;;
		esac
		echo 1 > "$dir/reset" 2> /dev/null || :
	done
	check_no_refusal
}

# Bytes that are allocated for a function, but for its files.
memory() {
	local most dir bdf
	most=0
	for dir in "$GUARD_DIR"/*/; do
		bdf=${dir%/}
		guard_get memory_bytes "${bdf##*/}"
		[ "$GUARD" -le "$most" ] || most=$GUARD
	done
	report "memory of a guarded function: at most $most bytes"
	[ "$most" -le 2048 ] || fail "a function takes $most bytes, should be at most 2048"
}

guard_need
sleep_need disk
subtests all_are_known all_agree "sleeps freeze" "sleeps disk" resets memory
