#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# weight: 8
#
# The function is lost at any access of a probe: it is not bound, or bound with
# its state whole; and the next probe is right.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/sweep.sh
. "$KT_DIR/lib/sweep.sh"

bind() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/bind"
} 2> /dev/null

unbind() {
	echo "$KT_DEVICE" > "$DRIVER_DIR/unbind"
}

# Before the fault: unbound, with registers that the core has not saved.
sweep_before() {
	unbind
}

path_probe() {
	bind
}

# Not bound: the core's buffer is what it was, and the next probe finds it all.
bound_or_as_before() {
	[ "$RESULT" = error ] || return 0
	[ "$BUFFER_STATE" = "$1" ] || wrong "not bound, the core's buffer is $BUFFER_STATE, was $1"
	if ! bind; then
		wrong "cannot be bound when it is back"
		device_repair || fail "$DEVICE_ERROR"
	fi
	name_states
	[ "$SAVED_STATE" = "$NEW" ] || wrong "bound when it is back, the known-good state is $SAVED_STATE, should be $NEW"
}

lost_from_every_access() {
	sweep_begin probe yes path_probe bound_or_as_before
	sweep_from
	sweep_end
}

each_access_lost() {
	sweep_begin probe_blips yes path_probe bound_or_as_before
	sweep_blips
	sweep_end
}

# The core reads Command and writes it back with bits added, to enable the function. On a
# machine whose firmware has enabled nothing, all-ones read there would stay in it.
enabling_is_verified() {
	local bad k bound accesses right is
	bad=0
	k=0
	bound=0
	unbind
	# I/O and SERR# are off: the driver does not enable them.
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
	fault_clear
	bind
	fault_counters
	accesses=$ACCESSES
	right=$(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)))
	check_eq "Command of one that was off, bits other than INTx" $((right & ~0x400)) 6
	while [ "$k" -lt "$accesses" ] && [ "$bad" -lt 5 ]; do
		unbind 2> /dev/null || :
		cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
		fault gone "from=$k" count=1
		bind || :
		fault_off
		if bound "$KT_DEVICE"; then
			bound=$((bound + 1))
			is=$(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)))
			saved_value "$PCI_COMMAND"
			if [ $(((is ^ right) & ~0x400)) -ne 0 ] ||
				[ $(((SAVED ^ is) & 0xffff)) -ne 0 ]; then
				bad=$((bad + 1))
				fail "access $k lost: Command is $(printf 0x%04x "$is"), known good $(printf 0x%04x $((SAVED & 0xffff)))"
			fi
		fi
		k=$((k + KT_SWEEP_STEP))
	done
	report "points=$k path=probe_enable"
	diag "bound after $bound of $k losses"
	unbind 2> /dev/null || :
	regs_write_back "$KT_DEVICE" reference
	bind
	check_regs "afterwards"
}

# line_is_rewritten: true where a probe writes the interrupt line (pci_assign_irq()): where the
# host bridge maps interrupts, as off x86. The pin that it is for may have read all-ones.
line_is_rewritten() {
	local line written
	line=$(cfg_read "$KT_DEVICE" "$PCI_INTERRUPT_LINE" 1)
	unbind
	cfg_write "$KT_DEVICE" "$PCI_INTERRUPT_LINE" 1 $((line ^ 1))
	bind
	written=$(cfg_read "$KT_DEVICE" "$PCI_INTERRUPT_LINE" 1)
	cfg_write "$KT_DEVICE" "$PCI_INTERRUPT_LINE" 1 "$line"
	driver_write save
	[ $((written)) -ne $((line ^ 1)) ]
}

! line_is_rewritten || SWEEP_REWRITTEN=0x03c
sweep_setup
subtests lost_from_every_access each_access_lost enabling_is_verified
