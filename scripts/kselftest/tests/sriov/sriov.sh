#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: sriov sriov_igb
# timeout: 180
# weight: 25
# forgiven: WARNING: at pci_stop_and_remove_bus_device
#
# A physical function and its virtual ones, all bound to the driver: enabled
# through sysfs, saved, restored, reset, lost, and gone when the driver goes. The
# reference of the registers includes the SR-IOV capability.
#
# On a kernel with lockdep pci_disable_sriov() warns when a driver calls it as it goes:
# it wants pci_rescan_remove_lock, which is held where the function is removed, so that no
# driver can take it, and is not held where the driver is unbound.

# shellcheck disable=SC2034 # lib/fleet.sh reads FLEET and FLEET_TAKEN
# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"
# shellcheck source=../../lib/sriov.sh
. "$KT_DIR/lib/sriov.sh"
# shellcheck source=../../lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"

sriov_need
PF=$KT_DEVICE
METHODS=
read_line "$SYSFS_PCI/$PF/reset_method"
METHODS=$LINE
undo() {
	echo "$METHODS" > "$SYSFS_PCI/$PF/reset_method"
	echo on > "$SYSFS_PCI/$PF/power/control"
	fault_unload
}
at_exit undo

all_are_well() {
	fleet_check_regs "$1"
	fleet_check_status state ok
}

# all_saved_agree WHEN: the known-good state of each is what its registers are.
all_saved_agree() {
	local bdf
	for bdf in $FLEET; do
		regs_against_saved "$bdf" "$DEBUGFS/$bdf/saved" > "$KT_TMP/against"
		case $(cat "$KT_TMP/against") in
		compared\ [12][0-9]) ;;
		*)
			fail "saved of $bdf is not what the registers are $1:"
			diag_lines < "$KT_TMP/against"
			;;
		esac
	done
}

# Nothing of what the core saves changes: the known-good state needs no new save.
enable() {
	sriov_set $((VF_MAX + 1))
	check_eq "write of too many to sriov_numvfs" "$ERRNO" ERANGE
	saved_copy "$KT_TMP/saved.before"
	events_mark
	sriov_set "$VF_MAX"
	check_eq "write to sriov_numvfs" "$ERRNO" OK
	# shellcheck disable=SC2086 # one word a function
	set -- $VFS
	check_eq "number of virtual functions" "$#" "$VF_MAX"
	sriov_registers
	check_eq "NumVFs" $((NUM_VFS)) "$VF_MAX"
	check_eq "VF Enable and VF MSE" $((VF_CONTROL & 0x9)) 9
	saved_copy "$KT_TMP/saved.now"
	cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now" ||
		fail "the known-good state has changed"
	check_saved_agrees "with virtual functions"
	check_status state ok
	events_new
	check_eq "events" "$EVENTS" ""
	sriov_set 1
	check_eq "write of another number to sriov_numvfs" "$ERRNO" EBUSY
	sriov_down
}

# The vendor ID of a virtual function reads 0xffff: that is no loss.
bind_virtual_functions() {
	local bdf
	sriov_up
	for bdf in $VFS; do
		check_eq "dword 0 of $bdf" "$(cfg_read "$bdf" 0 4)" 0xffffffff
	done
	FLEET=$VFS
	fleet_check_status refusals 0
	FLEET="$PF $VFS"
	fleet_write save || fail "a save is refused"
	all_are_well "after binding and saving"
	all_saved_agree "after binding and saving"
}

# vf_wiped: what a reset leaves of a virtual function is refused, and restored.
vf_wiped() {
	cfg_write "$VF" "$PCI_COMMAND" 2 0
	! fleet_same > /dev/null || fail "its registers cannot be damaged"
	with "$VF" check_write save 1 EIO
	with "$VF" check_write restore 1 OK
	all_are_well "after a restore of $VF"
	with "$VF" check_write save 1 OK
}

# vf_wiped_before_bind: it has no BAR that shows it; probe compares with what the core has saved.
vf_wiped_before_bind() {
	local control value
	cap_find "$VF" 10
	control=$((CAP + 8))
	value=$(($(cfg_read "$VF" $control 2)))
	if [ "$value" -eq 0 ]; then
		skip "Device Control of $VF is 0 without a loss, too"
		return 0
	fi
	driver_unbind "$VF"
	cfg_write "$VF" $control 2 0
	driver_bind "$VF"
	check_eq "bind $VF" "$ERRNO" OK
	check_eq "Device Control of $VF" $(($(cfg_read "$VF" $control 2))) "$value"
	all_are_well "after binding $VF, wiped"
}

