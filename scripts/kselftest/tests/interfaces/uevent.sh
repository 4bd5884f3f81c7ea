#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A refusal sends a change uevent on the device, so that udev rules can react.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/uevent.sh
. "$KT_DIR/lib/uevent.sh"

bars "$KT_DEVICE"
FIRST_BAR=${BARS%% *}
[ -n "$FIRST_BAR" ] || skip_all "the device has no base address register"

# refuse: makes one guarded save be refused.
refuse() {
	cfg_write "$KT_DEVICE" "$FIRST_BAR" 4 0
	check_write save 1 EIO
	check_write restore 1 OK
	check_regs "after the restore"
}

seqnum_grew() {
	read_line /sys/kernel/uevent_seqnum
	[ "$LINE" -gt "$SEQNUM" ]
}

kernel_sends_one() {
	read_line /sys/kernel/uevent_seqnum
	SEQNUM=$LINE
	refuse
	wait_for "$KT_WAIT" seqnum_grew ||
		fail "the kernel's uevent_seqnum is still $SEQNUM"
}

it_says_what_was_refused() {
	local wanted
	if ! listener_start "$KT_TMP/uevents"; then
		skip "no udevadm, no busybox uevent, or it hears nothing, not even an event of our own"
		return 0
	fi
	check_false "an event of our own looks like a refusal" heard PCI_RECOVERY
	refuse
	wait_for "$KT_WAIT" heard '^PCI_RECOVERY=refusal$' ||
		fail "no uevent with PCI_RECOVERY=refusal"
	heard '^PCI_RECOVERY_REASON=..*' || fail "no PCI_RECOVERY_REASON in it"
	listener_stop
	awk -v RS= '/PCI_RECOVERY=refusal/ { print; exit }' "$KT_TMP/uevents" \
		> "$KT_TMP/uevent"
	for wanted in "ACTION=change" "DEVPATH=.*/$KT_DEVICE" SUBSYSTEM=pci; do
		grep -q "^$wanted\$" "$KT_TMP/uevent" ||
			fail "no line '$wanted' in the uevent"
	done
}

subtests kernel_sends_one it_says_what_was_refused
