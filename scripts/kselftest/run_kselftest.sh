#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
# shellcheck source-path=SCRIPTDIR
#
# Runs the tests of tests/ (or soak/, corpus/, models/, bench/) on one PCI function and reports KTAP, one
# nested block a test. See --help.
set -eu

KT_DIR=$(cd "$(dirname "$0")" && pwd)
# The tests call the program `guest` by its name.
PATH=$KT_DIR/tools:$PATH
export KT_DIR PATH

# shellcheck source=lib/util.sh
. "$KT_DIR/lib/util.sh"
# shellcheck source=lib/pci.sh
. "$KT_DIR/lib/pci.sh"
# shellcheck source=lib/driver.sh
. "$KT_DIR/lib/driver.sh"
# shellcheck source=lib/inject.sh
. "$KT_DIR/lib/inject.sh"
# shellcheck source=lib/dmesg.sh
. "$KT_DIR/lib/dmesg.sh"
# shellcheck source=lib/kmemleak.sh
. "$KT_DIR/lib/kmemleak.sh"
# shellcheck source=lib/device.sh
. "$KT_DIR/lib/device.sh"
# shellcheck source=lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=lib/present.sh
. "$KT_DIR/lib/present.sh"
# shellcheck source=lib/script.sh
. "$KT_DIR/lib/script.sh"
# shellcheck source=lib/runner.sh
. "$KT_DIR/lib/runner.sh"
# shellcheck source=settings
. "$KT_DIR/settings"

usage() {
	cat << 'END'
usage: run_kselftest.sh [OPTION]...
Tests the pci_recovery driver on one PCI function; prints KTAP.

  --device BDF      the function, as 0000:01:00.0; must be given on a real
                    machine, in the harness's guest the topology names it
  --filter GLOB...  run only the tests whose name matches ('aer_* bind')
  --soak            run the endurance tests (soak/) instead: minutes each
  --corpus          dump the functions of QEMU's models (corpus/) instead
  --models          take each function of QEMU's models by every path (models/) instead
  --bench           measure (bench/) instead, in a guest whose time counts instructions
  --list            print the tests' names, one a line, and end
  --module PATH     the module; default /modules/pci_recovery.ko if it is there,
                    else `modprobe pci_recovery`
  --inject BACKEND  where errors come from:
                      qemu        the harness's emulated hardware
                      aer_inject  the kernel's module of that name
                      zpci        zpci_error.ko, for functions of zPCI (s390x)
                      none        tests that need an error are skipped
                      auto        zpci for a function of zPCI, else qemu if there is
                                  a harness, else aer_inject (default)
  --timeout SECONDS bound for each test, instead of the one in its head or in `settings`
  --help

Exit status: 0 all passed, 1 a test failed, 2 wrong usage, 4 all were skipped.

Needs root, debugfs, and a kernel with CONFIG_PCIEAER, CONFIG_DEBUG_FS, and for
the suspend test CONFIG_PM_DEBUG.

On a real machine: the function is TAKEN FROM ITS DRIVER and bound to
pci_recovery, reset by each method it offers, cut off at the port above it,
given wrong BARs, and hit by AER errors; the secondary bus above it is reset,
and the whole machine goes through suspend test cycles. Name a function that
nothing uses: never the one with your disk, network or screen. Work that is
not saved can be lost, and a device that does not survive a reset needs a power
cycle. At the end, and on Ctrl-C, the original driver is bound again.
END
}

bad_usage() {
	printf 'run_kselftest.sh: %s\n' "$*" >&2
	exit 2
}

# bail_out REASON: the tests cannot be run at all.
bail_out() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

options() {
	opt_device=''
	opt_filter='*'
	opt_list=0
	KT_SUITE=tests
	opt_inject=auto
	RUNNER_TIMEOUT=''
	KT_MODULE=/modules/pci_recovery.ko
	[ -e "$KT_MODULE" ] || KT_MODULE=
	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help)
			usage
			exit 0
			;;
		--list) opt_list=1 ;;
		--soak) KT_SUITE=soak ;;
		--corpus) KT_SUITE=corpus ;;
		--models) KT_SUITE=models ;;
		--bench) KT_SUITE=bench ;;
		--device | --filter | --module | --inject | --timeout)
			[ $# -ge 2 ] || bad_usage "$1 needs a value (see --help)"
			option "$1" "$2"
			shift
			;;
		--*=*) option "${1%%=*}" "${1#*=}" ;;
		*) bad_usage "unknown argument '$1' (see --help)" ;;
		esac
		shift
	done
	export KT_MODULE
}

option() {
	case $1 in
	--device) opt_device=$2 ;;
	--filter) opt_filter=${2:-*} ;;
	--module)
		KT_MODULE=$2
		[ -e "$KT_MODULE" ] || bad_usage "no module '$KT_MODULE'"
		;;
	--inject)
		opt_inject=$2
		case $2 in
		qemu | aer_inject | zpci | none | auto) ;;
		*) bad_usage "unknown back end '$2': qemu, aer_inject, zpci, none or auto" ;;
		esac
		;;
	--timeout)
		RUNNER_TIMEOUT=$2
		case $2 in
		'' | *[!0-9]* | 0*) bad_usage "--timeout needs a number of seconds" ;;
		esac
		;;
	*) bad_usage "unknown option '$1' (see --help)" ;;
	esac
}

