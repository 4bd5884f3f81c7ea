#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR
#
# What the driver does, to be followed by a person: errors are injected, the
# device is cut off, wiped and reset; after each step its registers are compared
# with what they were. Lines `row<TAB>step<TAB>callbacks<TAB>config space<TAB>
# verdict` are for the harness, which makes a table of them.
set -eu

KT_DIR=$(cd "$(dirname "$0")" && pwd)
PATH=$KT_DIR/tools:$PATH
export KT_DIR PATH
KT_MODULE=${1-/modules/pci_recovery.ko}
[ -e "$KT_MODULE" ] || KT_MODULE=

# shellcheck source=lib/util.sh
. "$KT_DIR/lib/util.sh"
# shellcheck source=lib/pci.sh
. "$KT_DIR/lib/pci.sh"
# shellcheck source=lib/driver.sh
. "$KT_DIR/lib/driver.sh"
# shellcheck source=lib/cut_off.sh
. "$KT_DIR/lib/cut_off.sh"
# shellcheck source=lib/fault.sh
. "$KT_DIR/lib/fault.sh"
# shellcheck source=lib/pci_stub.sh
. "$KT_DIR/lib/pci_stub.sh"
# shellcheck source=lib/sleep.sh
. "$KT_DIR/lib/sleep.sh"
# shellcheck source=lib/inject.sh
. "$KT_DIR/lib/inject.sh"
# shellcheck source=lib/guard.sh
. "$KT_DIR/lib/guard.sh"
# shellcheck source=lib/vfio.sh
. "$KT_DIR/lib/vfio.sh"
# shellcheck source=lib/dmesg.sh
. "$KT_DIR/lib/dmesg.sh"
# shellcheck source=lib/device.sh
. "$KT_DIR/lib/device.sh"
# shellcheck source=settings
. "$KT_DIR/settings"
KT_WAIT=$wait_seconds
KT_SUSPEND=$suspend_seconds

FAILED=0
STEP=
TAB=$(printf '\t')

# shellcheck disable=SC2317 # the trap calls it
finish() {
	finish_status=$?
	trap - EXIT
	set +e
	[ -z "${SLEEP_STATE-}" ] || sleep_undo
	device_reconnect
	vfio_close
	guard_unload
	fault_unload
	zpci_error_unload
	device_give_back
	rm -rf "$KT_TMP"
	exit "$finish_status"
}

# die REASON: the demonstration cannot go on; the table says why.
die() {
	if [ -n "$STEP" ]; then
		problem "$*"
		row "not looked at"
	else
		printf 'demo: %s\n' "$*" >&2
	fi
	exit 1
}

# step TITLE: begins a step.
step() {
	STEP=$1
	PROBLEM=
	CALLBACKS=-
	printf '\n== %s\n' "$STEP"
	events_mark
	dmesg_mark demo
	DEMO_MARK=$DMESG_MARK
}

# problem TEXT: the step has failed; the first reason goes into the table.
problem() {
	printf '   PROBLEM: %s\n' "$*"
	[ -n "$PROBLEM" ] || PROBLEM=$*
}

# expect WHAT IS SHOULD
expect() {
	[ "$2" = "$3" ] || problem "$1: $2 instead of $3"
}

# What the tests' libraries say of a failure.
fail() {
	problem "$*"
}

check_eq() {
	expect "$1" "$2" "$3"
}

# driver_says: what the driver wrote into the kernel log during this step.
driver_says() {
	dmesg_since "$DEMO_MARK" | grep "pci_recovery $KT_DEVICE: [a-z]" |
		sed 's/^/   dmesg: /' || :
}

# callbacks: what the PCI core called during this step.
callbacks() {
	callbacks_new
	printf '   callbacks: %s\n' "${CALLBACKS:-none}"
}

# registers: compares them with what they were; ends the step with its row.
registers() {
	if reference_same "$KT_DEVICE" reference > "$KT_TMP/differs"; then
		CONFIG="$REGS registers as before"
	else
		sed 's/^/   differs: /' "$KT_TMP/differs"
		CONFIG="$(grep -c . "$KT_TMP/differs") of $REGS registers differ"
		problem "$CONFIG"
	fi
	row "$CONFIG"
}

