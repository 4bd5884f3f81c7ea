# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox source-path=SCRIPTDIR disable=SC2034 # answers in variables are for the callers
#
# Random operations on the files that reach our code (guest fuzz), and how
# the device is well again afterwards.

# shellcheck source=interfaces.sh
. "$KT_DIR/lib/interfaces.sh"

DEVICE_DIR=$SYSFS_PCI/$KT_DEVICE

# fuzz_seed: sets SEED, from make check SEED= or at random, and reports it.
fuzz_seed() {
	read_line /etc/pci-recovery/seed
	SEED=${SEED:-$LINE}
	[ -n "$SEED" ] || SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
	report "seed $SEED"
}

# plan PATH ERRNOS WORDS: a line of the plan, if the file is there.
plan() {
	[ ! -e "$1" ] || printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

# plan_debugfs DIR MORE: the files of a function's directory; MORE are errnos that
# come when it is unbound meanwhile. What can be read has no place to write to
# (ESPIPE of pwrite), whether it can be written or not.
plan_debugfs() {
	local file
	plan "$1/save" "EINVAL,EIO,EBUSY,ENODEV$2" 1
	plan "$1/restore" "EINVAL,EIO,EBUSY,ENODEV$2" 1
	plan "$1/reset" "EINVAL,EIO,EBUSY,ENODEV,ENOTTY,ETIMEDOUT$2" 1
	for file in status events saved requests; do
		plan "$1/$file" "EINVAL,ESPIPE$2" 1
	done
	plan "$1/load" "EINVAL,EBUSY$2" '0|1|7|100'
}

# plan_injector: the injector's files. Faults end soon by themselves, if they are
# not mutated.
plan_injector() {
	local gone faults file
	gone=,ENOENT,EIO,ENODEV
	plan "$FAULT_ROOT/wrap" EINVAL,EEXIST,ENODEV,ENOSPC "$FAULT_BUS|0000:fe"
	plan "$FAULT_ROOT/unwrap" EINVAL,ENOENT,EBUSY "$FAULT_BUS|0000:fe"
	faults="off|gone devfn=$FAULT_FN ms=20|gone devfn=$FAULT_FN from=9 count=30 ms=20"
	faults="$faults|ones devfn=$FAULT_FN range=0x10-0x27 count=2 ms=20"
	faults="$faults|zeros range=0x34 count=2 ms=20|error devfn=$FAULT_FN count=3"
	faults="$faults|drop devfn=$FAULT_FN count=5 ms=20|wiped devfn=$FAULT_FN ms=20"
	faults="$faults|stuck range=0x0c value=0x77 ms=20|delay us=200 count=50"
	plan "$FAULT/fault" "EINVAL,ESPIPE,ENOSPC$gone" "$faults"
	plan "$FAULT/clear" "EINVAL$gone" 1
	for file in record counters; do
		plan "$FAULT/$file" "EINVAL,ESPIPE$gone" 1
	done
	plan "$FAULT_FUNCTION/save" "EINVAL$gone" 1
	plan "$FAULT_FUNCTION/restore" "EINVAL$gone" 1
	# The function is on the bus: no model is loaded.
	plan "$FAULT_FUNCTION/model" "EINVAL,ESPIPE,EBUSY$gone" 'off|running'
	plan "$FAULT_FUNCTION/would_restore" "EINVAL,ESPIPE$gone" 1
	plan "$FAULT_FUNCTION/registers" "EINVAL,ESPIPE$gone" \
		'0x004 2 0x0007|0x00c 1 0x10|0x010 4 0x00000000|0x04c 2 0x0003'
}

# plan_sysfs: the attributes whose writes come to our callbacks. The kernel takes
# a page at most of what is written at once: SHORT.
plan_sysfs() {
	local any
	any=EINVAL,EIO,ENODEV,ENOENT,EACCES,EBUSY,EAGAIN,EPERM,ERANGE,SHORT
	plan "$DEVICE_DIR/reset" "$any,ENOTTY,ETIMEDOUT" 1
	plan "$DEVICE_DIR/reset_method" "$any,EOPNOTSUPP" "flr|pm|bus|default|$METHODS"
	plan "$DEVICE_DIR/power/control" "$any" 'on|auto'
	plan "$DEVICE_DIR/d3cold_allowed" "$any" '0|1'
	plan "$DEVICE_DIR/driver_override" "$any" "$DRIVER"
	plan "$DEVICE_DIR/sriov_numvfs" "$any,ENOTTY" '0|1|2'
	plan "$DRIVER_DIR/bind" "$any" "$KT_DEVICE"
	plan "$DRIVER_DIR/unbind" "$any" "$KT_DEVICE"
}

# fuzz_prepare: every module is there, and what is changed comes back at the end.
# Sets PLAN.
fuzz_prepare() {
	PLAN=$KT_TMP/plan
	reset_need
	read_line "$DEVICE_DIR/d3cold_allowed"
	D3COLD_FOUND=$LINE
	fuzz_seed
	interfaces_all
	at_exit fuzz_heal
	{
		plan_debugfs "$DEBUGFS/$KT_DEVICE" ,ENOENT,EIO
		[ -z "${EDU-}" ] || plan_debugfs "$EDU_DEBUGFS/$EDU" ''
		[ -z "${FAULT-}" ] || plan_injector
		if guard_loaded; then
			plan_debugfs "$GUARD_DIR/$KT_DEVICE" ,ENOENT,EIO
			plan "$GUARD_DIR/status" EINVAL,ESPIPE 1
			plan "$GUARD_DIR/functions" EINVAL,ESPIPE 1
		fi
		plan_sysfs
	} > "$PLAN"
}

# off_start: no fault lasts long from now on, whatever is written. off_stop: ends it.
OFF=
off_start() {
	[ -n "${FAULT-}" ] || return 0
	: > "$KT_TMP/go_on"
	while [ -e "$KT_TMP/go_on" ]; do
		{ echo off > "$FAULT/fault"; } 2> /dev/null || :
		usleep 100000 2> /dev/null || sleep 0.1
	done &
	OFF=$!
	at_exit off_stop
}

off_stop() {
	rm -f "$KT_TMP/go_on"
	[ -z "$OFF" ] || wait "$OFF" || :
	OFF=
}

# fuzz SECONDS: in rounds, with a look at the kernel log after each, which has not
# room for all of them.
fuzz() {
	off_start
	FUZZ_OPERATIONS=0
	FUZZ_ROUND=0
	while [ $((FUZZ_ROUND * 5)) -lt "$1" ] && ! failed; do
		dmesg_mark "fuzz round $FUZZ_ROUND, seed $SEED"
		fuzz_round $((SEED + FUZZ_ROUND * 1000)) || fail "round $FUZZ_ROUND fails, see above"
		FUZZ_ROUND=$((FUZZ_ROUND + 1))
	done
	off_stop
	report "$FUZZ_OPERATIONS operations on $(wc -l < "$PLAN") files in $FUZZ_ROUND rounds"
}

# fuzz_round SEED
fuzz_round() {
	local status operations
	status=0
	guest fuzz --seed "$1" --seconds 5 --least 100 "$PLAN" > "$KT_TMP/round" 2>&1 || status=1
	grep '^unexpected ' "$KT_TMP/round" | diag_lines
	operations=$(sed -n 's/^operations //p' "$KT_TMP/round")
	diag "round $FUZZ_ROUND: ${operations:-no} operations"
	FUZZ_OPERATIONS=$((FUZZ_OPERATIONS + ${operations:-0}))
	[ "${operations:-0}" -ge 400 ] || fail "round $FUZZ_ROUND: too few operations"
	cat "$KT_TMP/round" >> "$KT_TMP/rounds"
	if ! dmesg_damage "$DMESG_MARK" > "$KT_TMP/damage"; then
		fail "damage in the kernel log:"
		diag_lines < "$KT_TMP/damage"
	fi
	return $status
}

# each_was_met: no file was left out, and what should come now and then did: the
# words are understood, and garbage is not.
each_was_met() {
	local path line
	while IFS='	' read -r path _ _; do
		grep -q "^$path " "$KT_TMP/rounds" || fail "nothing was done with $path"
	done < "$PLAN"
	for line in "/save write OK" "/save write EINVAL" "/status read OK" \
		"/status write EINVAL" "/bind write OK" "/unbind write OK"; do
		grep -q "$line" "$KT_TMP/rounds" || fail "there was no '$line'"
	done
}

# fuzz_settle: ends all faults, puts settings back, and binds.
fuzz_settle() {
	off_stop
	[ -z "${FAULT-}" ] || write_errno "$FAULT/fault" off
	fault_unload
	write_errno "$DEVICE_DIR/power/control" on
	[ -z "$D3COLD_FOUND" ] || write_errno "$DEVICE_DIR/d3cold_allowed" "$D3COLD_FOUND"
	[ ! -e "$DEVICE_DIR/sriov_numvfs" ] || write_errno "$DEVICE_DIR/sriov_numvfs" 0
	reset_methods_back
	driver_override "$KT_DEVICE" "$DRIVER"
	bound "$KT_DEVICE" || driver_bind "$KT_DEVICE"
	# A mutated address may have been another one's.
	! device_bdf testdev0 || bound "$BDF" || driver_bind "$BDF"
}

# The driver can bring it to what it keeps, by one of its own files.
driver_brings_it_back() {
	fuzz_settle
	# Reset or wiped while it had no driver: nobody has kept its state, and the driver says
	# that it does not take such a function.
	if ! bound "$KT_DEVICE" && dmesg_has "$KT_DEVICE: not bound: "; then
		diag "it was lost while it had no driver"
		fuzz_heal
	fi
	check_true "it is not bound" bound "$KT_DEVICE"
	debugfs_write restore 1
	[ "$ERRNO" = OK ] || debugfs_write reset 1
	check_eq "restore, or reset" "$ERRNO" OK
	check_status state ok
	check_saved_agrees "after a restore"
	if [ -n "${EDU-}" ]; then
		edu_load 0
		wait_for 60 edu_idle || fail "edu's load does not end"
	fi
}

# What it keeps may be what somebody wrote into the registers on purpose.
fuzz_heal() {
	fuzz_settle > /dev/null 2>&1
	! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE"
	write_errno "$DEVICE_DIR/reset" 1
	regs_write_back "$KT_DEVICE" reference
	regs_write_back "$KT_DEVICE" reference
	driver_bind "$KT_DEVICE"
}

device_is_well() {
	local file
	fuzz_heal
	check_status state ok
	check_regs "after it was written back"
	for file in save restore reset; do
		check_write $file 1 OK
	done
	check_status refusals 0
	check_status mismatches 0
	check_regs "after a reset"
	check_saved_agrees "after a reset"
}
