# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034,SC2153 # variables of lib/models.sh
#
# The paths of lib/models.sh.

# In the order in which a function goes through them.
MODEL_PATHS="bind save restore reset suspend freeze runtime nonfatal fatal unbind remove rebind"
PCI_COMMAND_MASTER=4
# Device Control: Non-Fatal and Fatal Error Reporting Enable.
DEVCTL_REPORTS=6

bind() {
	if [ "$MODEL_TAKEN" = 0 ]; then
		fail "$MODEL_REASON"
		return 0
	fi
	dmesg_mark "$MODEL bind"
	slab_possible || diag "not looked at: allocations and the list of PME: $SLAB_REASON"
	model_bind "after bind"
}

# model_bind WHEN: to pci_recovery; from now on its registers as they are then are the
# reference. Where there is one already, only addresses may differ from it.
model_bind() {
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
	if ! bound "$KT_DEVICE"; then
		fail "it does not bind to $DRIVER: $ERRNO"
		dmesg_since "$DMESG_MARK" | grep -F "$KT_DEVICE" | diag_lines
		return 0
	fi
	MODEL_BOUND=1
	[ ! -e "$KT_TMP/reference.regs" ] || check_differs "$1" 0 0
	if ! device_reference; then
		fail "$DEVICE_ERROR"
		regs_same | diag_lines
		return 0
	fi
	check_status refusals 0
	events_all
	path_end "$1"
}

save() {
	path_begin save || return 0
	check_write save 1 OK
	path_end "after a save"
}

# Damaged as by a reset without a restore: a restore repairs it.
restore() {
	path_begin restore || return 0
	if ! model_damage; then
		skip "none of its registers can be damaged"
		return 0
	fi
	check_write restore 1 OK
	check_no_event lost
	events_mark
	path_end "after the restore"
}

# model_damage: changes registers; false where that changes nothing. A bridge keeps its
# buses and windows, for what is below it.
model_damage() {
	local line
	if is_bridge; then
		line=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
		cfg_write "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1 $((line ^ 0x10))
	else
		device_wipe
	fi
	! regs_same > "$KT_TMP/damaged.regs"
}

# Each method that the function offers, through sysfs.
reset() {
	local used method
	path_begin reset || return 0
	if ! reset_find; then
		skip "it offers no reset method"
		return 0
	fi
	# The kernel offers that, and restores nothing of what is below.
	if has_functions_below; then
		reset_methods_back
		skip "a reset of a bridge would reset functions below it, too"
		return 0
	fi
	used=
	pci_siblings "$KT_DEVICE"
	for method in $METHODS; do
		# The kernel offers that to a virtual function in a slot (7.3.4), of which the physical one
		# does not survive it.
		[ "$method" != bus ] || [ -z "$SIBLINGS" ] || continue
		events_mark
		echo "$method" > "$METHOD_FILE"
		reset_device
		check_eq "reset by $method" "$ERRNO" OK
		check_callbacks "reset_prepare; reset_done"
		path_end "after a reset by $method"
		used="$used $method"
	done
	reset_methods_back
	if [ -n "$used" ]; then
		diag "reset by:$used, of $METHODS"
	else
		skip "its only reset methods would reset other functions, too"
	fi
}

# The two sleeps: a cycle with all phases of the drivers.
suspend() {
	model_cycle suspend freeze "suspend; suspend_noirq; resume_noirq; pm_resume"
}

freeze() {
	model_cycle freeze disk "freeze; freeze_noirq; restore_noirq; pm_restore"
}

# model_cycle PATH STATE CALLBACKS
model_cycle() {
	path_begin "$1" || return 0
	if ! sleep_possible "$2"; then
		skip "$SLEEP_REASON"
		return 0
	fi
	sleep_prepare "$2"
	events_mark
	check_true "the kernel does not $1" sleep_cycle
	sleep_undo
	check_callbacks "$3"
	path_end "after $1"
}

# Twice: what the first time leaves behind may show in the second.
runtime() {
	local round
	path_begin runtime || return 0
	if ! runtime_possible; then
		skip "$RUNTIME_REASON"
		return 0
	fi
	for round in first second; do
		events_mark
		control auto
		if ! wait_for "$KT_WAIT" is_suspended; then
			fail "the $round time not suspended but $LINE"
			control on
			return 0
		fi
		control on
		check_true "the $round time not active but $LINE" is_active
		check_callbacks "runtime_suspend; runtime_resume"
		path_end "after it was suspended at run time the $round time"
	done
}

