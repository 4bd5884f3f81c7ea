#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# weight: 10
#
# The fault injector does what it says, ends by itself where it should, and
# leaves nothing behind: the tests of losses rely on it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

# Registers that every function has.
VENDOR=0
STATUS_COMMAND=4

# check_reads OFFSET SIZE VALUE
check_reads() {
	check_eq "register $1, $2 bytes" "$(cfg_read "$KT_DEVICE" "$1" "$2")" "$3"
}

# record_of OFFSET: the accesses to a register, without function.
record_of() {
	RECORD=$(fault_record | sed -n "s/^$FAULT_FN \(. $1 .*\)/\1/p" | tr '\n' ';')
}

# A first access of a dword by user space resumes nothing and reads one dword.
nothing_armed_changes_nothing() {
	local line
	check_regs "with the bus wrapped"
	fault_clear
	cfg_read "$KT_DEVICE" $VENDOR 4 > /dev/null
	fault_counters
	check_eq "reads" "$READS" 1
	check_eq "writes" "$WRITES" 0
	check_eq "faulted" "$FAULTED" 0
	record_of 0x000
	check_eq "record" "$RECORD" "r 0x000 4 $IDS -;"
	read -r line < "$FAULT/fault"
	check_eq "fault" "$line" none
}

gone_reads_ones_and_takes_no_write() {
	fault gone
	check_reads $VENDOR 4 0xffffffff
	check_reads $STATUS_COMMAND 2 0xffff
	check_false "the function is accessible" accessible "$KT_DEVICE"
	fault_clear
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 0x20
	record_of 0x00c
	check_eq "record" "$RECORD" "w 0x00c 1 0x20 gone;"
	fault_off
	check_regs "after it was gone"
}

ones_zeros_and_error() {
	fault ones
	check_reads $VENDOR 4 0xffffffff
	fault_off
	fault zeros
	check_reads $VENDOR 4 0x00000000
	fault_off
	fault error
	check_reads $VENDOR 4 0xffffffff
	fault_off
	check_reads $VENDOR 4 "$IDS"
}

drop_loses_writes_only() {
	fault drop
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 0x20
	check_reads $VENDOR 4 "$IDS"
	fault_off
	check_regs "after a dropped write"
}

a_range_leaves_the_rest() {
	fault ones range=0x06-0x07
	check_reads $VENDOR 4 "$IDS"
	check_reads 6 2 0xffff
	check_reads $STATUS_COMMAND 4 0xffffffff
	check_reads 8 4 "$(printf '0x%08x' $((REVISION)))"
	fault_off
}

# from and count: exactly these accesses, and then it is over by itself.
it_begins_and_ends_by_count() {
	local got n value line
	fault ones from=2 count=3
	got=
	for n in 0 1 2 3 4 5 6; do
		: "$n"
		value=$(cfg_read "$KT_DEVICE" $VENDOR 4)
		[ "$value" = "$IDS" ] && value=ids
		got="$got $value"
	done
	check_eq "reads" "$got" " ids ids 0xffffffff 0xffffffff 0xffffffff ids ids"
	read -r line < "$FAULT/fault"
	check_eq "fault" "$line" \
		"ones devfn=$FAULT_FN range=0x000-0xfff from=2 count=3: over, seen 5, hits 3"
	fault_off
}

it_ends_by_time() {
	local line
	fault ones ms=50
	check_reads $VENDOR 4 0xffffffff
	check_true "it does not end" wait_for "$KT_WAIT" accessible "$KT_DEVICE"
	read -r line < "$FAULT/fault"
	case $line in
	*" ms=50: over, "*) ;;
	*) fail "fault is '$line'" ;;
	esac
	fault_off
}

# Only what is wiped reads so, and what is written then is read then.
wiped_until_written() {
	local bar value
	fault wiped
	check_reads "$PCI_COMMAND" 2 0x0000
	check_reads $VENDOR 4 "$IDS"
	for bar in $BARS; do
		value=$(cfg_read "$KT_DEVICE" "$bar" 4)
		check_eq "BAR at $bar, address" $((value & ~0xf)) 0
	done
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 "$COMMAND"
	check_reads "$PCI_COMMAND" 2 "$COMMAND"
	fault_off
	check_regs "after it was wiped"
}

stuck_whatever_is_written() {
	fault stuck range=0x0c value=0x77
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 0x10
	check_reads "$PCI_CACHE_LINE_SIZE" 1 0x77
	fault_off
	check_reads "$PCI_CACHE_LINE_SIZE" 1 0x10
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$CACHE_LINE"
}

delay_takes_its_time() {
	local n
	fault_clear
	cfg_read "$KT_DEVICE" $VENDOR 4 > /dev/null
	fault delay us=1000 count=20
	for n in 0 1 2 3 4 5 6 7 8 9; do
		cfg_read "$KT_DEVICE" $((n * 4)) 4 > /dev/null
	done
	fault_counters
	check_eq "faulted" "$FAULTED" 10
	check_reads $VENDOR 4 "$IDS"
	fault_off
}

