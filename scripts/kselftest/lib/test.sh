# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox source-path=SCRIPTDIR disable=SC2034 # answers in variables
#
# What a test script begins with. The runner sets the environment:
#
#	KT_DIR KT_TMP KT_TEST      this directory, a scratch one, the test's name
#	KT_DEVICE KT_PORT          the function under test, the port above it
#	KT_MODULE KT_OWN_MODULE    the .ko (empty: modprobe); 1: may be unloaded
#	KT_INJECT KT_INJECT_ID     the injection back end (lib/inject.sh)
#	KT_GUEST KT_WAIT           1 in the harness's guest; seconds to wait
#	KT_SLOW                    how many times as long as usual all takes
#	KT_DMESG_MARK              the kernel log's line before the test
#	KT_FORGIVEN                damage in the log that is a fault of Linux
#	KT_BYTES                   how far their configuration space has registers
#
# It has bound the device to pci_recovery and stored its registers in
# $KT_TMP/reference.regs; after the test it verifies both.
set -eu

: "${KT_DIR:?tests are run by run_kselftest.sh}"
DMESG_MARK=$KT_DMESG_MARK

# shellcheck source=util.sh
. "$KT_DIR/lib/util.sh"
# shellcheck source=ktap.sh
. "$KT_DIR/lib/ktap.sh"
# shellcheck source=pci.sh
. "$KT_DIR/lib/pci.sh"
# shellcheck source=driver.sh
. "$KT_DIR/lib/driver.sh"
# shellcheck source=cut_off.sh
. "$KT_DIR/lib/cut_off.sh"
# shellcheck source=fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=inject.sh
. "$KT_DIR/lib/inject.sh"
# shellcheck source=dmesg.sh
. "$KT_DIR/lib/dmesg.sh"
# shellcheck source=device.sh
. "$KT_DIR/lib/device.sh"

# A test that is run with pci_guard loaded, too (tests/guard/guarded_*).
if [ -n "${KT_WITH_GUARD-}" ]; then
	# shellcheck source=guard.sh
	. "$KT_DIR/lib/guard.sh"
	guard_need
	KT_LAST_SUBTEST=guard_stood_by
fi

# check_regs WHEN: every register is as it was before the test.
check_regs() {
	if ! regs_same > "$KT_TMP/difference"; then
		fail "registers differ $1:"
		diag_lines < "$KT_TMP/difference"
	fi
}

# check_damaged: some register does not read what it should. Without this, a
# repair that does nothing would pass.
check_damaged() {
	cfg_dump "$KT_DEVICE" > "$KT_TMP/damaged"
	! regs_same > "$KT_TMP/difference" ||
		fail "the registers cannot be damaged"
}

# check_still_damaged: and nothing has changed since check_damaged.
check_still_damaged() {
	cfg_dump "$KT_DEVICE" > "$KT_TMP/bytes"
	cmp -s "$KT_TMP/damaged" "$KT_TMP/bytes" ||
		fail "a refused write has changed registers"
}

# check_saved_agrees WHEN: the known-good state is what the registers are.
check_saved_agrees() {
	local first rest
	# Not again if neither has changed since they last agreed.
	saved_copy "$KT_TMP/saved.check"
	cfg_dump "$KT_DEVICE" > "$KT_TMP/bytes.check"
	if cmp -s "$KT_TMP/saved.check" "$KT_TMP/saved.agreed" &&
		cmp -s "$KT_TMP/bytes.check" "$KT_TMP/bytes.agreed"; then
		return 0
	fi
	regs_against_saved "$KT_DEVICE" "$KT_TMP/saved.check" > "$KT_TMP/against"
	while read -r first rest; do
		if [ "$first" != compared ]; then
			fail "saved is not the register $1: $first $rest"
		elif [ "$rest" -lt 16 ]; then
			fail "saved has only $rest registers $1"
		elif ! failed; then
			mv "$KT_TMP/saved.check" "$KT_TMP/saved.agreed"
			mv "$KT_TMP/bytes.check" "$KT_TMP/bytes.agreed"
		fi
	done < "$KT_TMP/against"
}

# saved_value OFFSET: sets SAVED to the known-good value at OFFSET (a number),
# in the driver's own notation, empty when it is not saved.
saved_value() {
	local offset value
	SAVED=
	while read -r offset _ _ value; do
		[ $((offset)) -ne $(($1)) ] || SAVED=$value
	done < "$DEBUGFS/$KT_DEVICE/saved"
}

# check_status KEY VALUE
check_status() {
	status_get "$1"
	check_eq "status, $1" "$STATUS" "$2"
}

# check_write FILE TEXT ERRNO: a write to a debugfs file and its errno.
check_write() {
	debugfs_write "$1" "$2"
	# pci_guard has the device lock for a moment when it restores what has come back.
	if [ "$ERRNO" = EBUSY ] && [ "$3" != EBUSY ]; then
		wait_for "$KT_WAIT" debugfs_written "$1" "$2" || :
	fi
	check_eq "write to $1" "$ERRNO" "$3"
}

# debugfs_written FILE TEXT: writes it, and nobody else has the device lock.
debugfs_written() {
	debugfs_write "$1" "$2"
	[ "$ERRNO" != EBUSY ]
}

# check_event EVENT: the driver has logged it by now.
check_event() {
	event_happened "$1" || fail "no event '$1'; new events: ${EVENTS:-none}"
}

# await_event EVENT: the driver logs it, within a bound.
await_event() {
	wait_for "$KT_WAIT" event_happened "$1" ||
		fail "no event '$1' within $KT_WAIT s; new events: ${EVENTS:-none}"
}

# check_callbacks WHAT: the PCI core called these, in this order, and no others.
check_callbacks() {
	callbacks_new
	check_eq "callbacks" "$CALLBACKS" "$1"
}

# check_no_event EVENT...: none of these was logged since the mark.
check_no_event() {
	local event
	events_new
	for event in "$@"; do
		case "; $EVENTS" in
		*"; $event"*) fail "there is an event '$event': $EVENTS" ;;
		esac
	done
}

# dmesg_has TEXT: true where there is a line with TEXT (grep -E) since the test began, or
# since its last dmesg_mark.
dmesg_has() {
	dmesg_since "$DMESG_MARK" | grep -qE "$1"
}

check_dmesg() {
	dmesg_has "$1" || fail "no line '$1' in dmesg"
}

# await_dmesg TEXT: within a bound.
await_dmesg() {
	wait_for "$KT_WAIT" dmesg_has "$1" ||
		fail "no line '$1' in dmesg within $KT_WAIT s"
}

# check_counted COR NONFATAL FATAL: the kernel's counters of the device have
# grown by exactly these since aer_mark.
check_counted() {
	wait_for "$KT_WAIT" aer_counted "$@" ||
		fail "aer_dev_* (correctable, non-fatal, fatal) are $AER_TOTALS, should be $AER_WANT"
}