# row CONFIG [REMARK]: the line of the table.
row() {
	printf '   config space: %s\n' "$1"
	if [ -n "$PROBLEM" ]; then
		VERDICT="FAIL $PROBLEM"
		FAILED=1
	else
		VERDICT="ok${2:+: $2}"
	fi
	printf 'row%s%s%s%s%s%s%s%s\n' "$TAB" "$STEP" "$TAB" \
		"${CALLBACKS:-none}" "$TAB" "$1" "$TAB" "$VERDICT"
}

# error KIND CALLBACKS [COR NONFATAL FATAL]: injects it and waits for the end. AER counts.
error() {
	[ $# -eq 2 ] || aer_mark
	if ! inject "$1"; then
		problem "cannot inject: $INJECT_ERROR"
		row "not looked at"
		return 0
	fi
	if [ $# -gt 2 ]; then
		wait_for "$KT_WAIT" aer_counted "$3" "$4" "$5" ||
			problem "aer_dev counters are $AER_TOTALS instead of $AER_WANT"
	fi
	if [ -n "$2" ]; then
		wait_for "$KT_WAIT" event_happened resume || problem "no resume"
	fi
	callbacks
	expect callbacks "$CALLBACKS" "$2"
	driver_says
	[ $# -eq 2 ] || printf '   kernel counts (correctable, non-fatal, fatal): %s\n' "$AER_TOTALS"
	registers
}

# errors: each kind that the machine reports.
errors() {
	if [ "$KT_INJECT" = zpci ]; then
		step "error event, the function is enabled anew"
		error fatal "error_detected frozen need_reset; slot_reset recovered; resume"
		return 0
	fi
	step "correctable error"
	error correctable "" 1 0 0
	step "non-fatal error"
	error nonfatal "error_detected normal can_recover; mmio_enabled recovered; resume" 0 1 0
	step "fatal error, the bus is reset"
	error fatal "error_detected frozen need_reset; slot_reset recovered; resume" 0 0 1
}

# refused_save: a save that must be refused, and what a person sees of it.
refused_save() {
	cat "$DEBUGFS/$KT_DEVICE/saved" > "$KT_TMP/saved.before"
	debugfs_write save 1
	printf '   echo 1 > save: %s\n' "$ERRNO"
	expect "write to save" "$ERRNO" EIO
	cat "$DEBUGFS/$KT_DEVICE/saved" > "$KT_TMP/saved.now"
	if cmp -s "$KT_TMP/saved.before" "$KT_TMP/saved.now"; then
		printf '   the known-good state is kept\n'
	else
		problem "the known-good state was not kept"
	fi
	driver_says
	CALLBACKS="save: $ERRNO"
}

demo_bind() {
	STEP="bind and save the known-good state"
	PROBLEM=
	CALLBACKS=probe
	printf '\n== %s\n' "$STEP"
	device_take || die "$DEVICE_ERROR"
	device_reference || die "$DEVICE_ERROR"
	inject_setup auto
	regs_count "$KT_TMP/reference.regs"
	status_get state
	printf '   %s is bound to %s, state %s\n' "$KT_DEVICE" "$DRIVER" "$STATUS"
	expect state "$STATUS" ok
	regs_against_saved "$KT_DEVICE" "$DEBUGFS/$KT_DEVICE/saved" > "$KT_TMP/against"
	case $(cat "$KT_TMP/against") in
	'compared 0') problem "nothing is saved" ;;
	'compared '*) row "saved what $REGS registers read" ;;
	*)
		sed 's/^/   /' "$KT_TMP/against"
		problem "saved is not what the registers read"
		row "saved differs"
		;;
	esac
}

# cut_off: at its port; where there is none, and config space of a function that is blocked
# returns an error, by the injector.
cut_off() {
	if [ "$KT_INJECT" = zpci ]; then
		fault_possible || die "$FAULT_REASON"
		fault_load
		fault_wrap "$KT_DEVICE"
		fault gone
	else
		device_cut_off secondary_bus
	fi
}