# not_while_lost: virtual functions of a function that is not well would not be, either.
not_while_lost() {
	local bar
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	fault_load
	fault_wrap "$PF"
	bars "$PF"
	bar=${BARS%% *}
	fault stuck value=0 "range=$bar-$((bar + 3))"
	check_write restore 1 EIO
	fault_off
	fault_unload
	check_status state lost
	sriov_set "$VF_MAX"
	check_eq "write to sriov_numvfs" "$ERRNO" EBUSY
	check_eq "virtual functions" "$VFS" ""
	check_write restore 1 OK
	check_regs "after a restore"
}

# vf_reset: an FLR of a virtual function, which the others do not notice.
vf_reset() {
	KT_DEVICE=$VF
	echo flr > "$SYSFS_PCI/$VF/reset_method" || fail "$VF has no FLR"
	fleet_events_mark
	if witness_find; then
		witness_set || fail "the witness bit does not stick"
	fi
	check_write reset 1 OK
	[ -z "$WITNESS" ] || ! witness_is_set || fail "$VF was not reset"
	write_errno "$SYSFS_PCI/$VF/reset" 1
	check_eq "write to reset" "$ERRNO" OK
	KT_DEVICE=$PF
	all_are_well "after resets of $VF"
	FLEET=$VF
	fleet_check_events "reset_prepare; save; reset_done; reset; reset_prepare; save; reset_done"
	FLEET="$PF ${VFS#* }"
	fleet_check_events ""
	FLEET="$PF $VFS"
}

# pf_reset METHOD: SR-IOV survives the reset of the physical function, and the
# virtual ones, which the core does not notify, get their state back.
pf_reset() {
	case " $METHODS " in
	*" $1 "*) ;;
	*)
		skip "the device offers no $1 reset"
		return 0
		;;
	esac
	echo "$1" > "$SYSFS_PCI/$PF/reset_method"
	fleet_events_mark
	with "$VF" witness_find || :
	[ -z "$WITNESS" ] || with "$VF" witness_set || fail "the witness bit does not stick"
	write_errno "$SYSFS_PCI/$PF/reset" 1
	check_eq "write to reset" "$ERRNO" OK
	if [ -n "$WITNESS" ] && with "$VF" witness_is_set; then
		[ "$1" != flr ] || fail "$VF was not reset with $PF"
		with "$VF" witness_clear
	fi
	all_are_well "after a reset of $PF by $1"
	sriov_registers
	check_eq "NumVFs" $((NUM_VFS)) "$VF_MAX"
	check_eq "VF Enable and VF MSE" $((VF_CONTROL & 0x9)) 9
	FLEET=$PF
	fleet_check_events "reset_prepare; save; reset_done"
	FLEET=$VFS
	fleet_check_events "physfn_reset_done; restore"
	FLEET="$PF $VFS"
}

# The core resets them all, and calls the handlers of all.
bus_reset() {
	if [ ! -w "$SYSFS_PCI/$KT_PORT/reset_subordinate" ]; then
		skip "the port has no file reset_subordinate"
		return 0
	fi
	fleet_events_mark
	write_errno "$SYSFS_PCI/$KT_PORT/reset_subordinate" 1
	check_eq "write to reset_subordinate" "$ERRNO" OK
	fleet_check_events "reset_prepare; save; reset_done"
	all_are_well "after a reset of the bus"
	all_saved_agree "after a reset of the bus"
}

# Behind the driver's back: the virtual functions are gone until it is restored.
vf_enable_lost() {
	cfg_write "$PF" $((SRIOV + 0x08)) 2 0
	with "$VF" check_write save 1 EIO
	with "$VF" check_status last_refusal "config space reads all-ones"
	with "$VF" check_write restore 1 EIO
	with "$VF" check_status state lost
	check_write restore 1 OK
	fleet_write restore || fail "a restore is refused"
	all_are_well "after the restores"
}

# A physical function that does not take VF Enable back is reported.
vf_enable_stuck() {
	if ! fault_possible; then
		skip "$FAULT_REASON"
		return 0
	fi
	fault_load
	fault_wrap "$PF"
	fault stuck "range=$((SRIOV + 8))-$((SRIOV + 9))" value=0
	events_mark
	check_write restore 1 EIO
	fault_off
	check_event "mismatch PCI_SRIOV_CTRL"
	check_status state lost
	check_write restore 1 OK
	# The attempts have switched the virtual ones off and on.
	fleet_write restore || fail "a restore is refused"
	# One that is gone while its physical function is not.
	fault_wrap "$VF"
	fault gone
	with "$VF" check_write save 1 EIO
	check_write save 1 OK
	fault_off
	with "$VF" check_write save 1 OK
	fault_unload
	all_are_well "after the faults"
}