# matches NAME: true where a pattern of --filter matches it.
matches() {
	local pattern
	set -f
	for pattern in $opt_filter; do
		# shellcheck disable=SC2254 # it is a pattern
		case $1 in
		$pattern)
			set +f
			return 0
			;;
		esac
	done
	set +f
	return 1
}

# suits FILE: true where the test runs in the topology of this machine. One that
# names none runs in all; a real machine counts as the usual one.
suits() {
	head_of "$1" topology || return 0
	case " $HEAD " in
	*" $topology_name "*) return 0 ;;
	esac
	return 1
}

# tests_of FILE: prints the names of its tests: its own, or those of the list beside it, a
# line each.
tests_of() {
	local name
	name=${1##*/}
	name=${name%.sh}
	if [ -e "${1%.sh}.list" ]; then
		sed -n 's/^\([a-z][^ ]*\).*/\1/p' "${1%.sh}.list"
	else
		echo "$name"
	fi
}

# select_tests: sets TESTS, in alphabetical order, and TEST_COUNT.
select_tests() {
	local file name
	read_line "$TOPOLOGY-name"
	topology_name=${LINE:-endpoint}
	TESTS=
	TEST_COUNT=0
	for file in "$KT_DIR/$KT_SUITE"/*.sh "$KT_DIR/$KT_SUITE"/*/*.sh; do
		[ -e "$file" ] || continue
		suits "$file" || continue
		for name in $(tests_of "$file"); do
			matches "$name" || continue
			TESTS="$TESTS $name"
			TEST_COUNT=$((TEST_COUNT + 1))
		done
	done
	# shellcheck disable=SC2086 # one a line
	TESTS=$(printf '%s\n' $TESTS | sort)
	[ "$TEST_COUNT" -gt 0 ] ||
		bad_usage "no test matches '$opt_filter' (--list names them all)"
}

# prepare: everything that is done once, before the first test.
prepare() {
	KT_TMP=$(mktemp -d "${TMPDIR:-/tmp}/pci_recovery.XXXXXX")
	KT_SLOW=1
	KT_SWEEP_STEP=1
	if [ -e "$KMEMLEAK" ]; then
		KT_SLOW=$slow_kernel
		KT_SWEEP_STEP=$sweep_step
	fi
	KT_WAIT=$((wait_seconds * KT_SLOW))
	KT_SUSPEND=$suspend_seconds
	export KT_TMP KT_SLOW KT_SWEEP_STEP KT_WAIT KT_SUSPEND
	# Through a pipe: a shell's own write to a slow terminal is interrupted, and
	# fails, when a test ends just then (SIGCHLD).
	mkfifo "$KT_TMP/report"
	cat < "$KT_TMP/report" &
	report_pid=$!
	exec 3>&1 > "$KT_TMP/report"
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	[ -n "$(ls /sys/kernel/debug)" ] ||
		bail_out "debugfs is not mounted on /sys/kernel/debug"
	present_topology || bail_out "$PRESENT_ERROR"
	device_take || bail_out "$DEVICE_ERROR"
	device_reference || bail_out "$DEVICE_ERROR"
	inject_setup "$opt_inject"
	KMEMLEAK_LOOKS=0
	! kmemleak_begin || KMEMLEAK_LOOKS=1
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	finish_status=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	runner_stop
	if [ "${device_taken-0}" = 1 ] && [ -e "$KT_TMP/reference.regs" ]; then
		device_prepare > /dev/null 2>&1
	fi
	device_give_back
	aer_inject_unload
	zpci_error_unload
	exec >&3 3>&-
	wait "$report_pid"
	rm -rf "$KT_TMP"
	exit "$finish_status"
}

options "$@"
if [ "$opt_list" = 1 ]; then
	select_tests
	# shellcheck disable=SC2086 # one a line
	printf '%s\n' $TESTS
	exit 0
fi
select_tests
if [ "$(id -u)" -ne 0 ]; then
	printf 'KTAP version 1\n1..0 # SKIP needs root\n'
	exit 4
fi
[ -x "$KT_DIR/tools/guest" ] || bad_usage "there is no tools/guest: scripts/build-guest-tools.sh builds it"
device_choose "$opt_device" || bad_usage "$DEVICE_ERROR"
if [ "$KT_GUEST" = 0 ] && device_needed; then
	bad_usage "$DEVICE_ERROR; name another one"
fi
printf 'KTAP version 1\n1..%d\n' "$TEST_COUNT"
prepare
regs_count "$KT_TMP/reference.regs"
printf '# device %s, port %s, %d registers, injection: %s\n' \
	"$KT_DEVICE" "${KT_PORT:-none}" "$REGS" "$KT_INJECT"
for test_name in $TESTS; do
	run_test "$test_name"
done
printf '# Totals: pass:%d fail:%d xfail:%d skip:%d\n' \
	"$LEAVES_OK" "$LEAVES_BAD" "$LEAVES_XFAIL" "$LEAVES_SKIP"
[ "$TESTS_BAD" -eq 0 ] || exit 1
[ "$TESTS_OK" -gt 0 ] || exit 4
exit 0