# runtime_possible: false, with RUNTIME_REASON, where what is below it keeps it awake.
runtime_possible() {
	read_line "$SYSFS_PCI/$KT_DEVICE/power/runtime_active_kids"
	RUNTIME_REASON="functions below it are active"
	[ "${LINE:-0}" -eq 0 ]
}

nonfatal() {
	model_error nonfatal \
		"error_detected normal can_recover; mmio_enabled recovered; resume"
}

fatal() {
	model_error fatal \
		"error_detected frozen need_reset; slot_reset recovered; resume"
}

# model_error KIND CALLBACKS
model_error() {
	path_begin "$1" || return 0
	if ! error_possible; then
		skip "$ERROR_REASON"
		return 0
	fi
	events_mark
	if "$ERROR_INJECT" "$1"; then
		await_event resume
		check_callbacks "$2"
		await_dmesg "device recovery successful"
	else
		fail "cannot inject a $1 error: $INJECT_ERROR"
	fi
	path_end "after a $1 error"
}

# error_of_its_own: true where the function can report an error. One whose Device Control
# cannot be written reports none to the port; the kernel can fake its registers.
error_of_its_own() {
	[ -e "$SYSFS_PCI/$KT_DEVICE/aer_dev_fatal" ] || return 1
	cap_find "$KT_DEVICE" 10 || return 1
	if [ $(($(cfg_read "$KT_DEVICE" $((CAP + 8)) 2) & DEVCTL_REPORTS)) -ne $DEVCTL_REPORTS ]; then
		aer_inject_possible || return 1
		KT_INJECT=aer_inject
	fi
}

# is_port BDF: true at the upper end of a PCI Express link, for a root or downstream port.
is_port() {
	cap_find "$1" 10 || return 1
	case $(($(cfg_read "$1" $((CAP + 2)) 2) >> 4 & 0xf)) in
	4 | 6) ;;
	*) return 1 ;;
	esac
}

# error_possible: sets ERROR_INJECT to what injects an error of the function: it itself
# (inject), or the port above it (inject_at_port), where no other function would be hit. False,
# with ERROR_REASON.
error_possible() {
	ERROR_REASON="on the root bus no port reports an error"
	[ -n "$KT_PORT" ] || return 1
	ERROR_REASON="the kernel tells of an error what is below a bridge, not its driver"
	! is_bridge || return 1
	pci_siblings "$KT_DEVICE"
	ERROR_REASON="an error would hit other functions below the port, too"
	[ -z "$SIBLINGS" ] || return 1
	ERROR_REASON="the port above it has no AER"
	[ -e "$SYSFS_PCI/$KT_PORT/aer_dev_fatal" ] || return 1
	ERROR_REASON="the bridge above it would be reset, too, and not restored"
	is_port "$KT_PORT" || return 1
	KT_INJECT=$MODEL_INJECT
	ERROR_REASON="$KT_INJECT_REASON"
	[ "$KT_INJECT" != none ] || return 1
	KT_INJECT_ID=
	! inject_id "$KT_DEVICE" || KT_INJECT_ID=$INJECT_ID
	ERROR_INJECT=inject
	fault_stays || error_of_its_own || ERROR_INJECT=inject_at_port
}

# Without a driver, and with power/control auto, the kernel suspends the function, and resumes
# it: then it must be no bus master, and everything else be as it was.
unbind() {
	path_begin unbind || return 0
	control auto
	if runtime_possible; then
		check_true "not suspended but $LINE" wait_for "$KT_WAIT" is_suspended
	fi
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	MODEL_BOUND=0
	if runtime_possible; then
		check_true "without a driver not suspended but $LINE" wait_for "$KT_WAIT" is_suspended
	fi
	control on
	check_true "not active but $LINE" is_active
	check_unbound "after unbind"
}

# check_no_master WHEN: it masters no bus, unless it is a bridge, which the kernel enables for
# what is below it.
check_no_master() {
	local command
	command=$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)
	read_line "$SYSFS_PCI/$KT_DEVICE/enable"
	if is_bridge && [ "$LINE" -gt 0 ]; then
		return 0
	fi
	# A driver that had it may have enabled it more often than disabled (8250_pci does, each time
	# that it resumes).
	check_eq "times that it is enabled $1" "$LINE" "$MODEL_ENABLED"
	[ $((command & PCI_COMMAND_MASTER)) -eq 0 ] ||
		fail "a bus master $1, without a driver: Command is $command"
}

