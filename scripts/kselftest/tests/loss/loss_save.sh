#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 17
#
# The function is lost at any access of a guarded save, for any number of
# accesses: the save is refused, and what was known good stays, whole.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

path_save() {
	driver_write save
}

# A save that was refused kept the old state; one that was not has the new one.
refused_or_new() {
	case $RESULT$SAVED_STATE in
	ok"$NEW" | error"$1") ;;
	*) wrong "$RESULT, but the known-good state is $SAVED_STATE; it was $1, the function has $NEW" ;;
	esac
	[ "$BUFFER_STATE" = "$SAVED_STATE" ] ||
		wrong "the known-good state is $SAVED_STATE, the core's buffer $BUFFER_STATE"
}

# The accesses of a plain save, and Command/Status before and after.
two_reads_more_than_plain() {
	local line
	fault_clear
	echo 1 > "$FAULT_FUNCTION/save"
	fault_counters
	PLAIN=$ACCESSES
	fault_clear
	check_write save 1 OK
	fault_counters
	check_eq "accesses of a guarded save" "$ACCESSES" $((PLAIN + 2))
	fault_record > "$KT_TMP/record"
	for line in "$(sed -n 1p "$KT_TMP/record")" "$(sed -n '$p' "$KT_TMP/record")"; do
		case $line in
		"$FAULT_FN r 0x004 4 "*) ;;
		*) fail "not a read of Command/Status: $line" ;;
		esac
	done
}

# A function that is gone is read once.
gone_is_asked_once() {
	fault gone
	fault_clear
	check_write save 1 EIO
	fault_counters
	check_eq "accesses" "$ACCESSES" 1
	fault_off
	status_get last_refusal
	check_eq last_refusal "$STATUS" "config space reads all-ones"
}

# And by Command/Status: a virtual function has no vendor ID.
asked_by_command_not_by_vendor() {
	fault ones range=0x04-0x07
	fault_clear
	check_write save 1 EIO
	fault_counters
	check_eq "accesses" "$ACCESSES" 1
	fault_off
}

# A mask of AER that is all-ones is read once more.
lost_from_every_access() {
	local masks offset
	masks=0
	if cap_find "$KT_DEVICE" 0001; then
		for offset in 8 12 20; do
			[ $(($(cfg_read "$KT_DEVICE" $((CAP + offset)) 4))) -ne $((0xffffffff)) ] ||
				masks=$((masks + 1))
		done
	fi
	sweep_begin save no path_save refused_or_new
	check_eq "accesses" "$N" $((PLAIN + 2 + masks))
	sweep_from
	sweep_end
}

# Every loss that ends by itself, wherever it begins and ends; of hundreds of accesses, not
# each end.
lost_between_any_two() {
	local end
	sweep_begin save_windows no path_save refused_or_new
	end=1
	while [ "$end" -lt "$N" ]; do
		sweep_until "$end"
		end=$((end + 1 + N / 200))
	done
	sweep_end
}

# Reset at any access: BARs and Command read as after a reset.
wiped_is_refused() {
	[ "$RESULT" = error ] || [ "${sf_k:-$N}" -ge "$N" ] ||
		wrong "the save of a function that was reset succeeds"
	refused_or_new "$1"
}

wiped_from_every_access() {
	sweep_begin save_wiped no path_save wiped_is_refused
	sweep_from wiped
	sweep_end
}

sweep_setup
subtests two_reads_more_than_plain gone_is_asked_once \
	asked_by_command_not_by_vendor lost_from_every_access lost_between_any_two \
	wiped_from_every_access
