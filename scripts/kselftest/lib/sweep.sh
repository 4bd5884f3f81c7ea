# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# A loss at every access. A path (a shell function that saves or restores the
# function) is run once in peace and its accesses are counted; then once for each
# access, with the function lost from there on. After every run the vault, the
# core's buffer and the registers must each be one of two states, A or B, which
# differ in the header, in a capability and in an extended one: anything else is
# a mixture, or poison.

# What ends each loss of sweep_from, sweep_window and sweep_moments, if nothing else
# does (ms=T): the core waits for 60 s for a function that does not come back.
SWEEP_ENDS=

# 1 where the core saves, unguarded, after the driver and restores before it: what
# it writes then cannot be kept from the function, only repaired.
SWEEP_CORE_SAVES=0

# Each access is lost in turn; where KT_SWEEP_STEP is more than 1 (a slow kernel), one of
# so many, and each loop begins at another one.
sweep_phase=0

# sweep_setup: the fault injector, the two states, and the judge.
sweep_setup() {
	fault_need
	sweep_registers
	mkfifo "$KT_TMP/judge.ask" "$KT_TMP/judge.answer"
	awk -v saved="$DEBUGFS/$KT_DEVICE/saved" \
		-v would="$FAULT_FUNCTION/would_restore" \
		-v registers="$FAULT_FUNCTION/registers" \
		-v skip="$SWEEP_SKIP" -v half="$SWEEP_HALF" \
		-f "$KT_DIR/lib/judge.awk" \
		< "$KT_TMP/judge.ask" > "$KT_TMP/judge.answer" &
	exec 8> "$KT_TMP/judge.ask" 9< "$KT_TMP/judge.answer"
	at_exit sweep_undo
	for ss_state in B A; do
		state_set $ss_state
		driver_write save
		echo "learn $ss_state" >&8
		read -r ss_answer <&9
		: "$ss_answer"
	done
	VAULT=A
}

# The function as it was, whatever became of the test.
sweep_undo() {
	exec 8>&- 9<&-
	rm -f "$KT_TMP/judge.ask" "$KT_TMP/judge.answer"
	fault_off
	state_set A
	driver_write save || driver_write restore || driver_write reset || :
}

# sweep_registers: what A and B differ in, and what changes by itself.
sweep_registers() {
	SWEEP_HALF=0x004
	SWEEP_SKIP=
	SWEEP_CLEARS=0x006
	sr_value=$(cfg_read "$KT_DEVICE" "$PCI_CACHE_LINE_SIZE" 1)
	STATE_A="$PCI_CACHE_LINE_SIZE 1 $sr_value"
	STATE_B="$PCI_CACHE_LINE_SIZE 1 $((sr_value ^ 0x10))"
	if cap_find "$KT_DEVICE" 10; then
		# Device Control: Unsupported Request Reporting.
		sr_value=$(cfg_read "$KT_DEVICE" $((CAP + 8)) 2)
		STATE_A="$STATE_A $((CAP + 8)) 2 $sr_value"
		STATE_B="$STATE_B $((CAP + 8)) 2 $((sr_value ^ 0x8))"
		# Device Status and Link Status; QEMU loses Link Capabilities.
		SWEEP_HALF="$SWEEP_HALF $(offset_name 8) $(offset_name 16)"
		SWEEP_SKIP="$SWEEP_SKIP $(offset_name 12)"
		SWEEP_CLEARS="$SWEEP_CLEARS $(offset_name 10)"
	fi
	if cap_find "$KT_DEVICE" 05; then
		# MSI: address and data are another vector's each time that it is bound, and
		# the core restores the control of one that is in use only.
		for sr_offset in 0 2 4 8 12; do
			SWEEP_SKIP="$SWEEP_SKIP $(offset_name $sr_offset)"
		done
	fi
	if cap_find "$KT_DEVICE" 0001; then
		# AER: the mask of correctable errors, Replay Timer Timeout.
		sr_value=$(cfg_read "$KT_DEVICE" $((CAP + 20)) 4)
		STATE_A="$STATE_A $((CAP + 20)) 4 $sr_value"
		STATE_B="$STATE_B $((CAP + 20)) 4 $((sr_value ^ 0x1000))"
		SWEEP_CLEARS="$SWEEP_CLEARS $(offset_name 4) $(offset_name 16)"
		# The status of errors, the pointer to the first one, and the header log.
		for sr_offset in 4 16 24 28 32 36 40; do
			SWEEP_SKIP="$SWEEP_SKIP $(offset_name $sr_offset)"
		done
	fi
}

