#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: models
# timeout: 300
#
# Every PCI device that QEMU models: it is bound and its state is saved; when the
# bus above it was reset, a save is refused and a restore brings it back. Dumps its
# config space before and after, for the host tests (`make corpus`).

# shellcheck shell=busybox source-path=SCRIPTDIR source=../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../lib/corpus.sh
. "$KT_DIR/lib/corpus.sh"
# shellcheck source=../lib/fleet.sh
. "$KT_DIR/lib/fleet.sh"

# is_bridge BDF
is_bridge() {
	read_line "$SYSFS_PCI/$1/class"
	case $LINE in
	0x0604*) return 0 ;;
	esac
	return 1
}

# good NAME: it can be bound, that is, its state is accepted. Bridges keep their driver.
good() {
	device_bdf "$1" || {
		fail "it is not on the bus"
		return 0
	}
	if ! is_bridge "$BDF"; then
		FLEET=$BDF
		fleet_bind || {
			fail "$FLEET_REASON"
			dmesg_since "$DMESG_MARK" | grep -F "$BDF" | diag_lines
			return 0
		}
	fi
	corpus_good "$1" "$BDF"
}

# vf NAME: the first virtual function of a physical one. It has no state to lose
# of its own: a reset of its physical function, which it does not survive.
vf() {
	device_bdf "$1"
	echo 1 > "$SYSFS_PCI/$BDF/sriov_numvfs"
	at_exit "echo 0 > '$SYSFS_PCI/$BDF/sriov_numvfs'"
	FLEET=$(cd -P "$SYSFS_PCI/$BDF/virtfn0" && pwd)
	FLEET=${FLEET##*/}
	fleet_bind || {
		fail "$FLEET_REASON"
		return 0
	}
	corpus_good "$1-vf" "$FLEET"
	driver_unbind "$FLEET"
	echo 0 > "$SYSFS_PCI/$BDF/sriov_numvfs"
}

# builtin NAME BDF: a device of the machine itself, which nothing resets.
builtin() {
	corpus_good "$1" "$2"
}

# reset_above BDF: resets the bus that it is on, once for all functions there.
# Nothing is restored.
reset_above() {
	local control
	pci_upstream_port "$1"
	case " $RESET " in
	*" $PORT "*) return 0 ;;
	esac
	RESET="$RESET $PORT"
	control=$(cfg_read "$PORT" $PCI_BRIDGE_CONTROL 2)
	cfg_write "$PORT" $PCI_BRIDGE_CONTROL 2 $((control | PCI_BRIDGE_CTL_BUS_RESET))
	cfg_write "$PORT" $PCI_BRIDGE_CONTROL 2 "$control"
	wait_for "$KT_WAIT" accessible "$1" || fail "it does not answer after the reset"
}

# wiped NAME: after a reset a save is refused, and a restore brings it back.
wiped() {
	device_bdf "$1"
	pci_upstream_port "$BDF"
	reset_above "$BDF"
	check_eq "Command" "$(($(cfg_read "$BDF" "$PCI_COMMAND" 2) & 6))" 0
	corpus_wiped "$1" "$BDF"
	! is_bridge "$BDF" || return 0
	KT_DEVICE=$BDF
	check_write save 1 EIO
	status_get last_refusal
	case $STATUS in
	wiped:*) ;;
	*) fail "refused for another reason: $STATUS" ;;
	esac
	check_write restore 1 OK
	check_write save 1 OK
}

PCI_BRIDGE_CONTROL=0x3e
PCI_BRIDGE_CTL_BUS_RESET=0x40
RESET=

# Of the ports, which are all alike, the first one.
GOOD=
WIPED=
while read -r md_id md_path md_mark; do
	: "$md_mark"
	case $md_id in
	rpa0) GOOD="$GOOD $md_id" && continue ;;
	rp[a-z][0-9]) continue ;;
	esac
	GOOD="$GOOD $md_id"
	case $md_path in
	# What is behind a bridge is wiped before the bridge itself.
	*/*) WIPED="$md_id $WIPED" ;;
	esac
done < "$TOPOLOGY"

at_exit fleet_unbind
set --
for md_id in $GOOD; do
	set -- "$@" "good $md_id"
done
set -- "$@" "vf igb" "builtin q35-mch 0000:00:00.0" \
	"builtin q35-lpc 0000:00:1f.0" "builtin q35-ahci 0000:00:1f.2" \
	"builtin q35-smbus 0000:00:1f.3"
for md_id in $WIPED; do
	set -- "$@" "wiped $md_id"
done
subtests "$@"