# would_write FILE OFFSET: sets WOULD to what would be written to a dword, 0 if
# nothing would.
would_write() {
	WOULD=$(sed -n "s/^$(printf '0x%03x' "$2") 4 //p" "$1")
	WOULD=${WOULD:-0}
}

# Past every fault, and without a trace.
registers_are_those_of_the_hardware() {
	local line text
	fault gone
	fault_clear
	line=$(sed -n '1p' "$FAULT_FUNCTION/registers")
	check_eq "first register" "$line" "0x000 4 $IDS"
	echo "$PCI_CACHE_LINE_SIZE 1 0x30" > "$FAULT_FUNCTION/registers"
	fault_counters
	check_eq "accesses" "$ACCESSES" 0
	fault_off
	check_reads "$PCI_CACHE_LINE_SIZE" 1 0x30
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 "$CACHE_LINE"
	for text in 0x0c '0x0c 3 1' '0x0d 2 1' '0x1000 1 0' '0x0c 1 1 1' '12 1 x'; do
		write_errno "$FAULT_FUNCTION/registers" "$text"
		check_eq "write '$text' to registers" "$ERRNO" EINVAL
	done
}

# What a plain restore would write is what the core saved, and nothing of it
# reaches the function.
would_restore_writes_nothing() {
	echo 1 > "$FAULT_FUNCTION/save"
	cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 0x20
	fault_clear
	cat "$FAULT_FUNCTION/would_restore" > "$KT_TMP/would"
	fault_counters
	check_eq "writes" "$WRITES" 0
	would_write "$KT_TMP/would" "$BAR"
	check_eq "the BAR" "$WOULD" "$(cfg_read "$KT_DEVICE" "$BAR" 4)"
	would_write "$KT_TMP/would" "$PCI_CACHE_LINE_SIZE"
	check_eq "Cache Line Size" $((WOULD & 0xff)) $((CACHE_LINE))
	check_reads "$PCI_CACHE_LINE_SIZE" 1 0x20
	echo 1 > "$FAULT_FUNCTION/restore"
	check_regs "after a plain restore"
}

# The injector shows what is the point of all this: an unguarded save of a
# function that is gone is poison.
plain_save_is_poisoned() {
	fault gone
	echo 1 > "$FAULT_FUNCTION/save"
	fault_off
	would_write "$FAULT_FUNCTION/would_restore" "$BAR"
	check_eq "what a restore would write to the BAR" "$WOULD" 0xffffffff
	check_write save 1 OK
	would_write "$FAULT_FUNCTION/would_restore" "$BAR"
	check_eq "after a guarded save" "$WOULD" "$(cfg_read "$KT_DEVICE" "$BAR" 4)"
	check_regs "after a poisoned save"
}

# write_fault TEXT ERRNO
write_fault() {
	write_errno "$FAULT/fault" "$1"
	check_eq "write '$1' to fault" "$ERRNO" "$2"
}

garbage_is_refused() {
	local text line
	for text in ' ' gone=1 CUT_OFF 'gone gone' 'gone from' 'gone from=' \
		'gone from=-1' 'gone from=+1' 'gone from=0x' 'gone count=0' 'gone ms=0' \
		'gone from=1 from=2' 'gone from=99999999999999999999' 'gone devfn=20.0' \
		'gone devfn=00.8' 'gone devfn=0' 'gone range=0x1000' 'gone range=5-4' \
		'gone value=1' 'stuck range=0x0c' 'stuck value=1' 'stuck range=0-4 value=1' \
		'delay' 'delay us=200001' 'off off' "$(printf 'gone\001')"; do
		write_fault "$text" EINVAL
	done
	write_fault "$(printf '%0200d' 0)" EINVAL
	for text in 0000 :01 0000: 80000000:01 0000:1ff 0000:0g x; do
		write_errno "$FAULT_ROOT/wrap" "$text"
		check_eq "write '$text' to wrap" "$ERRNO" EINVAL
	done
	write_errno "$FAULT_ROOT/wrap" 0000:fe
	check_eq "wrap a bus that is not there" "$ERRNO" ENODEV
	write_errno "$FAULT_ROOT/wrap" "$FAULT_BUS"
	check_eq "wrap a bus again" "$ERRNO" EEXIST
	write_errno "$FAULT_ROOT/unwrap" 0000:fe
	check_eq "unwrap a bus that is not wrapped" "$ERRNO" ENOENT
	read -r line < "$FAULT/fault"
	check_eq "fault" "$line" none
	check_regs "after garbage"
}

garbage_is_told() {
	{ echo garbage > "$FAULT/fault"; } 2> /dev/null || :
	dmesg_has 'is no fault'
}