# offset_name N: prints an offset in the capability CAP as the files show it.
offset_name() {
	printf '0x%03x' $((CAP + $1))
}

# state_set A|B: the registers become those of the state, behind everybody's back.
state_set() {
	ss_registers=$STATE_A
	[ "$1" = A ] || ss_registers=$STATE_B
	# shellcheck disable=SC2086 # three words a register
	set -- $ss_registers
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
	read -r ds_key DRIVER_STATE < "$DEBUGFS/$KT_DEVICE/status"
	: "$ds_key"
}

# judge: sets J_VAULT, which is - where no driver is bound, J_BUFFER, J_REGS, and
# J_WRONG.
judge() {
	echo judge >&8
	read -r J_VAULT J_BUFFER J_REGS J_WRONG <&9
}

# ones_are_poison: sets POISON to the all-ones that were written to registers
# other than those of events, where a one clears a bit; true if there are any.
ones_are_poison() {
	POISON=$(fault_record | awk -v clears="$SWEEP_CLEARS" '
		BEGIN { n = split(clears, list, " "); for (i = 1; i <= n; i++) ok[list[i]] = 1 }
		$2 == "w" && $5 ~ /^0xffff(ffff)?$/ && $6 != "gone" && !($3 in ok) {
			printf "%s ", $3
		}')
	[ -n "$POISON" ]
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
# afterwards, and judges.
sweep_point() {
	sweep_fault=$1
	sweep_runs=$((sweep_runs + 1))
	# A sign of life: it may take minutes.
	[ $((sweep_runs % 50)) -ne 0 ] || diag "$sweep_name: $sweep_runs runs so far"
	sp_before=$VAULT
	other "$VAULT"
	NEW=$OTHER
	sweep_before
	state_set "$NEW"
	fault_clear
	# shellcheck disable=SC2153 # both are lib/fault.sh's
	echo "$1 devfn=$FAULT_FN" > "$FAULT/fault"
	RESULT=ok
	$sweep_path || RESULT=error
	read -r sp_fault < "$FAULT/fault"
	fault_off
	fault_counters
	# One that was never met is no point: the path was over before.
	if [ "${sp_fault##* }" -gt 0 ]; then
		SWEEP_COUNT=$((SWEEP_COUNT + 1))
	else
		sweep_missed=$((sweep_missed + 1))
	fi
	judge
	case $J_VAULT$J_BUFFER in
	*'?'*)
		sweep_poison=$((sweep_poison + 1))
		wrong "vault $J_VAULT, buffer $J_BUFFER: $J_WRONG"
		;;
	esac
	if [ "$ONES_WRITTEN" -ne 0 ] && ones_are_poison; then
		if [ "$SWEEP_CORE_SAVES" = 1 ]; then
			sweep_repaired=$((sweep_repaired + 1))
		else
			sweep_poison=$((sweep_poison + 1))
			wrong "all-ones were written: $POISON"
		fi
	fi
	$sweep_check "$sp_before"
	sweep_heal
	VAULT=$J_VAULT
}

# sweep_heal: the function must be as the vault, if need be after a restore, or
# after a reset: it has been back since the fault was over.
sweep_heal() {
	driver_state
	sh_how="the path"
	if [ "$DRIVER_STATE" != ok ]; then
		sh_how="a restore"
		if ! driver_write restore; then
			sh_how="a reset"
			driver_write reset || :
		fi
		sh_vault=$J_VAULT
		judge
		driver_state
		[ "$DRIVER_STATE" = ok ] || wrong "state $DRIVER_STATE after $sh_how"
		[ "$J_VAULT" = "$sh_vault" ] || wrong "vault was $sh_vault, is $J_VAULT after $sh_how"
	elif [ "$sweep_restores" = no ]; then
		return 0
	fi
	sh_regs=$J_VAULT
	# Where nothing was restored, what was new and not saved is still there.
	[ "$sweep_restores$J_REGS" != "maybe$NEW" ] || sh_regs=$NEW
	[ "$J_REGS$J_BUFFER" = "$sh_regs$J_VAULT" ] ||
		wrong "after $sh_how: vault $J_VAULT, buffer $J_BUFFER, registers $J_REGS $J_WRONG"
	# What was not restored right is, for the next point.
	if [ "$J_REGS" != "$sh_regs" ]; then
		driver_write restore || driver_write reset || :
	fi
}

# sweep_begin NAME yes|no|maybe PATH [CHECK]: counts the accesses of the path in
# peace: sets N. Are the registers the vault's after it? CHECK is called after
# each run, with the vault's state before it.
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
	sf_k=0
	# In peace: a fault of no access.
	sweep_point "gone from=1000000"
	N=$ACCESSES
	sweep_moments_of
}

