# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox source-path=SCRIPTDIR disable=SC2034 # answers in variables
#
# One function after the other, by each path on which its state can be lost. A
# function under test is a name of the topology, or a line of a list (models/*.list);
# a path is a shell function of lib/model_paths.sh. It begins with path_begin and ends
# with path_end, which verifies what no path may change: the registers, the known-good
# state, the functions that the kernel polls for PME, the kernel's log.

# shellcheck source=hotplug.sh
. "$KT_DIR/lib/hotplug.sh"
# shellcheck source=reset.sh
. "$KT_DIR/lib/reset.sh"
# shellcheck source=runtime.sh
. "$KT_DIR/lib/runtime.sh"
# shellcheck source=slab.sh
. "$KT_DIR/lib/slab.sh"
# shellcheck source=sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=model_paths.sh
. "$KT_DIR/lib/model_paths.sh"

# The function under test, and where it is where the topology does not have it by that name.
MODEL=
MODEL_PLACE=
MODEL_TAKEN=0
MODEL_BOUND=0
MODEL_TMP=$KT_TMP
MODEL_PF=
MODEL_INJECT=$KT_INJECT
at_exit model_end
at_exit away_undo

# model_find: sets KT_DEVICE and KT_PORT to the function at MODEL_PLACE: `at BDF`; `vf ID`,
# the first virtual function of ID, which is bound to the driver for that; else the
# one that the topology calls MODEL. False, with MODEL_REASON.
model_find() {
	# shellcheck disable=SC2086 # a word and its argument
	set -- ${MODEL_PLACE:-id $MODEL}
	MODEL_REASON="there is no function $2"
	case $1 in
	at) BDF=$2 ;;
	vf) model_enable_vf "$2" || return 1 ;;
	id) device_bdf "$2" || return 1 ;;
	esac
	pci_exists "$BDF" || return 1
	KT_DEVICE=$BDF
	pci_upstream_port "$BDF"
	KT_PORT=$PORT
}

