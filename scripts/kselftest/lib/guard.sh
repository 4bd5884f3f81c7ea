# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# pci_guard.ko, which guards every function, whoever drives it. See
# rust/pci_guard.rs and rust/pci_guard/files.rs.

GUARD_DIR=/sys/kernel/debug/pci_guard
GUARD=

# guard_possible: false, with GUARD_REASON, when there is no guard, or no ftrace for it.
guard_possible() {
	local dir
	dir=${KT_MODULE%/*}
	GUARD_KO=$dir/pci_guard.ko
	GUARD_REASON="there is no pci_guard.ko beside the module: it is built for kernels with CONFIG_TASKS_RCU"
	[ -z "$KT_MODULE" ] || [ -e "$GUARD_KO" ] || return 1
	[ -n "$KT_MODULE" ] || GUARD_KO=
	GUARD_REASON="no module pci_guard"
	[ -n "$GUARD_KO" ] || modprobe -n pci_guard 2> /dev/null || return 1
	GUARD_REASON="this kernel has no ftrace, without which there is no guard"
	[ -e /proc/sys/kernel/ftrace_enabled ]
}

guard_loaded() {
	[ -d /sys/module/pci_guard ]
}

# guard_load [PARAMETER=VALUE...]: false, with the reason in GUARD_ERROR.
guard_load() {
	if [ -n "$GUARD_KO" ]; then
		set -- insmod "$GUARD_KO" "$@"
	else
		set -- modprobe pci_guard "$@"
	fi
	GUARD_ERROR=$("$@" 2>&1)
}

# guard_unload: false, with the reason in GUARD_ERROR.
guard_unload() {
	guard_loaded || return 0
	GUARD_ERROR=$(rmmod pci_guard 2>&1)
}

# guard_need: loads it until the test's end; skips the whole test where there is none.
guard_need() {
	guard_possible || skip_all "$GUARD_REASON"
	at_exit guard_unload
	guard_load || {
		printf 'KTAP version 1\n1..1\nnot ok 1 load # %s\n' "$GUARD_ERROR"
		exit 1
	}
}

# guard_get KEY [BDF]: sets GUARD to that line of `status`, of the module or of a function;
# empty when absent.
guard_get() {
	local file line
	GUARD=
	file=$GUARD_DIR/${2:+$2/}status
	[ -r "$file" ] || return 0
	while IFS= read -r line; do
		case $line in
		"$1: "*) GUARD=${line#"$1: "} ;;
		esac
	done < "$file"
}

# check_guard KEY VALUE [BDF]
check_guard() {
	guard_get "$1" "${3-}"
	check_eq "guard's status${3:+ of $3}, $1" "$GUARD" "$2"
}

# check_guard_more KEY THAN [BDF]: the counter has become more.
check_guard_more() {
	guard_get "$1" "${3-}"
	[ "${GUARD:-0}" -gt "$2" ] || fail "guard's status${3:+ of $3}, $1: is '$GUARD', should be more than $2"
}

# check_guard_agrees WHEN [BDF]: what is known good of the function is what it reads.
check_guard_agrees() {
	local first rest
	cat "$GUARD_DIR/${2:-$KT_DEVICE}/saved" > "$KT_TMP/guard.saved"
	regs_against_saved "${2:-$KT_DEVICE}" "$KT_TMP/guard.saved" > "$KT_TMP/guard.against"
	while read -r first rest; do
		if [ "$first" != compared ]; then
			fail "the guard's known-good state is not the register $1: $first $rest"
		elif [ "$rest" -lt 16 ]; then
			fail "the guard's known-good state has only $rest registers $1"
		fi
	done < "$KT_TMP/guard.against"
}

# guard_table FILE: a copy of the table of functions.
guard_table() {
	cat "$GUARD_DIR/functions" > "$1"
}

# check_guard_all_more COLUMN BEFORE WHEN: of every function that counter of the table has
# become more than in the copy BEFORE; but for those of our driver, which saves by itself.
check_guard_all_more() {
	guard_table "$KT_TMP/guard.after"
	awk -v column="$1" -v judges="$(cd "$DRIVER_DIR" && echo ????:*)" '
		FNR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i; next }
		NR == FNR { before[$1] = $at; next }
		index(judges, $1) { next }
		!($1 in before) || $at <= before[$1] { print $1, before[$1] + 0, "->", $at }
	' "$2" "$KT_TMP/guard.after" > "$KT_TMP/guard.less"
	[ ! -s "$KT_TMP/guard.less" ] || {
		fail "$1 of these functions have not become more $3:"
		diag_lines < "$KT_TMP/guard.less"
	}
}

# check_no_refusal: nothing was refused, lost or suspicious of any function since the guard
# was loaded: the worst that it could do.
check_no_refusal() {
	awk 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["state"] == "lost" || $at["refusals"] || $at["suspicious"] || $at["replaced"]
	' "$GUARD_DIR/functions" > "$KT_TMP/guard.refusals"
	[ ! -s "$KT_TMP/guard.refusals" ] || {
		fail "refused, lost or suspicious (function state from saved_at_ns saves refusals suspicious ...):"
		diag_lines < "$KT_TMP/guard.refusals"
	}
}

# guard_stood_by: the last subtest of a test that was run with the guard loaded: it was in
# force until now, and did nothing to any other function.
guard_stood_by() {
	check_guard hooks "in force"
	awk -v device="$KT_DEVICE" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$1 != device && ($at["state"] !~ /^(ok|unknown)$/ || $at["refusals"] || $at["replaced"])
	' "$GUARD_DIR/functions" > "$KT_TMP/guard.others"
	[ ! -s "$KT_TMP/guard.others" ] || {
		fail "of other functions: refused, replaced, or not well:"
		diag_lines < "$KT_TMP/guard.others"
	}
}