# sweep_end: tells how many points were tried.
sweep_end() {
	diag "$sweep_name: $N accesses, $SWEEP_COUNT losses, $sweep_missed not met"
	# After the last access there is nothing to lose; timing moves a few others.
	[ $((sweep_missed * 20)) -le $((SWEEP_COUNT + 40)) ] ||
		fail "$sweep_name: $sweep_missed losses were not met, the path ends too early"
	report "points $sweep_name $SWEEP_COUNT"
	[ "$sweep_poison" -eq 0 ] || report "poisoned $sweep_poison"
	[ "$sweep_repaired" -eq 0 ] ||
		report "$sweep_name: the core wrote all-ones in $sweep_repaired runs, each was repaired"
	[ "$sweep_bad" -le 5 ] || diag "$sweep_name: $sweep_bad points are wrong"
}

# sweep_first ACCESS: sets sf_k to the first access from there on that is lost: another
# one for each loop, so that together they meet what one of them leaves out.
sweep_first() {
	sf_k=$(($1 + sweep_phase % KT_SWEEP_STEP))
	sweep_phase=$((sweep_phase + 1))
}

# sweep_from [KIND [MORE]]: lost (or another KIND of fault) from each access on.
sweep_from() {
	sweep_first 0
	while [ "$sf_k" -le "$N" ]; do
		sweep_point "${1:-gone} from=$sf_k $SWEEP_ENDS ${2-}"
		sf_k=$((sf_k + KT_SWEEP_STEP))
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
	AT_saved=0
	AT_restoring=0
	AT_middle=0
	fault_record > "$KT_TMP/healthy"
	sm_first=
	! cap_find "$KT_DEVICE" 10 || sm_first=$(offset_name 8)
	eval "$(awk -v first="$sm_first" '
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
	while [ "$sf_k" -lt "$2" ]; do
		sweep_point "gone from=$sf_k count=$(($2 - sf_k)) $SWEEP_ENDS"
		sf_k=$((sf_k + KT_SWEEP_STEP))
	done
}

# sweep_moments saved|restoring|middle...: lost from each access of the save on, and
# back at that moment.
sweep_moments() {
	for sm_moment in "$@"; do
		case $sm_moment in
		saved) sm_end=$AT_saved ;;
		restoring) sm_end=$AT_restoring ;;
		middle) sm_end=$AT_middle ;;
		esac
		if [ "$AT_saved" -eq 0 ] || [ "$sm_end" -lt "$AT_saved" ]; then
			fail "$sweep_name: the healthy run has no moment '$sm_moment'"
			return 0
		fi
		sweep_first 0
		while [ "$sf_k" -lt "$AT_saved" ]; do
			sweep_point "gone from=$sf_k count=$((sm_end - sf_k)) $SWEEP_ENDS"
			sf_k=$((sf_k + KT_SWEEP_STEP))
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
	for su_index in "$@"; do
		sweep_window 0 "$su_index"
	done
}
