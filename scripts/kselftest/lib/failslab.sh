# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# A failure at every allocation. A path (a shell function that makes the kernel do
# something in one go) is run once in peace and its allocations are counted; then
# once for each allocation, which fails, until one run has fewer: first those of
# the slab, then those of pages. After every run the known-good state, the core's buffer and
# the registers are looked at as in lib/sweep.sh, whose states these are.
#
# The kernel counts the allocations of one task (/proc/TASK/fail-nth, see
# Documentation/fault-injection) and logs the stack of the one that fails, unless
# its caller wants no such thing (__GFP_NOWARN). Those of kmemleak, one for each of
# the others, are left out: it has a reserve.

FAIL_SLAB=/sys/kernel/debug/failslab
FAIL_PAGES=/sys/kernel/debug/fail_page_alloc
# More than any path allocates.
FAIL_NEVER=1000000000
# A failure counts as `ours` if this is in its stack.
FAIL_OURS='\[(pci_recovery|edu_recovery|pci_fault|pci_guard)\]'
# Which allocations a sweep is to try, one after the other.
FAIL_KINDS="slab pages"
# The errno of a path that does not succeed in peace.
FAIL_EXPECTED=
# How many allocations of a kind a sweep lets fail, of a path that has more: evenly
# spread. Empty: every one.
FAIL_MOST=
# A sweep ends with the first allocation of which SITE matches this, if it is not empty:
# behind it the kernel itself has a fault.
FAIL_LAST=
# Log lines that a path may want counted, see WANTED.
FAIL_WANT='device recovery successful'

# failslab_need: skips the whole test on a kernel that cannot let allocations fail.
failslab_need() {
	if [ ! -d "$FAIL_SLAB" ] || [ ! -d "$FAIL_PAGES" ] || [ ! -w /proc/self/fail-nth ]; then
		skip_all "this kernel cannot let allocations fail (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC): KERNEL=debug can"
	fi
	if ! fail_caches 1; then
		skip_all "the caches of this kernel's slab are merged: boot it with slab_nomerge"
	fi
	FAIL_SETTINGS=
	at_exit failslab_undo
	# With the stack of each failure, those that may sleep too, and in user memory.
	fail_set "$FAIL_SLAB/verbose" 2
	fail_set "$FAIL_PAGES/verbose" 2
	fail_set "$FAIL_SLAB/ignore-gfp-wait" N
	fail_set "$FAIL_PAGES/ignore-gfp-wait" N
	fail_set "$FAIL_PAGES/ignore-gfp-highmem" N
	fail_set "$FAIL_PAGES/min-order" 0
	fail_set "$FAIL_SLAB/cache-filter" Y
	# On the console the stacks would take longer than the rest of the test.
	fail_set /proc/sys/kernel/printk 4
	mkfifo "$KT_TMP/failures.ask" "$KT_TMP/failures.answer"
	guest failures --ours "$FAIL_OURS" --damage "$DMESG_DAMAGE" --forgiven "$KT_FORGIVEN" \
		--want "$FAIL_WANT" < "$KT_TMP/failures.ask" > "$KT_TMP/failures.answer" &
	FAIL_TASK=$!
	exec 4> "$KT_TMP/failures.ask" 5< "$KT_TMP/failures.answer"
	fail_marks=0
	failslab_log
}

failslab_undo() {
	exec 4>&- 5<&- 6>&-
	fail_caches 0 || :
	rm -f "$KT_TMP/failures.ask" "$KT_TMP/failures.answer"
	# shellcheck disable=SC2086 # file and value, each
	set -- $FAIL_SETTINGS
	while [ $# -gt 0 ]; do
		echo "$2" > "$1"
		shift 2
	done
}

# fail_set FILE VALUE: until the test's end.
fail_set() {
	local old
	# Not by the shell itself: a file of /proc/sys gives one that reads a byte at a time
	# no more than the first.
	old=$(cat "$1")
	FAIL_SETTINGS="$1 ${old%%[[:space:]]*} $FAIL_SETTINGS"
	echo "$2" > "$1"
}

# fail_in slab|pages: which allocations are counted.
fail_in() {
	FAIL_KIND=$1
	case $1 in
	slab)
		fail_caches 1
		echo 31 > "$FAIL_PAGES/min-order"
		;;
	pages)
		fail_caches 0
		echo 0 > "$FAIL_PAGES/min-order"
		;;
	esac
}

# fail_caches 1|0: lets allocations from the slab's caches fail, or not. False where the kernel
# cannot tell the caches apart.
fail_caches() {
	local status file
	status=0
	for file in /sys/kernel/slab/*/failslab; do
		case $file in
		*/kmemleak_*) ;;
		*) echo "$1" > "$file" || status=1 ;;
		esac
	done 2> /dev/null
	return "$status"
}

# fail_task PID: what fail_begin lets fail are the allocations of this task.
fail_task() {
	FAIL_NTH=/proc/$1/fail-nth
	exec 6> "$FAIL_NTH"
}

# fail_begin: from now on the task's allocation number FAIL_N fails. fail_end: none
# does; sets LEFT, which is 0 if it has failed.
fail_begin() {
	exec 7< "$FAIL_NTH"
	echo "$FAIL_N" >&6
}

fail_end() {
	read -r LEFT <&7
	echo 0 >&6
	exec 7<&-
}

# write_armed FILE TEXT: one write by the task FAIL_TASK, in which allocation FAIL_N
# fails; false when the kernel says no. Sets LEFT, which is 0 if it has failed, and ERRNO.
write_armed() {
	echo "write $FAIL_N $1 $2" >&4
	read -r LEFT ERRNO <&5
	[ "$ERRNO" = OK ]
}

