#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: vfio_igb
# timeout: 300
# weight: 40
#
# The kernel's own VFIO selftests pass, without pci_guard and with it, with the same
# lines; scripts/build-vfio-selftests.sh builds them.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=../../lib/guarded.sh
. "$KT_DIR/lib/guarded.sh"
# shellcheck source=../../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../../lib/vfio.sh
. "$KT_DIR/lib/vfio.sh"

ARCHIVE=$KT_DIR/tools/vfio_selftests-$(uname -r).tar.xz
HUGE_PAGES=/proc/sys/vm/nr_hugepages

# without_iommufd PROGRAM: sets WITHOUT to the options that leave out the variants for IOMMUFD,
# which Debian's kernel does not have.
without_iommufd() {
	WITHOUT=$("$KT_TMP/$1" -l "$KT_DEVICE" 2>&1 | tr -s ' ' '\n' |
		sed -n '/^iommufd/s/^/-V /p' | sort -u)
}

# run PROGRAM WHEN: its lines are in $KT_TMP/PROGRAM.WHEN, and its result in STATUS.
run() {
	STATUS=0
	# shellcheck disable=SC2086 # several
	"$KT_TMP/$1" $WITHOUT "$KT_DEVICE" > "$KT_TMP/$1.log" 2>&1 || STATUS=$?
	grep -E '^(TAP |1\.\.|ok |not ok |# Totals)' "$KT_TMP/$1.log" > "$KT_TMP/$1.$2" || :
	[ "$STATUS" -eq 0 ] || {
		fail "it ends with $STATUS $2 the guard:"
		tail -n 16 "$KT_TMP/$1.log" | diag_lines
	}
}

# both PROGRAM: without the guard, and with it.
both() {
	without_iommufd "$1"
	run "$1" without
	guard_load || fail "cannot load the guard: $GUARD_ERROR"
	run "$1" with
	check_no_refusal
	guard_unload || fail "cannot unload the guard: $GUARD_ERROR"
	diag "$(grep '^# Totals' "$KT_TMP/$1.with")"
	diff "$KT_TMP/$1.without" "$KT_TMP/$1.with" > "$KT_TMP/diff" || {
		fail "the lines differ:"
		diag_lines < "$KT_TMP/diff"
	}
}

left_out() {
	case $1 in
	vfio_iommufd_setup_test) skip "Debian's kernel has no IOMMUFD" ;;
	*) skip "the device has to write to 1 GiB of memory, which takes an emulated machine too long" ;;
	esac
}

undo() {
	guard_unload || :
	echo 0 > "$HUGE_PAGES"
	guarded_driver_back
}

guard_possible || skip_all "$GUARD_REASON"
vfio_possible || skip_all "$VFIO_REASON"
[ -e "$ARCHIVE" ] || skip_all "there is no ${ARCHIVE##*/}: make check builds it from the kernel's source"
fault_need
at_exit undo
tar -xJf "$ARCHIVE" -C "$KT_TMP"
echo 2 > "$HUGE_PAGES"
vfio_bind || skip_all "$KT_DEVICE does not bind to vfio-pci: $ERRNO"
echo 1 > /sys/module/vfio_pci/parameters/enable_sriov
set --
for program in "$KT_TMP"/vfio_*_test; do
	set -- "$@" "both ${program##*/}"
done
subtests "$@" "left_out vfio_iommufd_setup_test" "left_out vfio_pci_driver_test"
