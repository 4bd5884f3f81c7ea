# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Errors that the kernel recovers from: of AER, and of zPCI. Back ends:
#
#   qemu        a request to the harness on the host; the emulated device raises the
#               error. Only in the harness's guest.
#   aer_inject  the kernel's own module; it fakes the AER registers and raises
#               the root port's interrupt. Works on real hardware.
#   zpci        zpci_error.ko has the machine report an error event of the function (s390x).
#               There is one kind: fatal.
#   none        tests that need an error are skipped.

TOPOLOGY=/etc/pci-recovery/topology
AER_INJECT_DEV=/dev/aer_inject

# inject_id BDF: sets INJECT_ID to QEMU's name of the device, from the topology.
inject_id() {
	local id path
	INJECT_ID=
	[ -r "$TOPOLOGY" ] || return 1
	while read -r id path _; do
		if pci_by_path "$path" && [ "$BDF" = "$1" ]; then
			INJECT_ID=$id
			return 0
		fi
	done < "$TOPOLOGY"
	return 1
}

# inject_setup BACKEND: decides for the whole run, sets KT_INJECT and KT_INJECT_ID
# and, where nothing can be injected, KT_INJECT_REASON.
inject_setup() {
	KT_INJECT=$1
	KT_INJECT_ID=
	KT_INJECT_REASON="injection is switched off (--inject none)"
	if [ "$KT_INJECT" = auto ]; then
		if [ -e "$SYSFS_PCI/$KT_DEVICE/function_handle" ]; then
			KT_INJECT=zpci
		elif have harness && inject_id "$KT_DEVICE"; then
			KT_INJECT=qemu
		else
			KT_INJECT=aer_inject
		fi
	fi
	case $KT_INJECT in
	qemu)
		if ! have harness || ! inject_id "$KT_DEVICE"; then
			KT_INJECT=none
			KT_INJECT_REASON="back end qemu: no harness, or $KT_DEVICE is not in $TOPOLOGY"
		fi
		KT_INJECT_ID=$INJECT_ID
		;;
	aer_inject)
		if ! aer_inject_possible; then
			KT_INJECT=none
			KT_INJECT_REASON="back end aer_inject: $AER_INJECT_REASON"
		fi
		;;
	zpci)
		if ! zpci_error_possible; then
			KT_INJECT=none
			KT_INJECT_REASON="back end zpci: $ZPCI_ERROR_REASON"
		fi
		;;
	esac
	export KT_INJECT KT_INJECT_ID KT_INJECT_REASON
}

# aer_inject_possible: false, with AER_INJECT_REASON, when it cannot be used.
aer_inject_possible() {
	AER_INJECT_REASON="$KT_DEVICE has no AER capability"
	cap_find "$KT_DEVICE" 0001 || return 1
	AER_INJECT_REASON="the kernel does not handle AER of $KT_DEVICE"
	[ -e "$SYSFS_PCI/$KT_DEVICE/aer_dev_fatal" ] || return 1
	# Its config accessors take a spinlock_t below pci_lock, which is a raw one: lockdep
	# would report that, and be silent then.
	AER_INJECT_REASON="aer_inject itself is reported by lockdep"
	[ ! -e /proc/lockdep_stats ] || return 1
	AER_INJECT_REASON="no module aer_inject"
	[ -d /sys/module/aer_inject ] || kmod_possible aer_inject
}

# aer_inject_load: loads the module and finds its device file, which a guest
# without devtmpfs has to make.
aer_inject_load() {
	if [ ! -d /sys/module/aer_inject ]; then
		: > "$KT_TMP/aer_inject.loaded"
		kmod_load aer_inject
	fi
	wait_for "$KT_WAIT" [ -e /sys/class/misc/aer_inject/dev ] || return 1
	[ ! -c "$AER_INJECT_DEV" ] || return 0
	read_line /sys/class/misc/aer_inject/dev
	AER_INJECT_DEV=$KT_TMP/aer_inject
	mknod "$AER_INJECT_DEV" c "${LINE%:*}" "${LINE#*:}"
}

# aer_inject_unload: unless it was loaded before.
aer_inject_unload() {
	[ -e "$KT_TMP/aer_inject.loaded" ] || return 0
	rmmod aer_inject
	rm -f "$KT_TMP/aer_inject" "$KT_TMP/aer_inject.loaded"
}