# A program that writes nothing but garbage does not flood the log: a line a second.
garbage_is_told_now_and_then() {
	local n lines
	dmesg_mark garbage
	wait_for "$KT_WAIT" garbage_is_told || fail "nothing is said of it"
	n=0
	while [ $n -lt 300 ]; do
		n=$((n + 1))
		{ echo garbage > "$FAULT/fault"; } 2> /dev/null && fail "garbage is a fault"
	done
	lines=$(dmesg_since "$DMESG_MARK" | grep -c 'is no fault') || :
	[ "$lines" -le 100 ] || fail "300 wrong faults gave $lines lines in the log"
	DMESG_MARK=$KT_DMESG_MARK
}

only_four_at_a_time() {
	local n
	for n in 1 2 3 4; do
		write_fault "ones range=0xff$n" OK
	done
	write_fault "ones range=0xff5" ENOSPC
	fault_off
	write_fault "ones range=0xff5" OK
	fault_off
}

# Unwrapped and unloaded with accesses in flight and faults armed.
in_flight() {
	local reader n
	while :; do
		cat "$SYSFS_PCI/$KT_DEVICE/config" > /dev/null
	done &
	reader=$!
	for n in 1 2 3; do
		fault gone from=$((n * 7)) count=1000
		fault delay us=20
		fault_unwrap
		fault_wrap "$KT_DEVICE"
		fault gone
		rmmod pci_fault
		fault_load
		fault_wrap "$KT_DEVICE"
	done
	kill "$reader"
	wait "$reader" 2> /dev/null || :
	check_regs "after unloading under load"
}

# The function is back after a rescan: with other addresses, and another driver.
taken_again() {
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "$KT_DEVICE does not come back"
	device_bind || fail "$DEVICE_ERROR"
	device_reference || fail "$DEVICE_ERROR"
}

# The bus goes away while it is wrapped and a fault is armed.
bus_removed() {
	if [ -z "$KT_PORT" ] || [ "$KT_GUEST" = 0 ]; then
		skip "removes the port above the device: only in the harness's guest"
		return 0
	fi
	fault_unwrap
	pci_upstream_port "$KT_PORT"
	[ -n "$PORT" ] || RESCAN=/sys/bus/pci/rescan
	[ -z "$PORT" ] || RESCAN=$SYSFS_PCI/$PORT/rescan
	driver_unbind "$KT_DEVICE"
	fault_wrap "$KT_DEVICE"
	fault delay us=1
	echo 1 > "$SYSFS_PCI/$KT_PORT/remove"
	check_false "the device is still there" pci_exists "$KT_DEVICE"
	write_fault gone ENODEV
	write_errno "$FAULT_FUNCTION/save" 1
	check_eq "plain save" "$ERRNO" ENODEV
	fault_unwrap
	echo 1 > "$RESCAN"
	taken_again
	fault_wrap "$KT_DEVICE"
	fault_clear
	check_reads $VENDOR 4 "$IDS"
	fault_counters
	check_eq "reads" "$READS" 1
}

# A bus that appears below a wrapped one is not wrapped, and works without it.
bus_added_below() {
	local own
	if [ -z "$KT_PORT" ] || [ "$KT_GUEST" = 0 ]; then
		skip "removes the port above the device: only in the harness's guest"
		return 0
	fi
	own=$FAULT_BUS
	fault_unwrap
	fault_wrap "$KT_PORT"
	driver_unbind "$KT_DEVICE"
	echo 1 > "$SYSFS_PCI/$KT_PORT/remove"
	echo 1 > "$RESCAN"
	taken_again
	fault_unwrap
	check_reads $VENDOR 4 "$IDS"
	fault_wrap "$KT_DEVICE"
	check_eq "bus" "$FAULT_BUS" "$own"
}

# It says so once that config space is not what the hardware says.
it_says_so() {
	check_dmesg "pci_fault: $FAULT_BUS: a fault or a model"
}

fault_need
IDS=$(cfg_read "$KT_DEVICE" $VENDOR 4)
COMMAND=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
REVISION=$(cfg_read "$KT_DEVICE" 8 4)
CACHE_LINE=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
bars "$KT_DEVICE"
[ -n "$BARS" ] || skip_all "$KT_DEVICE has no base address register in use"
BAR=${BARS%% *}
subtests nothing_armed_changes_nothing gone_reads_ones_and_takes_no_write \
	ones_zeros_and_error drop_loses_writes_only a_range_leaves_the_rest \
	it_begins_and_ends_by_count it_ends_by_time wiped_until_written \
	stuck_whatever_is_written delay_takes_its_time \
	registers_are_those_of_the_hardware would_restore_writes_nothing \
	plain_save_is_poisoned garbage_is_refused \
	garbage_is_told_now_and_then only_four_at_a_time in_flight \
	bus_removed bus_added_below it_says_so
