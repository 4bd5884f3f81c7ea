#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint nvme switch
# timeout: 3600
#
# What one function costs in peace: probe, save, restore, and each way to reset it.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=../lib/reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=../lib/bench.sh
. "$KT_DIR/lib/bench.sh"
# shellcheck source=../lib/kernel_driver.sh
. "$KT_DIR/lib/kernel_driver.sh"

bench_need
reset_need

bind_to() {
	echo "$KT_DEVICE" > "/sys/bus/pci/drivers/$1/bind"
}

# The rest of the bus is quiet: what is counted is what the driver does.
accesses() {
	fault_load
	fault_wrap "$KT_DEVICE"
	for who in plain guarded; do
		bench_bind "$who"
		echo "$KT_DEVICE" > "$SYSFS_PCI/$KT_DEVICE/driver/unbind"
		counted probe "$who" bind_to "$WHO_DRIVER"
		counted save "$who" dd if="$KT_TMP/one" of="$WHO_FILES/save" 2> /dev/null
		counted restore "$who" dd if="$KT_TMP/one" of="$WHO_FILES/restore" 2> /dev/null
	done
	# The limit: what the core's functions do by themselves.
	counted save core dd if="$KT_TMP/one" of="$FAULT_FUNCTION/save" 2> /dev/null
	counted restore core dd if="$KT_TMP/one" of="$FAULT_FUNCTION/restore" 2> /dev/null
	status_get memory_bytes
	bench_says memory guarded bytes "$STATUS"
	bench_says verified guarded registers "$(regs_verified)"
	each_reset counted_reset
	fault_unload
}

# regs_verified: how many registers a verified restore compares at the most: those
# that are saved.
regs_verified() {
	grep -c . "$DEBUGFS/$KT_DEVICE/saved"
}

# each_reset COMMAND: COMMAND METHOD WHO for each that there are.
each_reset() {
	for method in $METHODS; do
		# One that would hit others is no result of this.
		if ! reset_method "$method"; then
			skip ''
			continue
		fi
		for who in core stock plain guarded; do
			[ "$who" != stock ] || kernel_driver_find || continue
			bench_bind "$who"
			"$1" "$method" "$who"
		done
	done
}

counted_reset() {
	counted "reset_$1" "$2" dd if="$KT_TMP/one" of="$SYSFS_PCI/$KT_DEVICE/reset" 2> /dev/null
}

instructions() {
	for who in plain guarded; do
		bench_bind "$who"
		took --times 8 --before "$SYSFS_PCI/$KT_DEVICE/driver/unbind" \
			"/sys/bus/pci/drivers/$WHO_DRIVER/bind" "$KT_DEVICE"
		bench_says probe "$who" instructions "$CPU"
		took_beyond "$WHO_FILES/save" 1
		bench_says save "$who" instructions "$CPU"
		took_beyond "$WHO_FILES/restore" 1
		bench_says restore "$who" instructions "$CPU"
	done
	each_reset timed_reset
}

timed_reset() {
	took_beyond "$SYSFS_PCI/$KT_DEVICE/reset" 1
	bench_says "reset_$1" "$2" instructions "$CPU"
	bench_says "reset_$1" "$2" ns "$TIME"
}

echo 1 > "$KT_TMP/one"
subtests accesses instructions
