#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# weight: 10
#
# The modules print no kernel address: not in a file,
# no line in the log, no uevent, with pointers shown to root (kptr_restrict 0).

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/interfaces.sh
. "$KT_DIR/lib/interfaces.sh"
# shellcheck source=../../lib/uevent.sh
. "$KT_DIR/lib/uevent.sh"

KPTR=/proc/sys/kernel/kptr_restrict

# check_no_pointer WHAT FILE
check_no_pointer() {
	if grep -E "$POINTER" "$2" > "$KT_TMP/pointers"; then
		fail "$1 has pointers:"
		diag_lines < "$KT_TMP/pointers"
	fi
}

# The pattern is worth something: this is how pointers look, and what does not.
pattern_knows_pointers() {
	local text
	for text in 'at 0xffff888012345678' 'ffffffffc0123456' 'x=(____ptrval____)' \
		'0x00000000deadbeef,' '[ffffc90000013e38]'; do
		echo "$text" > "$KT_TMP/text"
		grep -qE "$POINTER" "$KT_TMP/text" || fail "'$text' is no pointer to it"
	done
	for text in 'reads 0xffffffff, not 0x00100507' 0000:01:00.0 '123456789012345 save' \
		'0x010 4 BAR0 0xfe800000' '[mem 0xfe800000-0xfe803fff 64bit]'; do
		echo "$text" > "$KT_TMP/text"
		grep -qE "$POINTER" "$KT_TMP/text" && fail "'$text' is a pointer to it"
	done
	read_line /proc/kallsyms
	case $LINE in
	0000000000000000*) fail "the kernel shows root no pointers: nothing is shown by this test" ;;
	esac
}

kptr_back() {
	echo "$OLD_KPTR" > $KPTR
}

# everything_happens: what leaves a trace in a file, in the log, or as a uevent.
everything_happens() {
	local bar kind kinds
	check_write save 1 OK
	check_write save garbage EINVAL
	bars "$KT_DEVICE"
	bar=${BARS%% *}
	if [ -n "$bar" ]; then
		cfg_write "$KT_DEVICE" "$bar" 4 0
		check_write save 1 EIO
		check_write restore 1 OK
	fi
	debugfs_write reset 1
	case $ERRNO in
	OK | ENOTTY) ;;
	*) fail "write to reset: $ERRNO" ;;
	esac
	if [ -n "${FAULT-}" ]; then
		fault ones from=0 count=2
		debugfs_write save 1
		fault stuck range=0x0c value=0x77
		debugfs_write restore 1
		write_errno "$FAULT/fault" garbage
		fault gone
		debugfs_write save 1
		debugfs_write restore 1
		fault_off
		check_write restore 1 OK
	fi
	if [ -n "${EDU-}" ]; then
		edu_load 8
		wait_for 30 edu_idle || fail "the load does not end"
	fi
	if [ "$KT_INJECT" != none ]; then
		events_mark
		kinds="correctable nonfatal"
		[ "$KT_INJECT" != zpci ] || kinds=fatal
		for kind in $kinds; do
			check_inject "$kind" || return 0
		done
		await_event resume
	fi
	check_regs "after all that"
}

files_have_none() {
	local count type mode path
	interfaces_list "$KT_TMP/list"
	count=0
	while read -r type mode _ _ path; do
		case $type$mode in
		f[46]*) ;;
		*) continue ;;
		esac
		cat "$path" > "$KT_TMP/text"
		[ ! -s "$KT_TMP/text" ] || count=$((count + 1))
		check_no_pointer "$path" "$KT_TMP/text"
	done < "$KT_TMP/list"
	[ "$count" -ge 3 ] || fail "only $count files say anything"
	report "$count files read"
}

log_has_none() {
	dmesg_since "$DMESG_MARK" | grep -E "$DRIVER|$EDU_DRIVER|pci_fault|pci_guard" > "$KT_TMP/text"
	[ -s "$KT_TMP/text" ] || fail "the modules have written nothing into the log"
	check_no_pointer "the kernel log" "$KT_TMP/text"
}

uevents_have_none() {
	if [ -z "$LISTENING" ]; then
		skip "no udevadm, no busybox uevent"
		return 0
	fi
	listener_stop
	grep -E '^PCI_RECOVERY' "$KT_TMP/uevents" > "$KT_TMP/text"
	[ -s "$KT_TMP/text" ] || fail "the driver has sent no uevent"
	check_no_pointer "a uevent" "$KT_TMP/uevents"
}

read_line $KPTR
OLD_KPTR=$LINE
at_exit kptr_back
echo 0 > $KPTR
interfaces_all
LISTENING=yes
listener_start "$KT_TMP/uevents" || LISTENING=
subtests pattern_knows_pointers everything_happens files_have_none log_has_none \
	uevents_have_none
