# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Resets through sysfs, by one method. Choosing it keeps the core from trying the
# next ones, which wait a minute for a function that is gone.

# reset_find: sets METHODS to the methods that the device offers and the kernel accepts, in
# the device's own order. False where there are none.
#
# The kernel offers `bus` to the first function of a device, which was alone when
# it was found, and refuses it once there are others.
reset_find() {
	local method
	METHOD_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
	METHODS=
	read_line "$METHOD_FILE"
	for method in $LINE; do
		if { echo "$method" > "$METHOD_FILE"; } 2> /dev/null; then
			METHODS="${METHODS:+$METHODS }$method"
		fi
	done
	[ -n "$METHODS" ]
}

# reset_need: sets METHODS to the methods that the device offers; they are all
# allowed again at the test's end. Skips the whole test where there are none.
reset_need() {
	METHOD_FILE=$SYSFS_PCI/$KT_DEVICE/reset_method
	read_line "$METHOD_FILE"
	METHODS=$LINE
	[ -n "$METHODS" ] || skip_all "the device offers no reset method"
	at_exit reset_methods_back
}

# reset_methods_back: every method is allowed, in the device's own order.
reset_methods_back() {
	echo "$METHODS" > "$METHOD_FILE"
}

# reset_method METHOD: from now on it is reset by this one only. False, and the subtest
# skipped, where it has no such method, or others would be reset with it.
reset_method() {
	case " $METHODS " in
	*" $1 "*) ;;
	*)
		skip "the device has no reset method $1"
		return 1
		;;
	esac
	pci_siblings "$KT_DEVICE"
	if [ "$1" = bus ] && [ -n "$SIBLINGS" ]; then
		skip "a bus reset would hit other functions, too: $SIBLINGS"
		return 1
	fi
	echo "$1" > "$METHOD_FILE"
}

# reset_device: resets it. Sets ERRNO.
reset_device() {
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
}

# secondary_bus_reset PORT: resets the bus below it behind the kernel's back, as the recovery
# from an error does with who cannot restore what it wipes.
secondary_bus_reset() {
	local control
	control=$(cfg_read "$1" 0x3e 2)
	cfg_write "$1" 0x3e 2 $((control | 0x40))
	sleep 0.1
	cfg_write "$1" 0x3e 2 "$control"
	wait_for "$KT_WAIT" accessible "$KT_DEVICE"
}
