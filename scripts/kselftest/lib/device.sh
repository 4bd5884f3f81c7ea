# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The device under test as a whole: taken from its driver and given back,
# brought into a known state before each test, verified after it.

# device_bdf ID: sets BDF to the function that the topology calls ID; false when
# it is not there.
device_bdf() {
	local id path
	BDF=
	[ -r "$TOPOLOGY" ] || return 1
	while read -r id path _; do
		[ "$id" = "$1" ] || continue
		pci_by_path "$path"
		return
	done < "$TOPOLOGY"
	return 1
}

# device_choose BDF|"": sets KT_DEVICE, KT_PORT and KT_GUEST. Without a BDF the
# one that the guest's topology marks `test`. False, with DEVICE_ERROR.
device_choose() {
	local id path mark
	KT_GUEST=0
	[ ! -r "$TOPOLOGY" ] || KT_GUEST=1
	KT_DEVICE=$1
	if [ -z "$KT_DEVICE" ] && [ "$KT_GUEST" = 1 ]; then
		while read -r id path mark; do
			[ "$mark" = test ] || continue
			DEVICE_ERROR="$TOPOLOGY: there is no function at $path ($id)"
			pci_by_path "$path" || return 1
			KT_DEVICE=$BDF
			break
		done < "$TOPOLOGY"
	fi
	DEVICE_ERROR="name the device: --device 0000:01:00.0"
	[ -n "$KT_DEVICE" ] || return 1
	case $KT_DEVICE in
	????:*) ;;
	*) KT_DEVICE=0000:$KT_DEVICE ;;
	esac
	DEVICE_ERROR="there is no PCI function $KT_DEVICE (see $SYSFS_PCI)"
	pci_exists "$KT_DEVICE" || return 1
	DEVICE_ERROR="$KT_DEVICE is a bridge; name a function below it"
	read_line "$SYSFS_PCI/$KT_DEVICE/class"
	case $LINE in
	0x06*) return 1 ;;
	esac
	pci_upstream_port "$KT_DEVICE"
	KT_PORT=$PORT
	export KT_DEVICE KT_PORT KT_GUEST
}

# device_needed: true where the machine needs the device right now. Then it must not
# be taken from its driver. Sets DEVICE_ERROR to what needs it.
device_needed() {
	local net block name
	read_line "$SYSFS_PCI/$KT_DEVICE/boot_vga"
	DEVICE_ERROR="$KT_DEVICE is this machine's screen"
	[ "$LINE" != 1 ] || return 0
	for net in "$SYSFS_PCI/$KT_DEVICE"/net/* "$SYSFS_PCI/$KT_DEVICE"/*/net/*; do
		read_line "$net/operstate"
		DEVICE_ERROR="$KT_DEVICE has the network interface ${net##*/}, which is up"
		[ "$LINE" != up ] || return 0
	done
	for block in /sys/class/block/*; do
		case $(readlink -f "$block") in
		*/"$KT_DEVICE"/*) ;;
		*) continue ;;
		esac
		name=${block##*/}
		DEVICE_ERROR="$KT_DEVICE has the disk $name, which is in use"
		[ -z "$(ls "$block/holders")" ] || return 0
		! grep -q "^/dev/$name " /proc/mounts /proc/swaps || return 0
	done
	return 1
}

# device_take: loads the module where needed and binds the device to it, noting
# what to give back. False, with DEVICE_ERROR.
device_take() {
	pci_driver "$KT_DEVICE"
	device_old_driver=$PCI_DRIVER
	read_line "$SYSFS_PCI/$KT_DEVICE/driver_override"
	device_old_override=$LINE
	[ "$LINE" != '(null)' ] || device_old_override=
	device_taken=1
	KT_OWN_MODULE=1
	if module_loaded && [ "$KT_GUEST" = 0 ]; then
		KT_OWN_MODULE=0
	fi
	export KT_OWN_MODULE
	device_module_was_loaded=0
	! module_loaded || device_module_was_loaded=1
	device_bind
}

# device_bind: loads the module if it is not, binds the device if it is not.
device_bind() {
	if ! module_loaded && ! module_load; then
		DEVICE_ERROR="cannot load the module: $MODULE_ERROR (is it built for this kernel?)"
		return 1
	fi
	bound "$KT_DEVICE" && return 0
	if [ -n "$PCI_DRIVER" ]; then
		driver_unbind "$KT_DEVICE"
	fi
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	DEVICE_ERROR="$KT_DEVICE does not bind to $DRIVER: $ERRNO"
	bound "$KT_DEVICE"
}

