# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034,SC2153 # variables of lib/models.sh and lib/fault.sh
#
# What is special about a model (models/NAME.model), beside the paths that each function
# takes: shell functions, after the paths, with the function bound.

# special_of MODEL: sets MODEL_SPECIAL to the names of its functions.
special_of() {
	case $1 in
	nic)
		MODEL_SPECIAL="substates_are_kept substates_of_port_are_not_believed \
			port_lost_in_restore latencies_are_kept"
		;;
	gpu) MODEL_SPECIAL="resized_while_bound" ;;
	ssd) MODEL_SPECIAL="channel_is_kept channel_lost_once" ;;
	uart) MODEL_SPECIAL="never_masters" ;;
	looping) MODEL_SPECIAL="behind_the_loop_is_kept" ;;
	masked) MODEL_SPECIAL="masks_become_others" ;;
	rom | changing) MODEL_SPECIAL="nothing_deviates" ;;
	slow) MODEL_SPECIAL="waits_after_reset" ;;
	bridge) MODEL_SPECIAL="windows_follow_hot_add stays_awake_in_a_suspend" ;;
	wide) MODEL_SPECIAL="pcix_is_kept" ;;
	*) MODEL_SPECIAL= ;;
	esac
}

# special_begin: false, and the subtest skipped, where it is not bound.
special_begin() {
	path_begin "${1-special}" || return 1
	fault_wrap "$KT_DEVICE"
}

