# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The driver edu_recovery.ko of QEMU's edu devices: its binding, its load of
# requests, and what becomes of them. $EDU is the device that is meant.

EDU_DRIVER=edu_recovery
EDU_MODULE=${KT_MODULE%/*}/$EDU_DRIVER.ko
EDU_DEBUGFS=/sys/kernel/debug/$EDU_DRIVER
EDU_TAKEN=

# edu_need: skips the whole test where there is no module.
edu_need() {
	[ -e "$EDU_MODULE" ] || skip_all "there is no $EDU_DRIVER.ko beside the module"
}

# edu_bus: sets EDU0, TESTDEV and BRIDGE, on one bus and above it, or skips.
edu_bus() {
	device_bdf edu0 || skip_all "there is no edu0 in this topology"
	EDU0=$BDF
	device_bdf testdev0 || skip_all "there is no testdev0 in this topology"
	TESTDEV=$BDF
	device_bdf bridge0 || skip_all "there is no bridge0 in this topology"
	BRIDGE=$BDF
}

# edu_take BDF...: binds them to edu_recovery until the test's end.
edu_take() {
	local bdf
	at_exit edu_give_back
	[ -d "/sys/module/$EDU_DRIVER" ] || insmod "$EDU_MODULE"
	for bdf in "$@"; do
		read_line "$SYSFS_PCI/$bdf/driver_override"
		[ "$LINE" != '(null)' ] || LINE=
		EDU_TAKEN="$EDU_TAKEN $bdf=$LINE"
		driver_override "$bdf" "$EDU_DRIVER"
		EDU=$bdf
		# Loading the module has bound it unless another driver had it.
		pci_driver "$bdf"
		[ "$PCI_DRIVER" != "$EDU_DRIVER" ] || continue
		[ -z "$PCI_DRIVER" ] || driver_unbind "$bdf"
		edu_bind "$bdf"
	done
}

edu_bind() {
	write_errno "/sys/bus/pci/drivers/$EDU_DRIVER/bind" "$1"
	[ "$ERRNO" = OK ] || fail "$1 does not bind to $EDU_DRIVER: $ERRNO"
}

# edu_give_back: back to pci_recovery, with the registers that it knows.
edu_give_back() {
	local taken bdf
	[ ! -d "/sys/module/$EDU_DRIVER" ] || rmmod "$EDU_DRIVER" || :
	for taken in $EDU_TAKEN; do
		bdf=${taken%%=*}
		driver_override "$bdf" "${taken#*=}"
		# MSI is off, but for its address, which is not cleared.
		[ "$bdf" != "$KT_DEVICE" ] || regs_write_back "$bdf" reference
		driver_bind "$bdf"
	done
	EDU_TAKEN=
}

# edu_get KEY: sets EDU_VALUE to that line of `requests`.
edu_get() {
	local line
	EDU_VALUE=
	while IFS= read -r line; do
		case $line in
		"$1: "*) EDU_VALUE=${line#"$1: "} ;;
		esac
	done < "$EDU_DEBUGFS/$EDU/requests"
}

# edu_load NUMBER: starts so many requests; 0: no more. Sets ERRNO.
edu_load() {
	write_errno "$EDU_DEBUGFS/$EDU/load" "$1"
}

# edu_idle: true where all requests are answered, or given up.
edu_idle() {
	edu_get submitters
	[ "$EDU_VALUE" = 0 ]
}

# edu_mark: later edu_fires compares with the counters as they are now.
edu_mark() {
	edu_get interrupts
	EDU_INTERRUPTS=$EDU_VALUE
	edu_irqs
	EDU_IRQS_MARK=$EDU_IRQS
}

# edu_fires: true where it has sent interrupts since the mark, by its own count and the kernel's.
edu_fires() {
	edu_get interrupts
	[ "$EDU_VALUE" -gt "$EDU_INTERRUPTS" ] || return 1
	edu_irqs
	[ "$EDU_IRQS" != none ] && [ "$EDU_IRQS" -gt "$EDU_IRQS_MARK" ]
}

# edu_irqs: sets EDU_IRQS to what /proc/interrupts counts for it, as MSI.
edu_irqs() {
	EDU_IRQS=$(awk -v name="PCI-MSI-$EDU" '
		index($0, name) {
			for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i
			found = 1
		}
		END { print found ? n + 0 : "none" }
	' /proc/interrupts)
}

# check_fires WHEN: its MSI is on, and comes, within a bound. Needs a load.
check_fires() {
	local control
	cap_find "$EDU" 05 || fail "$EDU has no MSI capability"
	control=$(cfg_read "$EDU" $((CAP + 2)) 2)
	[ $((control & 1)) -eq 1 ] || fail "MSI of $EDU is off $1"
	edu_mark
	wait_for "$KT_WAIT" edu_fires ||
		fail "no MSI of $EDU $1 (/proc/interrupts: $EDU_IRQS_MARK, then $EDU_IRQS)"
}

# check_requests: after the load has ended: each request was answered, and right.
check_requests() {
	local submitted key
	if ! wait_for 30 edu_idle; then
		fail "the load on $EDU does not end:"
		diag_lines < "$EDU_DEBUGFS/$EDU/requests"
		return 0
	fi
	edu_get submitted
	submitted=$EDU_VALUE
	[ "$submitted" -gt 0 ] || fail "no requests were made"
	edu_get completed
	check_eq "requests completed" "$EDU_VALUE" "$submitted"
	for key in wrong failed lost; do
		edu_get $key
		check_eq "requests, $key" "$EDU_VALUE" 0
	done
}

# bridge_take BDF: binds a bridge to pci_recovery until the test's end, which
# restores it after a reset of the bus above; no stock driver does.
bridge_take() {
	pci_driver "$1"
	BRIDGE_DRIVER=$PCI_DRIVER
	BRIDGE_TAKEN=$1
	at_exit bridge_give_back
	[ -z "$PCI_DRIVER" ] || driver_unbind "$1"
	driver_override "$1" "$DRIVER"
	driver_bind "$1"
	[ "$ERRNO" = OK ] || fail "the bridge $1 does not bind to $DRIVER: $ERRNO"
}

bridge_give_back() {
	driver_unbind "$BRIDGE_TAKEN"
	driver_override "$BRIDGE_TAKEN" ""
	[ -z "$BRIDGE_DRIVER" ] ||
		write_errno "/sys/bus/pci/drivers/$BRIDGE_DRIVER/bind" "$BRIDGE_TAKEN"
}
