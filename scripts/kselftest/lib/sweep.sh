# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# A loss at every access. A path (a shell function that saves or restores the
# function) is run once in peace and its accesses are counted; then once for each
# access, with the function lost from there on. After every run the known-good state, the
# core's buffer and the registers must each be one of two states, A or B, which
# differ in the header, in a capability and in an extended one: anything else is
# a mixture, or poison.

# What ends each loss of sweep_from, sweep_window and sweep_moments, if nothing else
# does (ms=T): the core waits for 60 s for a function that does not come back.
SWEEP_ENDS=

# 1 where the core saves, unguarded, after the driver and restores before it: what
# it writes then cannot be kept from the function, only repaired.
SWEEP_CORE_SAVES=0

# Registers that the core writes back in a restore as it has just read them, all-ones if
# that was lost, which can only be repaired (pci_restore_aspm_l1ss_state(),
# pci_vc_load_port_arb_table()).
SWEEP_READ_BACK=

# Registers that the kernel writes anew on the path, from what it reads there.
SWEEP_REWRITTEN=

# Each access is lost in turn; where KT_SWEEP_STEP is more than 1 (a slow kernel), one of
# so many, and each loop begins at another one.
sweep_phase=0

# sweep_setup: the fault injector, the two states, and what names them.
sweep_setup() {
	local state answer
	fault_need
	sweep_registers
	mkfifo "$KT_TMP/states.ask" "$KT_TMP/states.answer"
	guest states --skip "$SWEEP_SKIP" --half "$SWEEP_HALF" "$DEBUGFS/$KT_DEVICE/saved" \
		"$FAULT_FUNCTION/would_restore" "$FAULT_FUNCTION/registers" \
		< "$KT_TMP/states.ask" > "$KT_TMP/states.answer" &
	exec 8> "$KT_TMP/states.ask" 9< "$KT_TMP/states.answer"
	at_exit sweep_undo
	for state in B A; do
		state_set $state
		driver_write save
		echo "learn $state" >&8
		read -r answer <&9
		: "$answer"
	done
	KNOWN_GOOD=A
}

# The function as it was, whatever became of the test.
sweep_undo() {
	exec 8>&- 9<&-
	rm -f "$KT_TMP/states.ask" "$KT_TMP/states.answer"
	fault_off
	state_set A
	driver_write save || driver_write restore || driver_write reset || :
}

# sweep_registers: what A and B differ in, and what changes by itself.
sweep_registers() {
	local value link offset
	# Status, and BIST.
	SWEEP_HALF="0x004 0x00c"
	SWEEP_SKIP=$SWEEP_REWRITTEN
	SWEEP_CLEARS=0x006
	# Validation status of an expansion ROM, beside its address: hardware changes it, and the
	# driver does not compare it.
	if [ $(($(cfg_read "$KT_DEVICE" 0x0e 1) & 0x7f)) -eq 0 ] &&
		[ $(($(cfg_read "$KT_DEVICE" 0x30 1) & 0xfe)) -ne 0 ]; then
		SWEEP_SKIP="$SWEEP_SKIP 0x030"
	fi
	if cap_find "$KT_DEVICE" 01; then
		# PME Status, of a function where it changes by itself.
		value=$(cfg_read "$KT_DEVICE" $((CAP + 4)) 2)
		for _ in 1 2 3 4; do
			[ "$(cfg_read "$KT_DEVICE" $((CAP + 4)) 2)" = "$value" ] ||
				SWEEP_SKIP="$SWEEP_SKIP $(offset_name 4)"
		done
	fi
	value=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	STATE_A="$PCI_CACHE_LINE_SIZE 1 $value"
	STATE_B="$PCI_CACHE_LINE_SIZE 1 $((value ^ 0x10))"
	if cap_find "$KT_DEVICE" 10; then
		# Device Control: Unsupported Request Reporting.
		value=$(cfg_read "$KT_DEVICE" $((CAP + 8)) 2)
		STATE_A="$STATE_A $((CAP + 8)) 2 $value"
		STATE_B="$STATE_B $((CAP + 8)) 2 $((value ^ 0x8))"
		# Device Status and Link Status; QEMU loses Link Capabilities.
		SWEEP_HALF="$SWEEP_HALF $(offset_name 8) $(offset_name 16)"
		SWEEP_SKIP="$SWEEP_SKIP $(offset_name 12)"
		SWEEP_CLEARS="$SWEEP_CLEARS $(offset_name 10)"
		link=$(offset_name 16)
	fi
	! cap_find "$KT_DEVICE" 001e || SWEEP_READ_BACK=$link
	if cap_find "$KT_DEVICE" 0002; then
		for offset in 20 32; do
			SWEEP_READ_BACK="$SWEEP_READ_BACK $(offset_name $offset)"
		done
	fi
	if cap_find "$KT_DEVICE" 05; then
		# MSI: address and data are another vector's each time that it is bound, and
		# the core restores the control of one that is in use only.
		for offset in 0 2 4 8 12; do
			SWEEP_SKIP="$SWEEP_SKIP $(offset_name $offset)"
		done
	fi
	if cap_find "$KT_DEVICE" 0001; then
		# AER: the mask of correctable errors, Replay Timer Timeout; or, where all of them are
		# masked, the severity of a Poisoned TLP. All-ones are what is written to such a mask.
		SWEEP_CLEARS="$SWEEP_CLEARS $(offset_name 4) $(offset_name 16)"
		for offset in 8 20; do
			value=$(cfg_read "$KT_DEVICE" $((CAP + offset)) 4)
			[ $((value)) -ne $((0xffffffff)) ] ||
				SWEEP_CLEARS="$SWEEP_CLEARS $(offset_name $offset)"
		done
		if [ $((value)) -eq $((0xffffffff)) ]; then
			offset=12
			value=$(cfg_read "$KT_DEVICE" $((CAP + offset)) 4)
		fi
		STATE_A="$STATE_A $((CAP + offset)) 4 $value"
		STATE_B="$STATE_B $((CAP + offset)) 4 $((value ^ 0x1000))"
		# The status of errors, the pointer to the first one, and the header log.
		for offset in 4 16 24 28 32 36 40; do
			SWEEP_SKIP="$SWEEP_SKIP $(offset_name $offset)"
		done
	fi
}

