#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The function is lost at any access of a probe: it is not bound, or bound with
# its state whole; and the next probe is right.

# shellcheck source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/sweep.sh
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
	[ "$J_BUFFER" = "$1" ] || wrong "not bound, the core's buffer is $J_BUFFER, was $1"
	if ! bind; then
		wrong "cannot be bound when it is back"
		device_repair || fail "$DEVICE_ERROR"
	fi
	judge
	[ "$J_VAULT" = "$NEW" ] || wrong "bound when it is back, the vault is $J_VAULT, should be $NEW"
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
	ev_bad=0
	ev_k=0
	ev_bound=0
	unbind
	# I/O and SERR# are off: nobody asks for them.
	cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
	fault_clear
	bind
	fault_counters
	ev_accesses=$ACCESSES
	ev_right=$(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)))
	check_eq "Command of one that was off, bits other than INTx" $((ev_right & ~0x400)) 6
	while [ "$ev_k" -lt "$ev_accesses" ] && [ "$ev_bad" -lt 5 ]; do
		unbind 2> /dev/null || :
		cfg_write "$KT_DEVICE" "$PCI_COMMAND" 2 0
		fault gone "from=$ev_k" count=1
		bind || :
		fault_off
		if bound "$KT_DEVICE"; then
			ev_bound=$((ev_bound + 1))
			ev_is=$(($(cfg_read "$KT_DEVICE" "$PCI_COMMAND" 2)))
			saved_value "$PCI_COMMAND"
			if [ $(((ev_is ^ ev_right) & ~0x400)) -ne 0 ] ||
				[ $(((SAVED ^ ev_is) & 0xffff)) -ne 0 ]; then
				ev_bad=$((ev_bad + 1))
				fail "access $ev_k lost: Command is $(printf 0x%04x "$ev_is"), known good $(printf 0x%04x $((SAVED & 0xffff)))"
			fi
		fi
		ev_k=$((ev_k + KT_SWEEP_STEP))
	done
	report "points probe_enable $ev_k"
	diag "bound after $ev_bound of $ev_k losses"
	unbind 2> /dev/null || :
	regs_write_back "$KT_DEVICE" reference
	bind
	check_regs "afterwards"
}

sweep_setup
subtests lost_from_every_access each_access_lost enabling_is_verified