# insmod_armed FILE: loads that module in the same way. False when it is not loaded.
insmod_armed() {
	local name
	echo "load $FAIL_N $1" >&4
	read -r LEFT ERRNO <&5
	name=${1##*/}
	[ -d "/sys/module/${name%.ko}" ]
}

# failslab_log: what the kernel has logged since the last one: sets CLASS, DAMAGE,
# WANTED and SITE.
failslab_log() {
	fail_marks=$((fail_marks + 1))
	echo "failslab mark $$.$fail_marks" > /dev/kmsg
	echo "until $$.$fail_marks" >&4
	read -r CLASS DAMAGE WANTED SITE <&5
}

# failslab_holds: sets HOLDS to what a driver holds of the function: how often it is
# enabled, and its references of runtime PM, where the kernel shows them.
failslab_holds() {
	read_line "$SYSFS_PCI/$KT_DEVICE/enable"
	HOLDS="enable $LINE"
	read_line "$SYSFS_PCI/$KT_DEVICE/power/runtime_usage"
	HOLDS="$HOLDS, runtime_usage $LINE"
}

# failslab_point N: runs the path once, with its Nth allocation failing, and judges.
failslab_point() {
	local before
	FAIL_N=$1
	sweep_fault="$FAIL_KIND allocation $1"
	sweep_runs=$((sweep_runs + 1))
	[ $((sweep_runs % 50)) -ne 0 ] || diag "$sweep_name: $sweep_runs runs so far"
	before=$KNOWN_GOOD
	other "$KNOWN_GOOD"
	NEW=$OTHER
	sweep_before
	state_set "$NEW"
	LEFT=$FAIL_NEVER
	ERRNO=OK
	RESULT=ok
	$sweep_path || RESULT=error
	failslab_log
	if [ "$LEFT" -eq 0 ]; then
		fail_points=$((fail_points + 1))
		case $CLASS in
		ours) fail_ours=$((fail_ours + 1)) ;;
		core) fail_core=$((fail_core + 1)) ;;
		none) SITE="not logged" ;;
		esac
		[ "$RESULT" = ok ] || fail_errors=$((fail_errors + 1))
		sweep_fault="$sweep_fault ($SITE), $ERRNO"
	else
		[ "$RESULT" = ok ] || [ "$ERRNO" = "$FAIL_EXPECTED" ] ||
			wrong "no allocation fails, and yet: $ERRNO"
	fi
	[ "$DAMAGE" = - ] || wrong "damage: $DAMAGE"
	name_states
	$sweep_check "$before"
	case $SAVED_STATE$BUFFER_STATE in
	*'?'*)
		sweep_poison=$((sweep_poison + 1))
		wrong "known good $SAVED_STATE, buffer $BUFFER_STATE: $STATES_DIFFERENCE"
		;;
	esac
	failslab_holds
	[ "$HOLDS" = "$FAIL_HOLDS" ] || wrong "held are $HOLDS; it was $FAIL_HOLDS"
	sweep_heal
	KNOWN_GOOD=$SAVED_STATE
}

# failslab_sweep NAME yes|no|maybe PATH [CHECK]: every allocation of the path fails
# once. The arguments are those of sweep_begin. A path arms by itself.
failslab_sweep() {
	local kind step n untouched
	sweep_name=$1
	sweep_restores=$2
	sweep_path=$3
	sweep_check=${4:-:}
	sweep_bad=0
	sweep_poison=0
	sweep_runs=0
	fail_points=0
	fail_ours=0
	fail_core=0
	fail_errors=0
	fail_counts=
	failslab_holds
	FAIL_HOLDS=$HOLDS
	for kind in $FAIL_KINDS; do
		fail_in "$kind"
		failslab_point $FAIL_NEVER
		fail_counts="$fail_counts$((FAIL_NEVER - LEFT)) $kind, "
		step=1
		[ -z "$FAIL_MOST" ] || step=$(((FAIL_NEVER - LEFT) / FAIL_MOST + 1))
		n=1
		untouched=0
		# Which pages the slab needs depends on what is free: one more look.
		while [ "$untouched" -lt 2 ]; do
			failslab_point $n
			n=$((n + step))
			if [ "$LEFT" -eq 0 ]; then
				untouched=0
			elif [ "$kind" = slab ]; then
				untouched=2
			else
				untouched=$((untouched + 1))
			fi
			# Ends a sweep that fails at each point.
			[ "$sweep_bad" -lt 50 ] || break
			if [ -n "$FAIL_LAST" ] && printf '%s\n' "$SITE" | grep -qE "$FAIL_LAST"; then
				break
			fi
		done
	done
	diag "$sweep_name: ${fail_counts}$fail_points failed, $fail_errors ended in an errno;" \
		"$fail_ours in our modules, $fail_core elsewhere, the rest not logged"
	[ "$fail_ours$fail_core" != 00 ] || fail "$sweep_name: no failure is in the log"
	report "points=$fail_points path=failslab_$sweep_name"
	[ "$sweep_poison" -eq 0 ] || report "poisoned=$sweep_poison"
	[ "$sweep_bad" -le 5 ] || diag "$sweep_name: $sweep_bad points are wrong"
}

# Checks. Each is called with the known-good state before the run.

# failslab_untouched: it works as if nothing had failed.
failslab_succeeds() {
	[ "$RESULT" = ok ] || wrong "it fails with $ERRNO"
}

# failslab_says_no ERRNO...: or it ends with one of these.
failslab_says_no() {
	case "ok $* " in
	"$RESULT "* | *" $ERRNO "*) ;;
	*) wrong "the errno is $ERRNO" ;;
	esac
}

# failslab_is_well: and the function has noticed nothing.
failslab_is_well() {
	driver_state
	[ "$DRIVER_STATE" = ok ] || wrong "state $DRIVER_STATE"
}