# device_give_back: the original driver, the original override, the module gone
# if the tests loaded it.
device_give_back() {
	[ "${device_taken-0}" = 1 ] || return 0
	device_taken=0
	pci_exists "$KT_DEVICE" || return 0
	! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" "$device_old_override"
	if [ "$device_module_was_loaded" = 0 ] && module_loaded; then
		module_unload || :
	fi
	if [ -n "$device_old_driver" ]; then
		write_errno "/sys/bus/pci/drivers/$device_old_driver/bind" "$KT_DEVICE"
		pci_driver "$KT_DEVICE"
		[ "$PCI_DRIVER" = "$device_old_driver" ] ||
			printf '# %s is not bound to %s again: %s\n' \
				"$KT_DEVICE" "$device_old_driver" "$ERRNO"
	fi
}

# device_reference: what the device and its port look like when all is well.
device_reference() {
	DEVICE_ERROR="$KT_DEVICE reads all-ones"
	accessible "$KT_DEVICE" || return 1
	KT_BYTES=4096
	reference_take "$KT_DEVICE" reference
	reference_bytes=$REGS_END
	if [ -n "$KT_PORT" ]; then
		reference_take "$KT_PORT" port
		[ "$reference_bytes" -gt "$REGS_END" ] || reference_bytes=$REGS_END
	fi
	# Some more, for what the driver may save and this script cannot decode.
	KT_BYTES=$((reference_bytes + 64))
	export KT_BYTES
	DEVICE_ERROR="the registers of $KT_DEVICE change by themselves"
	regs_same
}

reference_take() {
	regs_snapshot "$1" "$KT_TMP/$2.regs"
	dd if="$SYSFS_PCI/$1/config" of="$KT_TMP/$2.bin" bs=4096 count=1 2> /dev/null
	regs_last "$KT_TMP/$2.regs"
}

# reference_same BDF NAME: true when it is as in the reference NAME; else prints
# the registers that differ.
reference_same() {
	regs_snapshot "$1" "$KT_TMP/$2.now"
	regs_diff "$KT_TMP/$2.regs" "$KT_TMP/$2.now"
}

# regs_same: true when the device is as in the reference; prints the difference.
regs_same() {
	reference_same "$KT_DEVICE" reference
}

# device_verify: prints what is not as it should be; true when nothing is.
device_verify() {
	local bad
	bad=0
	if ! pci_exists "$KT_DEVICE"; then
		echo "$KT_DEVICE is not on the bus any more"
		return 1
	fi
	if ! regs_same > "$KT_TMP/device.diff"; then
		bad=1
		if accessible "$KT_DEVICE"; then
			cat "$KT_TMP/device.diff"
		else
			echo "$KT_DEVICE reads all-ones"
		fi
	fi
	if [ -n "$KT_PORT" ] && ! reference_same "$KT_PORT" port; then
		echo "(those were registers of the port $KT_PORT)"
		bad=1
	fi
	if ! bound "$KT_DEVICE"; then
		echo "not bound to $DRIVER but to '$PCI_DRIVER'"
		return 1
	fi
	status_get state
	if [ "$STATUS" != ok ]; then
		echo "state is '$STATUS'"
		bad=1
	fi
	return "$bad"
}

# regs_write_back BDF NAME: writes the registers that differ from the reference
# $KT_TMP/NAME.regs back from $KT_TMP/NAME.bin.
regs_write_back() {
	local offset
	# Command last: it switches the BARs on.
	reference_same "$1" "$2" > "$KT_TMP/differs" && return 0
	sort -r "$KT_TMP/differs" > "$KT_TMP/sorted"
	while read -r offset _; do
		dd if="$KT_TMP/$2.bin" of="$SYSFS_PCI/$1/config" bs=4 count=1 \
			skip=$((offset / 4)) seek=$((offset / 4)) \
			conv=notrunc 2> /dev/null
	done < "$KT_TMP/sorted"
}

# device_repair: writes the reference back with our own hands and binds anew,
# so that one test's damage does not fail the next one.
device_repair() {
	if [ -n "$KT_PORT" ]; then
		regs_write_back "$KT_PORT" port
		pci_exists "$KT_DEVICE" || echo 1 > "$SYSFS_PCI/$KT_PORT/rescan"
	fi
	DEVICE_ERROR="$KT_DEVICE does not come back"
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || return 1
	! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE"
	# After a reset the kernel also records D0.
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	regs_write_back "$KT_DEVICE" reference
	regs_write_back "$KT_DEVICE" reference
	if module_loaded && [ "$KT_OWN_MODULE" = 1 ]; then
		module_unload || :
	fi
	device_bind
}

# device_prepare: the known state before a test. Prints what it found wrong.
device_prepare() {
	device_verify > "$KT_TMP/wrong" && return 0
	echo "before the test the device was not as it should be; repaired:"
	cat "$KT_TMP/wrong"
	device_repair || {
		echo "$DEVICE_ERROR"
		return 1
	}
	device_verify
}