# model_resets BDF: sets RESETS, how often its model was reset.
model_resets() {
	fault_wrap "$1"
	read_line "$FAULT_FUNCTION/model"
	RESETS=${LINE#resets: }
}

# check_kept OFFSET SIZE VALUE [ZERO]: a register that the kernel or a driver has set is saved,
# and restored after it was lost.
check_kept() {
	local was new
	was=$(cfg_read "$KT_DEVICE" "$1" "$2")
	cfg_write "$KT_DEVICE" "$1" "$2" "$3"
	new=$(cfg_read "$KT_DEVICE" "$1" "$2")
	[ $((new)) -eq $(($3)) ] || fail "$1 does not take $3 but reads $new"
	check_write save 1 OK
	cfg_write "$KT_DEVICE" "$1" "$2" "${4-$was}"
	[ $(($(cfg_read "$KT_DEVICE" "$1" "$2"))) -ne $((new)) ] || fail "$1 was not changed"
	check_write restore 1 OK
	check_eq "$1 after a restore" $(($(cfg_read "$KT_DEVICE" "$1" "$2"))) $((new))
	cfg_write "$KT_DEVICE" "$1" "$2" "$was"
	check_write save 1 OK
}

# ext_at BDF ID: sets AT to the offset of an extended capability.
ext_at() {
	AT=
	cap_find "$1" "$2" || fail "$1 has no extended capability $2"
	AT=${CAP-0}
}

# substates on|off: as an administrator who wants them, or not.
substates() {
	local policy
	policy=default
	[ "$1" = off ] || policy=powersupersave
	echo $policy > /sys/module/pcie_aspm/parameters/policy ||
		fail "the kernel does not switch L1 PM Substates $1"
}

# ends: sets FUNCTION_END and PORT_END, Link Control and L1SS Control 1 of both ends of the link.
ends() {
	local l1ss
	ext_at "$KT_DEVICE" 001e
	l1ss=$AT
	cap_find "$KT_DEVICE" 10
	FUNCTION_END="$(cfg_read "$KT_DEVICE" $((CAP + 16)) 2) $(cfg_read "$KT_DEVICE" $((l1ss + 8)) 4)"
	ext_at "$KT_PORT" 001e
	l1ss=$AT
	cap_find "$KT_PORT" 10
	PORT_END="$(cfg_read "$KT_PORT" $((CAP + 16)) 2) $(cfg_read "$KT_PORT" $((l1ss + 8)) 4)"
}

# check_ends WHEN FUNCTION PORT
check_ends() {
	ends
	check_eq "Link Control and L1SS Control 1 of the function $1" "$FUNCTION_END" "$2"
	check_eq "Link Control and L1SS Control 1 of the port $1" "$PORT_END" "$3"
}

# The kernel turns them on while the function is bound: a restore keeps both ends so, and a
# recovery, whose reset the port is not hit by.
substates_are_kept() {
	local off function port
	special_begin substates || return 0
	ends
	off="$FUNCTION_END"
	substates on
	ends
	function=$FUNCTION_END
	port=$PORT_END
	[ "$function" != "$off" ] || fail "the kernel turns nothing on: $off"
	[ $((${port#* } & 0xf)) -ne 0 ] || fail "the port has no substate on: $port"
	check_write save 1 OK
	ext_at "$KT_DEVICE" 001e
	cfg_write "$KT_DEVICE" $((AT + 8)) 4 0
	ext_at "$KT_PORT" 001e
	cfg_write "$KT_PORT" $((AT + 8)) 4 0
	check_write restore 1 OK
	check_ends "after a restore" "$function" "$port"
	events_mark
	if inject_at_port fatal; then
		await_event resume
		check_ends "after a recovery" "$function" "$port"
	else
		fail "cannot inject a fatal error: $INJECT_ERROR"
	fi
	substates off
	check_write save 1 OK
	path_end "with the substates off again"
}

# on_port FAULT...: arms a fault of the port above the function; sets PORT_FAULT.
on_port() {
	PORT_FAULT=$FAULT_ROOT/${KT_PORT%:*}/fault
	echo "$* devfn=${KT_PORT##*:}" > "$PORT_FAULT"
}

# A save of the function reads the port's L1 PM Substates into the port's buffer: where they are
# lost, nothing of that is believed, nor written to the port later on.
substates_of_port_are_not_believed() {
	local points register size at
	special_begin port_lost || return 0
	ext_at "$KT_PORT" 001e
	points=0
	for register in 8 12; do
		for size in 1 4; do
			at=$((AT + register))
			on_port ones "range=$at-$((at + size - 1))" count=1
			check_write save 1 EIO
			status_get last_refusal
			case $STATUS in
			*port*) ;;
			*) fail "the refusal does not name the port: $STATUS" ;;
			esac
			echo off > "$PORT_FAULT"
			points=$((points + 1))
		done
	done
	report "points=$points path=port_lost"
	fault_wrap "$KT_PORT"
	fault_clear
	events_mark
	check_write restore 1 OK
	ones_written_to_port
	check_write save 1 OK
	path_end "after saves with the port's registers lost"
}

# ones_written_to_port: fails where a restore wrote all-ones to the port.
ones_written_to_port() {
	local poison
	poison=$(fault_record | awk -v fn="${KT_PORT##*:}" \
		'$1 == fn && $2 == "w" && $5 ~ /^0xffff(ffff)?$/ { print $3 }')
	[ -z "$poison" ] || fail "all-ones were written to the port at $poison"
}

# The port is lost at any of its accesses in a restore of the function, and is there again.
port_lost_in_restore() {
	local function port count k
	special_begin port_lost_in_restore || return 0
	substates on
	check_write save 1 OK
	reference_take "$KT_PORT" port
	ends
	function=$FUNCTION_END
	port=$PORT_END
	fault_wrap "$KT_PORT"
	fault_clear
	check_write restore 1 OK
	count=$(fault_record | grep -c "^${KT_PORT##*:} ")
	fault_wrap "$KT_DEVICE"
	[ "$count" -gt 4 ] || fail "a restore has $count accesses to the port"
	k=0
	while [ "$k" -lt "$count" ]; do
		on_port gone "from=$k" count=1
		write_errno "$DEBUGFS/$KT_DEVICE/restore" 1
		echo off > "$PORT_FAULT"
		if ! reference_same "$KT_PORT" port > "$KT_TMP/port.diff"; then
			fail "lost at access $k of $count, the port is not as it was:"
			diag_lines < "$KT_TMP/port.diff"
			regs_write_back "$KT_PORT" port
		fi
		k=$((k + 1))
	done
	report "points=$count path=port_restore"
	check_write restore 1 OK
	check_ends "afterwards" "$function" "$port"
	substates off
	reference_take "$KT_PORT" port
	check_write save 1 OK
	events_mark
	path_end "after restores with the port lost"
}

# LTR: what the kernel, or firmware, has allowed the function.
latencies_are_kept() {
	special_begin latencies || return 0
	ext_at "$KT_DEVICE" 0018
	check_kept $((AT + 4)) 4 $((0x10010c03)) 0
	path_end "after LTR was lost"
}

# bars_are_the_kernel_s WHEN: each BAR of the function is where the kernel has it.
bars_are_the_kernel_s() {
	local n at is
	for n in 0 1 3 5; do
		at=$((0x10 + 4 * n))
		is=$(($(cfg_read "$KT_DEVICE" $at 4) & ~0xf))
		if bar_assigned "$KT_DEVICE" $at; then
			check_eq "BAR $n $1" $is $((ASSIGNED & ~0xf & 0xffffffff))
		fi
	done
}

# resource_size N: sets SIZE to the size of a resource of the function, in bytes.
resource_size() {
	local first last
	SIZE=$(sed -n "$(($1 + 1))p" "$SYSFS_PCI/$KT_DEVICE/resource" |
		while read -r first last _; do
			echo $((last - first + 1))
		done)
}

# pci_resize_resource() by a driver, as amdgpu, i915 and xe do: the BARs move, and that is no
# reason to refuse a save, nor to put them back.
resized_while_bound() {
	local size
	special_begin resize || return 0
	for size in 9 6 8; do
		write_errno "$FAULT_FUNCTION/resize" "1 $size"
		check_eq "resize to $((1 << size)) MiB" "$ERRNO" OK
		resource_size 1
		check_eq "the kernel's size" "$SIZE" $((1 << (size + 20)))
		check_write save 1 OK
		bars_are_the_kernel_s "after resizing to 2^$size MiB"
		device_wipe
		check_write restore 1 OK
		bars_are_the_kernel_s "after a restore"
		# Not saved before it is lost: the known-good state follows nevertheless.
		write_errno "$FAULT_FUNCTION/resize" "1 $((15 - size))"
		device_wipe
		check_write restore 1 OK
		bars_are_the_kernel_s "after a restore without a save"
	done
	write_errno "$FAULT_FUNCTION/resize" "1 8"
	check_write save 1 OK
	check_status refusals 0
	device_reference || fail "$DEVICE_ERROR"
	path_end "after resizing"
}

# Virtual Channel: what its second channel carries.
channel_is_kept() {
	special_begin channel || return 0
	ext_at "$KT_DEVICE" 0002
	# Not enabled: the kernel enables none where the port has no Virtual Channel.
	check_kept $((AT + 0x20)) 4 $((0x02000040)) $((0x01000000))
	path_end "after a channel was lost"
}

# Each register of it is saved, so each that is lost is refused.
channel_lost_once() {
	local at
	special_begin channel_lost || return 0
	ext_at "$KT_DEVICE" 0002
	for at in $((AT + 0x0c)) $((AT + 0x14)) $((AT + 0x20)); do
		fault ones "range=$at-$((at + 3))" count=1
		write_errno "$DEBUGFS/$KT_DEVICE/save" 1
		check_eq "a save that loses $(printf '0x%03x' "$at")" "$ERRNO" EIO
		fault_off
	done
	events_mark
	check_write save 1 OK
	path_end "after saves with registers lost"
}

never_masters() {
	special_begin never_masters || return 0
	check_dmesg_ever "$KT_DEVICE: .*Bus Master Enable is hard-wired to 0"
	check_eq "Bus Master Enable" $(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2) & PCI_COMMAND_MASTER)) 0
	check_status refusals 0
	check_status deviations 0
}

# check_dmesg_ever TEXT: the kernel's log has a line with TEXT.
check_dmesg_ever() {
	dmesg | grep -qE "$1" || fail "no line '$1' in the log"
}

# The kernel gives up looking for capabilities after so many; what it finds is kept.
behind_the_loop_is_kept() {
	special_begin loop || return 0
	ext_at "$KT_DEVICE" 0001
	check_kept $((AT + 8)) 4 $((0x00410000))
	check_status refusals 0
	path_end "after AER was lost"
}

# All-ones was what the masks were: once they are something else, it is a loss again.
masks_become_others() {
	local mask
	special_begin masks || return 0
	ext_at "$KT_DEVICE" 0001
	cfg_write "$KT_DEVICE" $((AT + 0x14)) 4 $((0xe000))
	cfg_write "$KT_DEVICE" $((AT + 0x08)) 4 $((0x00400000))
	# Its reserved bits stay 1.
	mask=$(($(cfg_read "$KT_DEVICE" $((AT + 0x08)) 4)))
	check_write save 1 OK
	fault ones "range=$((AT + 0x08))-$((AT + 0x0b))" count=1
	check_write save 1 EIO
	fault_off
	cfg_write "$KT_DEVICE" $((AT + 0x14)) 4 $((0xffffffff))
	cfg_write "$KT_DEVICE" $((AT + 0x08)) 4 $((0xffffffff))
	check_write restore 1 OK
	check_eq "the mask after a restore" $(($(cfg_read "$KT_DEVICE" $((AT + 0x08)) 4))) "$mask"
	check_status state ok
}

# What hardware changes by itself is no difference.
nothing_deviates() {
	local round
	special_begin changes || return 0
	for round in 1 2 3; do
		check_write save 1 OK
		check_write restore 1 OK
	done
	check_status refusals 0
	check_status deviations 0
	check_status mismatches 0
	path_end "after three saves and restores"
}

waits_after_reset() {
	local before method
	special_begin waits || return 0
	model_resets "$KT_DEVICE"
	before=$RESETS
	for method in flr bus; do
		echo "$method" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
		write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
		check_eq "reset by $method" "$ERRNO" OK
		path_end "after a reset by $method"
	done
	echo default > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	model_resets "$KT_DEVICE"
	check_eq "resets" "$RESETS" $((before + 2))
}

# windows: sets WINDOWS to the windows of the bridge, as the kernel has them.
windows() {
	WINDOWS=$(sed -n '14,16p' "$SYSFS_PCI/$KT_DEVICE/resource")
}

# A function that needs more is added below while the bridge is bound: the kernel moves its
# windows, and the known-good state moves with them.
windows_follow_hot_add() {
	local below small register
	special_begin windows || return 0
	if ! device_bdf wide; then
		fail "there is no function 'wide' below the bridge"
		return 0
	fi
	below=$BDF
	present "$below" off || fail "$PRESENT_ERROR"
	check_write save 1 OK
	windows
	small=$WINDOWS
	present "$below" wide || fail "$PRESENT_ERROR"
	windows
	[ "$WINDOWS" != "$small" ] || fail "the kernel has not moved the windows: $WINDOWS"
	register=$(cfg_read "$KT_DEVICE" 0x20 4)
	# Not saved yet, when it is lost.
	cfg_write "$KT_DEVICE" 0x20 4 $((0x0000fff0))
	check_write restore 1 OK
	check_eq "PCI_MEMORY_BASE after a restore" $(($(cfg_read "$KT_DEVICE" 0x20 4))) $((register))
	check_eq "PCI_PRIMARY_BUS" $(($(cfg_read "$KT_DEVICE" "$PCI_PRIMARY_BUS" 1))) 0
	check_write save 1 OK
	check_status refusals 0
	check_status state ok
	device_reference || fail "$DEVICE_ERROR"
	model_cycle suspend freeze "suspend; suspend_noirq; resume_noirq; pm_resume"
}

# Nobody has asked what is below it whether it may sleep: nothing is written to PCI_PM_CTRL that
# is another state than D0.
stays_awake_in_a_suspend() {
	local control
	special_begin awake || return 0
	if ! sleep_possible freeze; then
		skip "$SLEEP_REASON"
		return 0
	fi
	cap_find "$KT_DEVICE" 01 || fail "it has no power management capability"
	control=$(printf '0x%03x' $((CAP + 4)))
	fault_clear
	model_cycle suspend freeze "suspend; suspend_noirq; resume_noirq; pm_resume"
	fault_record > "$KT_TMP/record"
	grep -q "^$FAULT_FN " "$KT_TMP/record" || fail "nothing was recorded of it"
	if grep "^$FAULT_FN w $control 2 0x...[1-35-79abd-f] " "$KT_TMP/record" > "$KT_TMP/slept"; then
		fail "it was put to sleep:"
		diag_lines < "$KT_TMP/slept"
	fi
}

pcix_is_kept() {
	special_begin pcix || return 0
	cap_find "$KT_DEVICE" 07 || fail "it has no PCI-X capability"
	check_kept $((CAP + 2)) 2 $((0x0025)) 0
	path_end "after PCI-X was lost"
}