demo_gone() {
	step "save refused while it reads all-ones"
	cut_off || die "$CUT_OFF_REASON"
	printf '   Command and Status read %s\n' \
		"$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 4)"
	refused_save
	debugfs_write restore 1
	printf '   echo 1 > restore: %s\n' "$ERRNO"
	expect "write to restore" "$ERRNO" EIO
	row "all-ones, known-good state kept"
}

# The device comes back; what a power cut would have left is added by hand.
demo_back() {
	step "it comes back wiped, and is restored"
	[ "$KT_INJECT" != zpci ] || fault_off
	device_reconnect || problem "it does not come back"
	device_wipe
	demo_restore
}

demo_wiped() {
	step "save refused while it is wiped"
	device_wipe
	printf '   Command and Status read %s\n' \
		"$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 4)"
	refused_save
	row "wiped, known-good state kept"
	step "restored from the known-good state"
	demo_restore
}

demo_restore() {
	debugfs_write restore 1
	printf '   echo 1 > restore: %s\n' "$ERRNO"
	expect "write to restore" "$ERRNO" OK
	CALLBACKS="restore: $ERRNO"
	driver_says
	registers
}

demo_reset() {
	step "reset through sysfs, by $1"
	echo "$1" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
	write_errno "$SYSFS_PCI/$KT_DEVICE/reset" 1
	expect "write to reset" "$ERRNO" OK
	callbacks
	expect callbacks "$CALLBACKS" "reset_prepare; reset_done"
	driver_says
	registers
}

# lost_in_suspend: the function is lost while it is saved, and back before it is
# restored.
lost_in_suspend() {
	first_save sleep_cycle freeze
	[ -n "$FIRST_SAVE" ] || die "nobody saves during a suspend"
	events_mark
	fault gone "from=$FIRST_SAVE" "count=$SAVE_LENGTH"
	sleep_cycle freeze || problem "the suspend fails"
	fault_off
}

# The stock kernel alone, which is what every function has today.
demo_stock() {
	step "lost while suspended, stock kernel (pci-stub)"
	pci_stub_bind || die "it does not bind to pci-stub: $ERRNO"
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.regs"
	lost_in_suspend
	regs_snapshot "$KT_DEVICE" "$KT_TMP/stub.now"
	CALLBACKS=-
	if regs_diff "$KT_TMP/stub.regs" "$KT_TMP/stub.now" > "$KT_TMP/differs"; then
		row "as before: this kernel is fixed"
	else
		sed 's/^/   destroyed: /' "$KT_TMP/differs"
		row "$(grep -c . "$KT_TMP/differs") registers destroyed, $(grep -c BASE_ADDRESS "$KT_TMP/differs") of them BARs" "expected"
	fi
	pci_stub_unbind
}

demo_ours() {
	step "lost while suspended, with pci_recovery"
	lost_in_suspend
	callbacks
	expect callbacks "$CALLBACKS" "suspend; suspend_noirq; resume_noirq; pm_resume"
	event_happened refusal || problem "the save was not refused"
	driver_says
	registers
}

demo_pair() {
	MISSING=
	fault_possible || MISSING=$FAULT_REASON
	pci_stub_possible || MISSING=$PCI_STUB_REASON
	sleep_possible freeze || MISSING=$SLEEP_REASON
	if [ -n "$MISSING" ]; then
		printf '\n== without the losses during a suspend: %s\n' "$MISSING"
		return 0
	fi
	fault_load
	fault_wrap "$KT_DEVICE"
	sleep_prepare freeze
	demo_stock
	demo_ours
}

# vfio_reset_after_error: a program of user space has the function; a fatal error wipes it,
# and the program resets it.
vfio_reset_after_error() {
	vfio_open || die "the program does not open it"
	if [ "$KT_INJECT" = zpci ]; then
		# As a reset of a real machine leaves it: QEMU's clears no register.
		device_wipe
	fi
	inject fatal || problem "cannot inject: $INJECT_ERROR"
	if [ "$KT_INJECT" = zpci ]; then
		wait_for "$KT_WAIT" left_to_the_program || problem "the kernel does not leave it to the program"
		vfio command
		printf '   the kernel leaves the recovery to the program; Command: %s\n' "$VFIO"
	else
		wait_for "$KT_WAIT" recovered || problem "no recovery"
		printf '   after the recovery Command reads %s\n' "$(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)"
	fi
	wait_for "$KT_WAIT" vfio_has_reset || :
	printf '   VFIO_DEVICE_RESET: %s\n' "$VFIO"
	CALLBACKS="VFIO_DEVICE_RESET: $VFIO"
	expect VFIO_DEVICE_RESET "$VFIO" OK
	vfio_same=yes
	reference_same "$KT_DEVICE" guarded > "$KT_TMP/differs" || vfio_same=no
	vfio_close
}

