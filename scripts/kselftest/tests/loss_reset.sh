#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The function is lost at any access of a reset through sysfs, by each method: in
# the save of the driver, in that of the core, in the reset, in the restore.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

# Shorter than a reset takes; by pm, it may last until after it.
SWEEP_ENDS=ms=30

path_reset() {
	echo 1 > "$SYSFS_PCI/$KT_DEVICE/reset"
} 2> /dev/null

reset_by() {
	case " $METHODS " in
	*" $1 "*) ;;
	*)
		skip "the device has no reset method $1"
		return 0
		;;
	esac
	if [ "$1" = bus ] && [ -n "$SIBLINGS" ]; then
		skip "a bus reset would hit other functions, too: $SIBLINGS"
		return 0
	fi
	echo "$1" > "$METHOD_FILE"
	sweep_begin "reset_$1" yes path_reset
	sweep_from
	sweep_end
	sweep_begin "reset_$1_moments" yes path_reset
	sweep_moments saved
	sweep_restore
	sweep_end
}

give_methods_back() {
	echo "$METHODS" > "$METHOD_FILE"
}

METHOD_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
[ -e "$METHOD_FILE" ] || skip_all "the device has no reset method"
read_line "$METHOD_FILE"
METHODS=$LINE
pci_siblings "$KT_DEVICE"
SWEEP_CORE_SAVES=1
sweep_setup
at_exit give_methods_back
subtests "reset_by flr" "reset_by pm" "reset_by bus"
