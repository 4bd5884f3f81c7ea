#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The other injection back end: the kernel's own aer_inject fakes the error, and
# the driver sees the same callbacks as with a real one.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/aer_survived.sh
. "$KT_DIR/lib/aer_survived.sh"

if [ "$KT_INJECT" = aer_inject ]; then
	skip_all "aer_inject is the back end of this run: the other tests use it"
fi
aer_inject_possible || skip_all "$AER_INJECT_REASON"
KT_INJECT=aer_inject
at_exit aer_inject_unload

# A record that the kernel cannot take is refused, and nothing happens.
nonsense_is_refused() {
	aer_mark
	events_mark
	aer_inject_load
	check_false "aer_inject took a record for a function that does not exist" \
		record ffff:ff:1f.7 0 0x4000
	write_errno "$AER_INJECT_DEV" "too short"
	check_eq "a short record" "$ERRNO" EINVAL
	check_counted 0 0 0
	events_new
	check_eq "new events" "$EVENTS" ""
}

record() {
	guest aer-record "$@" "$AER_INJECT_DEV" > /dev/null 2>&1
}

subtests correctable nonfatal nonsense_is_refused
