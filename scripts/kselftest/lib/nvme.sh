# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The device under test in the hands of the kernel's driver nvme, and what is on its disk.
# A controller that is dead lets dd end well, with no bytes: they are counted.

NVME_DIR=/sys/bus/pci/drivers/nvme
# What is written once and has to stay, and the rounds of traffic behind it, in KiB: blocks
# of 64.
NVME_KEPT=1024
NVME_BUSY=256
NVME_IO=

# nvme_possible: false, with NVME_REASON, where there is no driver nvme.
nvme_possible() {
	NVME_REASON="no module nvme"
	kmod_possible nvme || [ -d "$NVME_DIR" ]
}

# nvme_bind: gives the device to nvme; false, with NVME_STATE, when it does not work.
nvme_bind() {
	[ -d "$NVME_DIR" ] || kmod_load nvme
	! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" nvme
	write_errno "$NVME_DIR/bind" "$KT_DEVICE"
	wait_for "$KT_WAIT" nvme_is_live
}

# nvme_is_live: the controller's driver says that it works. Sets NVME to its directory.
nvme_is_live() {
	local dir
	NVME_STATE=none
	for dir in "$SYSFS_PCI/$KT_DEVICE"/nvme/nvme*; do
		[ -e "$dir/state" ] || continue
		read_line "$dir/state"
		NVME_STATE=$LINE
		NVME=$dir
	done
	[ "$NVME_STATE" = live ]
}

# nvme_has_decided: the driver resets the controller in the background, after a suspend
# too, and says "resetting" and "connecting" until it knows.
nvme_has_decided() {
	nvme_is_live || [ "$NVME_STATE" = dead ] || [ "$NVME_STATE" = none ]
}

# nvme_works: it is reset by its driver, identified, and lives.
nvme_works() {
	wait_for "$KT_WAIT" nvme_has_decided || return 1
	nvme_is_live || return 1
	write_errno "$NVME/reset_controller" 1
	[ "$ERRNO" = OK ] && wait_for "$KT_WAIT" nvme_is_live
}

# nvme_disk_find: sets NVME_DISK to its first disk; false where there is none.
nvme_disk_find() {
	local dir
	for dir in "$NVME"/nvme*n1; do
		NVME_DISK=/dev/${dir##*/}
	done
	[ -b "$NVME_DISK" ]
}

# nvme_write FILE KIB AT: KIB of random bytes go into FILE and onto the disk, AT KiB from its
# start, past the page cache. nvme_read FILE KIB AT: reads them. Both are false unless all
# bytes have gone that way.
nvme_write() {
	local out
	dd if=/dev/urandom of="$1" bs=1k count="$2" 2> /dev/null
	out=$(dd if="$1" of="$NVME_DISK" bs=64k seek=$(($3 * 1024)) \
		oflag=direct,seek_bytes conv=notrunc,fsync 2>&1) || return 1
	case $out in
	*"$(($2 / 64))+0 records out"*) ;;
	*) return 1 ;;
	esac
}

nvme_read() {
	dd if="$NVME_DISK" of="$1" bs=64k skip=$(($3 * 1024)) count=$(($2 * 1024)) \
		iflag=direct,skip_bytes,count_bytes 2> /dev/null || return 1
	[ "$(wc -c < "$1")" -eq $(($2 * 1024)) ]
}

# nvme_keep: what nvme_kept finds later. False when it cannot be written.
nvme_keep() {
	nvme_write "$KT_TMP/nvme.kept" "$NVME_KEPT" 0
}

# nvme_kept: is it on the disk, byte for byte? Sets NVME_BYTES to how many are right.
nvme_kept() {
	local wrong
	: > "$KT_TMP/nvme.now"
	nvme_read "$KT_TMP/nvme.now" "$NVME_KEPT" 0 || :
	NVME_BYTES=$(wc -c < "$KT_TMP/nvme.now")
	cmp -s "$KT_TMP/nvme.kept" "$KT_TMP/nvme.now" && return 0
	# Those that are there and differ.
	wrong=$(cmp -l "$KT_TMP/nvme.kept" "$KT_TMP/nvme.now" 2> /dev/null | wc -l)
	NVME_BYTES=$((NVME_BYTES - wrong))
	return 1
}

# check_nvme WHEN: it is, and as much can be written and read.
check_nvme() {
	wait_for "$KT_WAIT" nvme_is_live || fail "the controller is '$NVME_STATE', not live, $1"
	nvme_kept || fail "$NVME_BYTES of $((NVME_KEPT * 1024)) bytes are as they were $1"
	nvme_write "$KT_TMP/nvme.new" "$NVME_BUSY" "$NVME_KEPT" || fail "nothing can be written $1"
	nvme_read "$KT_TMP/nvme.now" "$NVME_BUSY" "$NVME_KEPT" || fail "nothing can be read $1"
	cmp -s "$KT_TMP/nvme.new" "$KT_TMP/nvme.now" || fail "what is written is not what is read $1"
}

# nvme_io_start once|again: from now on somebody writes, reads back and compares, without a pause.
# With `again` a write or read that fails is made once more, and counted in nvme.failed.
# nvme_io_stop: he has done so once more, and ends; false when a byte was wrong or missing.
# Sets NVME_ROUNDS.
nvme_io_start() {
	: > "$KT_TMP/nvme.go_on"
	: > "$KT_TMP/nvme.wrong"
	: > "$KT_TMP/nvme.failed"
	echo 0 > "$KT_TMP/nvme.rounds"
	while [ -e "$KT_TMP/nvme.go_on" ]; do
		nvme_io_round "$1" || break
	done &
	NVME_IO=$!
}

nvme_io_round() {
	local number at
	read -r number < "$KT_TMP/nvme.rounds"
	at=$((NVME_KEPT + NVME_BUSY * (1 + number % 8)))
	if ! nvme_write "$KT_TMP/nvme.io" "$NVME_BUSY" "$at" ||
		! nvme_read "$KT_TMP/nvme.io.now" "$NVME_BUSY" "$at"; then
		echo "round $number" >> "$KT_TMP/nvme.failed"
		[ "$1" != again ] || return 0
		echo "round $number: cannot be written or read" > "$KT_TMP/nvme.wrong"
		return 1
	fi
	if ! cmp -s "$KT_TMP/nvme.io" "$KT_TMP/nvme.io.now"; then
		echo "round $number: what is read is not what was written" > "$KT_TMP/nvme.wrong"
		return 1
	fi
	echo $((number + 1)) > "$KT_TMP/nvme.rounds"
}

# nvme_io_goes_on: a round is over that began after nvme_io_stop was called.
nvme_io_goes_on() {
	read_line "$KT_TMP/nvme.rounds"
	[ -s "$KT_TMP/nvme.wrong" ] || [ "${LINE:-0}" -gt $((NVME_ROUNDS + 1)) ]
}

nvme_io_stop() {
	local status
	[ -n "$NVME_IO" ] || return 0
	read_line "$KT_TMP/nvme.rounds"
	NVME_ROUNDS=${LINE:-0}
	status=0
	wait_for "$KT_WAIT" nvme_io_goes_on || status=1
	rm -f "$KT_TMP/nvme.go_on"
	wait "$NVME_IO" || :
	NVME_IO=
	[ ! -s "$KT_TMP/nvme.wrong" ] || status=1
	read_line "$KT_TMP/nvme.rounds"
	NVME_ROUNDS=${LINE:-0}
	return "$status"
}