# offset_name N: prints an offset in the capability CAP as the files show it.
offset_name() {
	printf '0x%03x' $((CAP + $1))
}

# state_set A|B: the registers become those of the state, behind everybody's back.
state_set() {
	local registers
	registers=$STATE_A
	[ "$1" = A ] || registers=$STATE_B
	# shellcheck disable=SC2086 # three words a register
	set -- $registers
	while [ $# -gt 0 ]; do
		echo "$1 $2 $3" > "$FAULT_FUNCTION/registers"
		shift 3
	done
}

# other A|B: sets OTHER.
other() {
	OTHER=A
	[ "$1" = B ] || OTHER=B
}

# driver_write save|restore|reset: false when the driver says no.
driver_write() {
	echo 1 > "$DEBUGFS/$KT_DEVICE/$1"
} 2> /dev/null

# driver_state: sets DRIVER_STATE, as `status` shows it.
driver_state() {
	read -r _ DRIVER_STATE < "$DEBUGFS/$KT_DEVICE/status"
}

# name_states: sets SAVED_STATE, which is - where no driver is bound, BUFFER_STATE, REGS_STATE, and
# STATES_DIFFERENCE.
name_states() {
	echo name >&8
	read -r SAVED_STATE BUFFER_STATE REGS_STATE STATES_DIFFERENCE <&9
}

# ones_are_poison: sets POISON to the all-ones that were written to registers
# other than those of events, where a one clears a bit, and behind the end of config space;
# true if there are any.
ones_are_poison() {
	POISON=$(fault_record | awk -v clears="$SWEEP_CLEARS" '
		BEGIN { n = split(clears, list, " "); for (i = 1; i <= n; i++) ok[list[i]] = 1 }
		$2 == "w" && $5 ~ /^0xffff(ffff)?$/ && $6 != "gone" && !($3 in ok) && length($3) == 5 {
			printf "%s ", $3
		}')
	[ -n "$POISON" ]
}

# all_read_back: true where the core wrote all of POISON back as it had read it.
all_read_back() {
	local register
	for register in $POISON; do
		case " $SWEEP_READ_BACK " in
		*" $register "*) ;;
		*) return 1 ;;
		esac
	done
}

# sweep_before: what a test does before each run; it may define it anew.
sweep_before() {
	:
}