# zpci_error_possible: false, with ZPCI_ERROR_REASON, when it cannot be used.
zpci_error_possible() {
	ZPCI_ERROR_REASON="$KT_DEVICE is no function of zPCI"
	[ -e "$SYSFS_PCI/$KT_DEVICE/function_handle" ] || return 1
	ZPCI_ERROR_REASON="no module zpci_error"
	[ -d /sys/module/zpci_error ] || kmod_possible zpci_error
}

# zpci_error_load, zpci_error_unload: the latter unless it was loaded before.
zpci_error_load() {
	[ ! -d /sys/module/zpci_error ] || return 0
	: > "$KT_TMP/zpci_error.loaded"
	kmod_load zpci_error
}

zpci_error_unload() {
	[ -e "$KT_TMP/zpci_error.loaded" ] || return 0
	rmmod zpci_error
	rm -f "$KT_TMP/zpci_error.loaded"
}

# inject correctable|nonfatal|fatal: false, with INJECT_ERROR, when refused. Errors of a
# register file are those that its port detects: QEMU raises those of a device in the
# device's own registers, which are not read.
inject() {
	if fault_stays; then
		inject_at_port "$1"
	else
		"inject_$KT_INJECT" "$1"
	fi
}

# inject_at_port KIND: as inject, but the port above the device detects the error.
inject_at_port() {
	local device id status
	INJECT_ERROR="the device is on a root bus, there is no port"
	[ -n "$KT_PORT" ] || return 1
	device=$KT_DEVICE
	id=$KT_INJECT_ID
	KT_DEVICE=$KT_PORT
	KT_INJECT_ID=
	! inject_id "$KT_PORT" || KT_INJECT_ID=$INJECT_ID
	status=0
	"inject_$KT_INJECT" "$1" || status=1
	KT_DEVICE=$device
	KT_INJECT_ID=$id
	return $status
}

inject_qemu() {
	local error
	case $1 in
	correctable) error=RCVR ;;
	nonfatal) error=COMP_TIME ;;
	fatal) error=DLP ;;
	esac
	INJECT_ERROR=$(harness inject "$KT_INJECT_ID" "$error" 2>&1)
}

inject_aer_inject() {
	INJECT_ERROR="aer_inject does not load"
	aer_inject_load || return 1
	case $1 in
	correctable) set -- 0x1 0 ;;
	nonfatal) set -- 0 0x4000 ;;
	fatal) set -- 0 0x10 ;;
	esac
	INJECT_ERROR=$(guest aer-record "$KT_DEVICE" "$1" "$2" "$AER_INJECT_DEV" 2>&1)
}

inject_zpci() {
	INJECT_ERROR="zPCI has no $1 errors"
	[ "$1" = fatal ] || return 1
	INJECT_ERROR="zpci_error does not load"
	zpci_error_load || return 1
	read_line "$SYSFS_PCI/$KT_DEVICE/function_handle"
	write_errno "/sys/kernel/debug/zpci_error/raise" "$LINE"
	INJECT_ERROR="zpci_error: $ERRNO, function handle $LINE"
	[ "$ERRNO" = OK ]
}

# need_injection [KIND]: skips the whole test where no error (of this kind) can be injected.
need_injection() {
	[ "$KT_INJECT" != none ] || skip_all "$KT_INJECT_REASON"
	[ "$KT_INJECT" != zpci ] || [ "${1-fatal}" = fatal ] || skip_all "zPCI has no $1 errors"
}

# need_bus_alone: skips the whole test where a reset of the secondary bus would
# hit other functions, too.
need_bus_alone() {
	pci_siblings "$KT_DEVICE"
	[ -n "$KT_PORT" ] ||
		skip_all "$KT_DEVICE is on a root bus, its link cannot be reset"
	[ -z "$SIBLINGS" ] ||
		skip_all "a fatal error resets the whole bus; also on it: $SIBLINGS"
}

# check_inject KIND: injects it, or fails the subtest with the reason. A device
# without AER cannot report an error: its port does, check_inject_at_port.
check_inject() {
	if ! inject "$1"; then
		fail "cannot inject a $1 error: $INJECT_ERROR"
		return 1
	fi
}

check_inject_at_port() {
	if ! inject_at_port "$1"; then
		fail "cannot inject a $1 error at the port: $INJECT_ERROR"
		return 1
	fi
}