left_to_the_program() {
	dmesg_since "$DEMO_MARK" | grep -q "Leaving recovery of pass-through device to user-space"
}

recovered() {
	dmesg_since "$DEMO_MARK" | grep -q "device recovery successful"
}

demo_vfio_stock() {
	step "$ERROR, VFIO user resets, $STOCK"
	vfio_bind || die "it does not bind to vfio-pci: $ERRNO"
	vfio_reset_after_error
	if [ "$vfio_same" = yes ]; then
		row "as before: this kernel is fixed"
	else
		sed 's/^/   destroyed: /' "$KT_TMP/differs"
		row "$(grep -c . "$KT_TMP/differs") registers destroyed, $(grep -c BASE_ADDRESS "$KT_TMP/differs") of them BARs" "expected"
	fi
	pci_stub_unbind
}

demo_vfio_guarded() {
	step "$ERROR, VFIO user resets, with pci_guard"
	guard_load || die "the guard does not load: $GUARD_ERROR"
	vfio_bind || die "it does not bind to vfio-pci: $ERRNO"
	vfio_reset_after_error
	dmesg_since "$DEMO_MARK" | grep "$KT_DEVICE: refused to save" | sed 's/^/   dmesg: /' || :
	if [ "$vfio_same" = yes ]; then
		row "$REGS registers as before"
	else
		sed 's/^/   differs: /' "$KT_TMP/differs"
		problem "$(grep -c . "$KT_TMP/differs") registers differ"
		row "$(grep -c . "$KT_TMP/differs") registers differ"
	fi
	pci_stub_unbind
	guard_unload
}

demo_vfio() {
	MISSING=
	fault_possible || MISSING=$FAULT_REASON
	guard_possible || MISSING=$GUARD_REASON
	vfio_possible || MISSING=$VFIO_REASON
	if [ -n "$MISSING" ]; then
		printf '\n== without the user of VFIO: %s\n' "$MISSING"
		return 0
	fi
	fault_load
	fault_wrap "$KT_DEVICE"
	ERROR="fatal error"
	STOCK="stock kernel"
	if [ "$KT_INJECT" = zpci ]; then
		ERROR="error event"
		# What `make run` boots has no check before a reset's save; Linux 7.3 has one.
		read_line "$TOPOLOGY-name"
		case $LINE in
		*_unchecked) STOCK="kernel without the check" ;;
		esac
	fi
	demo_vfio_stock
	demo_vfio_guarded
}

device_choose "" || die "$DEVICE_ERROR"
KT_TMP=$(mktemp -d "${TMPDIR:-/tmp}/pci_recovery.XXXXXX")
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

read -r _ _ kernel _ < /proc/version
read_line "$SYSFS_PCI/$KT_DEVICE/vendor"
vendor=$LINE
read_line "$SYSFS_PCI/$KT_DEVICE/device"
printf 'Linux %s, device %s (%s:%s)%s\n' \
	"$kernel" "$KT_DEVICE" "${vendor#0x}" "${LINE#0x}" "${KT_PORT:+ below port $KT_PORT}"
demo_bind
errors
demo_gone
demo_back
demo_wiped
read_line "$SYSFS_PCI/$KT_DEVICE/reset_method"
methods=$LINE
for method in $methods; do
	demo_reset "$method"
done
[ -z "$methods" ] || echo "$methods" > "$SYSFS_PCI/$KT_DEVICE/reset_method"
demo_pair
demo_vfio
printf '\n'
if [ "$FAILED" -ne 0 ]; then
	printf 'some steps failed; the log of the kernel has more\n'
	exit 1
fi