# wrong TEXT: this point has failed; only the first ones are shown.
wrong() {
	sweep_bad=$((sweep_bad + 1))
	if [ "$sweep_bad" -le 5 ]; then
		fail "$sweep_name, $sweep_fault: $*"
	else
		ktap_bad=1
	fi
}

# sweep_point FAULT: runs the path once with FAULT, which is over or disarmed
# afterwards, and looks at the states that are left.
sweep_point() {
	local before fault
	sweep_fault=$1
	sweep_runs=$((sweep_runs + 1))
	# A sign of life: it may take minutes.
	[ $((sweep_runs % 50)) -ne 0 ] || diag "$sweep_name: $sweep_runs runs so far"
	before=$KNOWN_GOOD
	other "$KNOWN_GOOD"
	NEW=$OTHER
	sweep_before
	state_set "$NEW"
	fault_clear
	# shellcheck disable=SC2153 # both are lib/fault.sh's
	echo "$1 devfn=$FAULT_FN" > "$FAULT/fault"
	RESULT=ok
	$sweep_path || RESULT=error
	read -r fault < "$FAULT/fault"
	fault_off
	fault_counters
	# One that was never met is no point: the path was over before.
	if [ "${fault##* }" -gt 0 ]; then
		SWEEP_COUNT=$((SWEEP_COUNT + 1))
	else
		sweep_missed=$((sweep_missed + 1))
	fi
	name_states
	case $SAVED_STATE$BUFFER_STATE in
	*'?'*)
		sweep_poison=$((sweep_poison + 1))
		wrong "known good $SAVED_STATE, buffer $BUFFER_STATE: $STATES_DIFFERENCE"
		;;
	esac
	if [ "$ONES_WRITTEN" -ne 0 ] && ones_are_poison; then
		if [ "$SWEEP_CORE_SAVES" = 1 ] || all_read_back; then
			sweep_repaired=$((sweep_repaired + 1))
		else
			sweep_poison=$((sweep_poison + 1))
			wrong "all-ones were written: $POISON"
		fi
	fi
	$sweep_check "$before"
	sweep_heal
	KNOWN_GOOD=$SAVED_STATE
}

# sweep_heal: the function must be in the known-good state, if need be after a restore, or
# after a reset: it has been back since the fault was over.
sweep_heal() {
	local how good regs
	driver_state
	how="the path"
	if [ "$DRIVER_STATE" != ok ]; then
		how="a restore"
		if ! driver_write restore; then
			how="a reset"
			driver_write reset || :
		fi
		good=$SAVED_STATE
		name_states
		driver_state
		[ "$DRIVER_STATE" = ok ] || wrong "state $DRIVER_STATE after $how"
		[ "$SAVED_STATE" = "$good" ] || wrong "known good was $good, is $SAVED_STATE after $how"
	elif [ "$sweep_restores" = no ]; then
		return 0
	fi
	regs=$SAVED_STATE
	# Where nothing was restored, what was new and not saved is still there.
	[ "$sweep_restores$REGS_STATE" != "maybe$NEW" ] || regs=$NEW
	[ "$REGS_STATE$BUFFER_STATE" = "$regs$SAVED_STATE" ] ||
		wrong "after $how: known good $SAVED_STATE, buffer $BUFFER_STATE, registers $REGS_STATE $STATES_DIFFERENCE"
	# What was not restored right is, for the next point.
	if [ "$REGS_STATE" != "$regs" ]; then
		driver_write restore || driver_write reset || :
	fi
}

# sweep_begin NAME yes|no|maybe PATH [CHECK]: counts the accesses of the path in
# peace: sets N, and checks that the registers are the known-good ones. CHECK is called after
# each run, with the known-good state before it.
sweep_begin() {
	sweep_name=$1
	sweep_restores=$2
	sweep_path=$3
	sweep_check=${4:-:}
	sweep_bad=0
	sweep_poison=0
	sweep_repaired=0
	SWEEP_COUNT=0
	sweep_missed=-1
	sweep_runs=0
	N=0
	sweep_access=0
	# In peace: a fault of no access.
	sweep_point "gone from=1000000"
	N=$ACCESSES
	sweep_moments_of
}

