#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme zpci
# timeout: 120
# weight: 12
#
# Registers that somebody changed on purpose after the first save: with the next
# save the change is what is known to be good, and it is what every way back
# brings back. Each register that a driver, or the core for it, may configure and
# that the function has.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=../../lib/refusal.sh
. "$KT_DIR/lib/refusal.sh"

# registers: prints "NAME OFFSET SIZE BITS" of all that might be changed: the bits
# are turned over.
registers() {
	echo "Command_INTx_Disable $PCI_COMMAND 2 0x400"
	echo "Cache_Line_Size $PCI_CACHE_LINE_SIZE 1 0x10"
	if cap_find "$KT_DEVICE" 10; then
		echo "Device_Control_error_reporting $((CAP + 8)) 2 0x8"
		echo "Device_Control_Relaxed_Ordering $((CAP + 8)) 2 0x10"
		echo "Device_Control_No_Snoop $((CAP + 8)) 2 0x800"
		echo "Device_Control_MRRS $((CAP + 8)) 2 0x1000"
		# Only a size that the function has.
		[ $(($(cfg_read "$KT_DEVICE" $((CAP + 4)) 4) & 7)) -eq 0 ] ||
			echo "Device_Control_MPS $((CAP + 8)) 2 0x20"
		echo "Link_Control_Extended_Synch $((CAP + 16)) 2 0x80"
		echo "Device_Control_2_Timeout_Disable $((CAP + 40)) 2 0x10"
		echo "Device_Control_2_LTR $((CAP + 40)) 2 0x400"
		echo "Link_Control_2_Target_Speed $((CAP + 48)) 2 0x3"
	fi
	if cap_find "$KT_DEVICE" 0001; then
		echo "AER_Uncorrectable_Mask $((CAP + 8)) 4 0x4000"
		echo "AER_Uncorrectable_Severity $((CAP + 12)) 4 0x4000"
		echo "AER_Correctable_Mask $((CAP + 20)) 4 0x1000"
		echo "AER_Control_ECRC $((CAP + 24)) 4 0x140"
	fi
	! cap_find "$KT_DEVICE" 0018 || echo "LTR_Max_Snoop_Latency $((CAP + 4)) 2 0x1"
}

# Those that can be: "NAME OFFSET SIZE OLD NEW", in $KT_TMP/changed. Two that are
# in one register change different bits of it.
find_registers() {
	local name offset size bits old new
	: > "$KT_TMP/changed"
	FIXED=
	while read -r name offset size bits; do
		old=$(($(cfg_read "$KT_DEVICE" "$offset" "$size")))
		cfg_write "$KT_DEVICE" "$offset" "$size" $((old ^ bits))
		new=$(($(cfg_read "$KT_DEVICE" "$offset" "$size")))
		cfg_write "$KT_DEVICE" "$offset" "$size" "$old"
		bits=$(((old ^ new) & bits))
		if [ "$bits" -ne 0 ]; then
			echo "$name $offset $size $bits $((old & bits))" >> "$KT_TMP/changed"
		else
			FIXED="$FIXED $name"
		fi
	done << END
$(registers)
END
}

# bits_turn OFFSET SIZE BITS: turns them over, behind everybody's back.
bits_turn() {
	cfg_write "$KT_DEVICE" "$1" "$2" $(($(cfg_read "$KT_DEVICE" "$1" "$2") ^ $3))
}

# change_all: every one of them; again, and they are as they were.
change_all() {
	local offset size bits
	while read -r _ offset size bits _; do
		bits_turn "$offset" "$size" "$bits"
	done < "$KT_TMP/changed"
}

# check_changed WHEN: each of them has its changed value.
check_changed() {
	local name offset size bits old is
	while read -r name offset size bits old; do
		is=$(($(cfg_read "$KT_DEVICE" "$offset" "$size") & bits))
		[ "$is" -eq $((old ^ bits)) ] ||
			fail "$1: $name ($(printf 0x%03x "$offset"), bits $(printf 0x%x "$bits")) is $(printf 0x%x "$is") again"
	done < "$KT_TMP/changed"
}

# Whatever was changed is as it was, and saved. Known-good registers of the PCI
# Express capability do not all become 0 by a save: a fresh start may have them so.
undo() {
	device_reconnect
	regs_write_back "$KT_DEVICE" reference || :
	rebind
}

# saved_bits OFFSET BITS: sets SAVED to those bits of a register's known-good value,
# empty when it has none.
saved_bits() {
	local shift
	shift=0
	saved_value "$1"
	if [ -z "$SAVED" ]; then
		# A part of a register of four bytes.
		saved_value $(($1 & ~3))
		shift=$((($1 & 3) * 8))
	fi
	[ -z "$SAVED" ] || SAVED=$((SAVED >> shift & $2))
}

# One at a time: it is saved, and comes back when it alone is lost.
each_alone() {
	local name offset size bits old is
	while read -r name _; do
		diag "changes $name"
	done < "$KT_TMP/changed"
	[ -z "$FIXED" ] || diag "not writable here:$FIXED"
	while read -r name offset size bits old; do
		bits_turn "$offset" "$size" "$bits"
		debugfs_write save 1
		check_eq "$name: save" "$ERRNO" OK
		saved_bits "$offset" "$bits"
		check_eq "$name in the known-good state" "$SAVED" $((old ^ bits))
		bits_turn "$offset" "$size" "$bits"
		debugfs_write restore 1
		check_eq "$name: restore" "$ERRNO" OK
		is=$(($(cfg_read "$KT_DEVICE" "$offset" "$size") & bits))
		[ "$is" -ne "$old" ] || fail "$name did not come back"
		bits_turn "$offset" "$size" "$bits"
		# As in undo.
		debugfs_write save 1
		[ "$ERRNO" = OK ] || rebind
	done < "$KT_TMP/changed"
	check_regs "with each as it was"
}

# changed: all of them are changed and saved, then a path loses them.
changed() {
	change_all
	check_write save 1 OK
	check_changed "before"
	events_mark
}

after_a_loss() {
	changed
	device_wipe
	change_all
	check_write restore 1 OK
	check_changed "after a restore"
	undo
}

after_a_fatal_error() {
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	changed
	if [ "$KT_INJECT" = zpci ] || cap_find "$KT_DEVICE" 0001; then
		check_inject fatal || return 0
	else
		check_inject_at_port fatal || return 0
	fi
	await_event resume
	check_event "slot_reset recovered"
	check_changed "after a fatal error"
	undo
}

# The core saves before such a reset, but not what the driver knows to be good.
after_a_reset() {
	local methods
	read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
	methods=$LINE
	case " $methods " in
	*" $1 "*) ;;
	*)
		skip "the device has no reset method $1"
		return 0
		;;
	esac
	changed
	echo "$1" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	check_eq "reset" "$ERRNO" OK
	check_event reset_done
	check_changed "after a reset by $1"
	undo
}

# Without a save before it: the one of suspend is enough.
after_suspend_to_ram() {
	if ! s3_possible; then
		skip "$SLEEP_REASON"
		return 0
	fi
	change_all
	events_mark
	s3_prepare
	check_s3
	s3_undo
	check_event pm_resume
	check_no_event refusal mismatch lost
	check_changed "after suspend to RAM"
	undo
}

at_exit undo
find_registers
[ -s "$KT_TMP/changed" ] || skip_all "the device has no register to be changed"
subtests each_alone after_a_loss after_a_fatal_error "after_a_reset flr" \
	"after_a_reset pm" "after_a_reset bus" after_suspend_to_ram
