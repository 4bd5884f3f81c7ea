#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: endpoint conventional zpci
#
# The KUnit tests of kunit_recovery.ko (rust/kunit_recovery.rs), which the kernel
# runs when it is loaded, with the device bound to it: each case is a subtest.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

TESTED=kunit_recovery
SUITES='events function health lifecycle log recoverable rules state'
KUNIT=/sys/kernel/debug/kunit

module=${KT_MODULE%/*}/$TESTED.ko
[ -e "$module" ] ||
	skip_all "there is no $TESTED.ko beside the module: it is built for kernels with CONFIG_KUNIT=y"
[ -d "$KUNIT" ] || skip_all "there is no $KUNIT: it needs CONFIG_KUNIT_DEBUGFS"

give_back() {
	! [ -d "/sys/module/$TESTED" ] || rmmod $TESTED || :
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
}

# Each case becomes a file SUITE.CASE: `ok`, `skip REASON` or `fail`, and below it
# what KUnit said, without where the source was built. Prints the cases, and `PLANNED SUITE planned NUMBER`.
split_results() {
	awk -v suite="$1" -v dir="$KT_TMP/kunit" '
		/^ +1\.\.[0-9]/ { sub(/^ +1\.\./, ""); print "planned", $0; next }
		/^ +KTAP version|^ +# Subtest:/ { next }
		/^ +(not )?ok [0-9]+ / {
			verdict = $1 == "ok" ? "ok" : "fail"
			name = $1 == "ok" ? $3 : $4
			if (match($0, / # SKIP ?/))
				verdict = "skip " substr($0, RSTART + RLENGTH)
			file = dir "/" suite "." name
			printf "%s\n%s", verdict, said > file; close(file)
			print "case", suite "." name
			said = ""
			next
		}
		/^ / {
			sub(/^ +/, "")
			sub(/ at [^ ]*\/rust\//, " at rust/")
			said = said $0 "\n"
		}
	' "$KUNIT/pci_recovery_$1/results"
}

# has_run SUITE: a kernel without kunit.autorun runs it on request.
has_run() {
	grep -qE '^ +(not )?ok [0-9]+ ' "$KUNIT/pci_recovery_$1/results"
}

run_suites() {
	local suite what value
	rm -rf "$KT_TMP/kunit"
	mkdir "$KT_TMP/kunit"
	for suite in $SUITES; do
		[ -d "$KUNIT/pci_recovery_$suite" ] || continue
		has_run "$suite" || echo 1 > "$KUNIT/pci_recovery_$suite/run"
		split_results "$suite" > "$KT_TMP/kunit/suite"
		while read -r what value; do
			case $what in
			planned) PLANNED=$((PLANNED + value)) ;;
			case) set -- "$@" "pci_recovery $value" ;;
			esac
		done < "$KT_TMP/kunit/suite"
	done
	subtests suites_are_there "$@" left_nothing
}

suites_are_there() {
	local suite dir
	[ -z "$LOAD_ERROR" ] || fail "$TESTED cannot be loaded: $LOAD_ERROR"
	pci_driver "$KT_DEVICE"
	check_eq "driver" "$PCI_DRIVER" $TESTED
	for suite in $SUITES; do
		[ -d "$KUNIT/pci_recovery_$suite" ] || fail "there is no suite pci_recovery_$suite"
	done
	for dir in "$KUNIT"/pci_recovery_*; do
		case " $SUITES " in
		*" ${dir##*/pci_recovery_} "*) ;;
		*) fail "${dir##*/} is not named in this test (SUITES)" ;;
		esac
	done
	set -- "$KT_TMP"/kunit/*.*
	check_eq "cases that have a result" $# "$PLANNED"
}

# pci_recovery SUITE.CASE: so called that the subtest has the name of the case.
pci_recovery() {
	local verdict reason
	while read -r verdict reason; do
		case $verdict in
		ok) ;;
		skip) skip "${reason:-no reason is given}" ;;
		*) fail "KUnit says:" ;;
		esac
		! failed || diag_lines
		return 0
	done < "$KT_TMP/kunit/$1"
}

left_nothing() {
	local dir
	check_true "$TESTED cannot be unloaded" rmmod $TESTED
	for dir in "$KUNIT"/pci_recovery_*; do
		[ ! -e "$dir" ] || fail "$dir is still there"
	done
}

PLANNED=0
at_exit give_back
driver_unbind "$KT_DEVICE"
driver_override "$KT_DEVICE" $TESTED
dmesg_mark kunit
LOAD_ERROR=$(insmod "$module" 2>&1) || LOAD_ERROR=${LOAD_ERROR:-no reason}
! dmesg_has 'kunit: disabled' || skip_all "KUnit is switched off: boot with kunit.enable=1"
run_suites