# sweep_end: reports how many points were tried.
sweep_end() {
	diag "$sweep_name: $N accesses, $SWEEP_COUNT losses, $sweep_missed not met"
	# After the last access there is nothing to lose; timing moves a few others.
	[ $((sweep_missed * 20)) -le $((SWEEP_COUNT + 40)) ] ||
		fail "$sweep_name: $sweep_missed losses were not met, the path ends too early"
	[ "$SWEEP_COUNT" -gt 0 ] || fail "$sweep_name: nothing was lost"
	report "points=$SWEEP_COUNT path=$sweep_name"
	[ "$sweep_poison" -eq 0 ] || report "poisoned=$sweep_poison"
	[ "$sweep_repaired" -eq 0 ] ||
		report "$sweep_name: the core wrote all-ones in $sweep_repaired runs, each was repaired"
	[ "$sweep_bad" -le 5 ] || diag "$sweep_name: $sweep_bad points are wrong"
}

# sweep_first ACCESS: sets sweep_access to the first access from there on that is lost: another
# one for each loop, so that together they meet what one of them leaves out.
sweep_first() {
	sweep_access=$(($1 + sweep_phase % KT_SWEEP_STEP))
	sweep_phase=$((sweep_phase + 1))
}

# sweep_from [KIND [MORE]]: lost (or another KIND of fault) from each access on.
sweep_from() {
	sweep_first 0
	while [ "$sweep_access" -le "$N" ]; do
		sweep_point "${1:-gone} from=$sweep_access $SWEEP_ENDS ${2-}"
		sweep_access=$((sweep_access + KT_SWEEP_STEP))
	done
}

# sweep_blips: each single access is lost.
sweep_blips() {
	sweep_from gone count=1
}

# sweep_moments_of: the moments of the healthy run at which it is worst to come
# back, as numbers of accesses: sets AT_saved (after the driver's save),
# AT_restoring (before the first write of the restore) and AT_middle (in it). A
# guarded save ends with its third read of Command/Status; a restore begins with
# Device Control, which is also what starts an FLR, and ends with the last write.
sweep_moments_of() {
	local first
	AT_saved=0
	AT_restoring=0
	AT_middle=0
	fault_record > "$KT_TMP/healthy"
	first=
	! cap_find "$KT_DEVICE" 10 || first=$(offset_name 8)
	eval "$(awk -v first="$first" '
		$2 == "r" && $3 == "0x004" && $4 == 4 && ++reads == 3 { saved = NR }
		$2 == "w" {
			last = NR
			if ($3 == first || (first == "" && saved && !begin)) begin = NR
		}
		END {
			printf "AT_saved=%d AT_restoring=%d AT_middle=%d\n",
				saved, begin - 1, (begin + last) / 2
		}
	' "$KT_TMP/healthy")"
	if [ "$AT_restoring" -lt 0 ]; then
		AT_restoring=0
	fi
}

# sweep_window FIRST LAST: lost from each access from FIRST on until access LAST.
sweep_window() {
	sweep_first "$1"
	while [ "$sweep_access" -lt "$2" ]; do
		sweep_point "gone from=$sweep_access count=$(($2 - sweep_access)) $SWEEP_ENDS"
		sweep_access=$((sweep_access + KT_SWEEP_STEP))
	done
}

# sweep_moments saved|restoring|middle...: lost from each access of the save on, and
# back at that moment.
sweep_moments() {
	local moment end
	for moment in "$@"; do
		case $moment in
		saved) end=$AT_saved ;;
		restoring) end=$AT_restoring ;;
		middle) end=$AT_middle ;;
		esac
		if [ "$AT_saved" -eq 0 ] || [ "$end" -lt "$AT_saved" ]; then
			fail "$sweep_name: the healthy run has no moment '$moment'"
			return 0
		fi
		sweep_first 0
		while [ "$sweep_access" -lt "$AT_saved" ]; do
			sweep_point "gone from=$sweep_access count=$((end - sweep_access)) $SWEEP_ENDS"
			sweep_access=$((sweep_access + KT_SWEEP_STEP))
		done
	done
}

# sweep_restore: lost from each access of the restore's first half on, and back in
# its middle.
sweep_restore() {
	[ "$AT_middle" -gt "$AT_restoring" ] ||
		fail "$sweep_name: the healthy run restores nothing"
	sweep_window "$AT_restoring" "$AT_middle"
}

# sweep_until INDEX...: lost from each access on until access INDEX of the healthy
# run, for each INDEX.
sweep_until() {
	local index
	for index in "$@"; do
		sweep_window 0 "$index"
	done
}