sleep_and_back() {
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	sleep_prepare freeze
	fleet_events_mark
	check_true "the suspend failed" sleep_cycle
	sleep_undo
	fleet_had pm_resume || fail "some have not resumed"
	all_are_well "after a suspend"
}

is_suspended() {
	read_line "$SYSFS_PCI/$PF/power/runtime_status"
	[ "$LINE" = suspended ]
}

# In D3hot it would take the virtual ones with it.
not_suspended_at_run_time() {
	echo auto > "$SYSFS_PCI/$PF/power/control"
	check_false "it is suspended with virtual functions" wait_for 1 is_suspended
	with "$VF" check_write save 1 OK
	sriov_down
	check_true "it is not suspended without virtual functions" wait_for "$KT_WAIT" is_suspended
	sriov_up
	check_false "it is suspended with virtual functions" is_suspended
	echo on > "$SYSFS_PCI/$PF/power/control"
	all_are_well "after it was suspended"
}

disable() {
	sriov_down
	sriov_registers
	check_eq "NumVFs" $((NUM_VFS)) 0
	check_eq "VF Enable and VF MSE" $((VF_CONTROL & 0x9)) 0
	check_regs "after all were disabled"
	check_status state ok
}

# driver_goes COMMAND: whatever takes the driver away takes the virtual functions, too.
driver_goes() {
	dmesg_mark goes
	"$@"
	FLEET_TAKEN=
	sriov_vfs
	check_eq "virtual functions" "$VFS" ""
	sriov_registers
	check_eq "NumVFs" $((NUM_VFS)) 0
	check_eq "VF Enable and VF MSE" $((VF_CONTROL & 0x9)) 0
	check_false "the kernel says that SR-IOV is still enabled" \
		dmesg_has "left SR-IOV enabled"
}

unbind_with_virtual_functions() {
	sriov_up
	driver_goes driver_unbind "$PF"
	driver_bind "$PF"
	check_true "it is not bound again" bound "$PF"
	check_regs "after binding again"
}

# Enabled by a driver that leaves them behind (pci-pf-stub): who is bound next keeps the device
# awake for them, and no longer than they are there.
left_by_another_driver() {
	local dir
	dir=/sys/bus/pci/drivers/pci-pf-stub
	if [ ! -d "$dir" ] && ! kmod_possible pci-pf-stub; then
		skip "no module pci-pf-stub"
		return 0
	fi
	[ -d "$dir" ] || kmod_load pci-pf-stub
	driver_unbind "$PF"
	driver_override "$PF" pci-pf-stub
	write_errno "$dir/bind" "$PF"
	check_eq "bind to pci-pf-stub" "$ERRNO" OK
	sriov_set "$VF_MAX"
	check_eq "write of $VF_MAX to sriov_numvfs" "$ERRNO" OK
	dmesg_mark left
	driver_unbind "$PF"
	driver_override "$PF" "$DRIVER"
	driver_bind "$PF"
	check_true "it is not bound again" bound "$PF"
	echo auto > "$SYSFS_PCI/$PF/power/control"
	check_false "it is suspended with virtual functions" wait_for 1 is_suspended
	sriov_down
	check_true "it is not suspended without virtual functions" wait_for "$KT_WAIT" is_suspended
	echo on > "$SYSFS_PCI/$PF/power/control"
	check_false "a reference was dropped twice" dmesg_has "Runtime PM usage count underflow"
	check_regs "afterwards"
}

unload_with_virtual_functions() {
	own_module || return 0
	sriov_up
	driver_goes module_unload
	check_false "the module is still there" module_loaded
	device_bind || fail "$DEVICE_ERROR"
	check_regs "after binding again"
}

subtests enable not_while_lost bind_virtual_functions vf_wiped vf_wiped_before_bind vf_reset "pf_reset flr" "pf_reset pm" \
	bus_reset vf_enable_lost vf_enable_stuck sleep_and_back not_suspended_at_run_time \
	left_by_another_driver disable unbind_with_virtual_functions unload_with_virtual_functions