# model_enable_vf ID: sets BDF to the first virtual function of ID.
model_enable_vf() {
	device_bdf "$1" || return 1
	MODEL_PF=$BDF
	MODEL_REASON="its physical function $BDF does not bind to $DRIVER"
	KT_DEVICE=$BDF
	KT_OWN_MODULE=0
	device_take || return 1
	MODEL_REASON="$BDF enables no virtual function"
	echo 0 > "$SYSFS_PCI/$BDF/sriov_drivers_autoprobe"
	write_errno "$SYSFS_PCI/$BDF/sriov_numvfs" 1
	[ "$ERRNO" = OK ] || return 1
	BDF=$(cd -P "$SYSFS_PCI/$BDF/virtfn0" && pwd)
	BDF=${BDF##*/}
}

# model_take NAME [PLACE]: what follows is about this function, which has no driver now.
# False, with MODEL_REASON.
model_take() {
	model_end
	MODEL_RUNNER="$KT_DEVICE ${KT_PORT:-none}"
	MODEL=$1
	MODEL_PLACE=${2-}
	# The references of the runner are of another function.
	KT_TMP=$MODEL_TMP/$MODEL
	mkdir -p "$KT_TMP"
	model_find || return 1
	MODEL_REASON=
	MODEL_TAKEN=1
	pci_driver "$KT_DEVICE"
	MODEL_DRIVER=$PCI_DRIVER
	read_line "$SYSFS_PCI/$KT_DEVICE/driver_override"
	MODEL_OVERRIDE=$LINE
	[ "$LINE" != '(null)' ] || MODEL_OVERRIDE=
	[ -z "$MODEL_DRIVER" ] || driver_unbind "$KT_DEVICE"
	read_line "$SYSFS_PCI/$KT_DEVICE/enable"
	MODEL_ENABLED=$LINE
	# No test of this kind unloads it: others may be bound.
	KT_OWN_MODULE=0
	if slab_possible; then
		pme_count
		MODEL_PME=$PME_LISTED
		objects_list "$KT_TMP/objects.before"
		MODEL_OBJECTS=$DRIVER_OBJECTS
	fi
}

# model_end: the function is given back to the driver that it had.
model_end() {
	[ -n "$MODEL" ] || return 0
	[ ! -e "$SYSFS_PCI/$KT_DEVICE/power/control" ] || echo on > "$SYSFS_PCI/$KT_DEVICE/power/control"
	if [ -n "$MODEL_PF" ]; then
		KT_DEVICE=$MODEL_PF
		write_errno "$SYSFS_PCI/$MODEL_PF/sriov_numvfs" 0
		echo 1 > "$SYSFS_PCI/$MODEL_PF/sriov_drivers_autoprobe"
		device_give_back
	elif [ "$MODEL_TAKEN" = 1 ] && pci_exists "$KT_DEVICE"; then
		pci_driver "$KT_DEVICE"
		if [ "$PCI_DRIVER" != "$MODEL_DRIVER" ]; then
			[ -z "$PCI_DRIVER" ] || driver_unbind "$KT_DEVICE"
			driver_override "$KT_DEVICE" "$MODEL_OVERRIDE"
			# One of the kernel's own may find nothing to drive.
			[ -z "$MODEL_DRIVER" ] ||
				write_errno "/sys/bus/pci/drivers/$MODEL_DRIVER/bind" "$KT_DEVICE"
		fi
	fi
	MODEL=
	MODEL_PF=
	MODEL_TAKEN=0
	MODEL_BOUND=0
	KT_TMP=$MODEL_TMP
	KT_DEVICE=${MODEL_RUNNER% *}
	KT_PORT=${MODEL_RUNNER#* }
	[ "$KT_PORT" != none ] || KT_PORT=
}

# is_bridge: true where it has a header of type 1.
is_bridge() {
	[ $(($(cfg_read "$KT_DEVICE" "$PCI_HEADER_TYPE" 1) & 0x7f)) -eq 1 ]
}

# has_functions_below: true where there is a function on the bus below it.
has_functions_below() {
	local dir
	for dir in "$SYSFS_PCI/$KT_DEVICE"/????:??:??.?; do
		[ ! -e "$dir/config" ] || return 0
	done
	return 1
}

# path_begin NAME: false, and the subtest skipped, where it is not bound. What the path before
# left behind is repaired: it has failed for that.
path_begin() {
	if [ "$MODEL_BOUND" = 0 ]; then
		skip "it is not bound"
		return 1
	fi
	dmesg_mark "$MODEL $1"
	if ! device_verify > "$KT_TMP/wrong"; then
		diag "before this path it was not as it should be; repaired:"
		diag_lines < "$KT_TMP/wrong"
		if ! device_repair; then
			fail "$DEVICE_ERROR"
			MODEL_BOUND=0
			return 1
		fi
	fi
	events_mark
}

# path_end WHEN
path_end() {
	if ! bound "$KT_DEVICE"; then
		fail "it is no longer bound $1"
		MODEL_BOUND=0
		return 0
	fi
	check_no_event refusal mismatch lost core_state_bad
	check_status state ok
	check_regs "$1"
	check_saved_agrees "$1"
	check_pme_list "$1"
	check_log
}

# check_log: no damage in the kernel's log since the path began.
check_log() {
	if ! dmesg_damage "$DMESG_MARK" > "$KT_TMP/damage"; then
		fail "damage in the kernel's log:"
		diag_lines < "$KT_TMP/damage"
	fi
}

# check_pme_list WHEN: the kernel polls no function for PME that it did not poll before.
check_pme_list() {
	slab_possible || return 0
	pme_count
	check_eq "entries of pci_pme_list $1" "$PME_LISTED" "$MODEL_PME"
}

# check_nothing_allocated WHEN: what the driver allocated for it is free again, if need be a
# moment later (RCU).
check_nothing_allocated() {
	slab_possible || return 0
	wait_for "$KT_WAIT" objects_as_before && return 0
	fail "the driver's objects $1: $DRIVER_OBJECTS, should be $MODEL_OBJECTS; less (-) and more (+):"
	diff "$KT_TMP/objects.before" "$KT_TMP/objects.now" | sed -n 's/^[-+][0-9]/&/p' | diag_lines
}

objects_as_before() {
	objects_list "$KT_TMP/objects.now"
	[ "$DRIVER_OBJECTS" -eq "$MODEL_OBJECTS" ]
}