# check_unbound WHEN: it is no bus master, and nothing else has changed; the driver has freed
# what it had.
check_unbound() {
	check_no_master "$1"
	check_differs "$1" $PCI_COMMAND_MASTER 0
	check_false "debugfs still has files of it $1" [ -e "$DEBUGFS/$KT_DEVICE" ]
	check_pme_list "$1"
	check_nothing_allocated "$1"
	check_log
}

# check_differs WHEN COMMAND LINE: registers differ from the reference in these bits of
# Command and of the interrupt line, and in addresses that the kernel has assigned anew.
check_differs() {
	local offset name before arrow now mask
	regs_same > "$KT_TMP/difference" && return 0
	while read -r offset name before arrow now; do
		mask=0
		case $arrow in
		'->') ;;
		# It was not there, or is not.
		*) before=0 now=1 ;;
		esac
		case $name in
		PCI_COMMAND) mask=$2 ;;
		PCI_INTERRUPT_LINE) mask=$3 ;;
		PCI_BASE_ADDRESS_*)
			if bar_assigned "$KT_DEVICE" "$offset"; then
				before=$ASSIGNED
				mask=0xf
			fi
			;;
		esac
		[ $(((before ^ now) & ~mask)) -ne 0 ] || continue
		fail "registers differ $1:"
		diag_lines < "$KT_TMP/difference"
		return 0
	done < "$KT_TMP/difference"
}

# reference_renew: what may differ after a removal is the firmware's: SERR# and I/O in Command,
# and the interrupt line, which are written again; and the addresses.
reference_renew() {
	local offset name value
	while read -r offset name value; do
		case $name in
		PCI_COMMAND) cfg_write "$KT_DEVICE" "$offset" 2 $((value & 0xffff & ~PCI_COMMAND_MASTER)) ;;
		PCI_INTERRUPT_LINE) cfg_write "$KT_DEVICE" "$offset" 1 $((value & 0xff)) ;;
		esac
	done < "$KT_TMP/reference.regs"
	check_differs "after it came back" $PCI_COMMAND_MASTER 0
}

# It leaves the bus and comes back.
remove() {
	local before
	dmesg_mark "$MODEL remove"
	if [ ! -e "$KT_TMP/reference.regs" ]; then
		skip "it was not bound"
		return 0
	fi
	if has_functions_below; then
		skip "with it functions below it would leave the bus"
		return 0
	fi
	check_pme_list "before it is removed"
	if failed; then
		diag "not removed: the kernel would poll what it has freed"
		return 0
	fi
	! slab_possible || devices_count
	before=${DEVICES-}
	echo 0 > "$SYSFS_BUS/drivers_autoprobe"
	if ! model_leave; then
		fail "it does not leave the bus"
		away_undo
		return 0
	fi
	model_return
	wait_for "$KT_WAIT" pci_exists "$KT_DEVICE" || fail "it does not come back"
	away_undo
	! failed || return 0
	check_differs "after it came back" $((0x107 | PCI_COMMAND_MASTER)) 0xff
	reference_renew
	if slab_possible; then
		devices_count
		check_eq "functions with memory, after it came back" "$DEVICES" "$before"
	fi
	check_pme_list "after it was removed"
	check_nothing_allocated "after it was removed"
	check_log
}

# model_leave, model_return: by `remove` and `rescan`; a virtual function by its physical one.
model_leave() {
	if [ -n "$MODEL_PF" ]; then
		echo 0 > "$SYSFS_PCI/$MODEL_PF/sriov_numvfs"
	else
		echo 1 > "$SYSFS_PCI/$KT_DEVICE/remove"
	fi
	wait_for "$KT_WAIT" device_away
}

model_return() {
	if [ -n "$MODEL_PF" ]; then
		echo 1 > "$SYSFS_PCI/$MODEL_PF/sriov_numvfs"
	elif [ -n "$KT_PORT" ]; then
		bus_rescan "$SYSFS_PCI/$KT_PORT"
	else
		echo 1 > /sys/bus/pci/rescan
	fi
}

rebind() {
	if [ ! -e "$KT_TMP/reference.regs" ]; then
		skip "it was not bound"
		return 0
	fi
	dmesg_mark "$MODEL rebind"
	if ! pci_exists "$KT_DEVICE"; then
		fail "it is not on the bus"
		return 0
	fi
	model_bind "after binding again"
}
