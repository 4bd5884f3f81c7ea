# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# PCI functions through sysfs: no setpci, no lspci.
#
# A BDF is written in full, 0000:01:00.0. Offsets and values are numbers as
# the shell reads them (0x.. included), registers are little-endian.

SYSFS_PCI=/sys/bus/pci/devices

PCI_COMMAND=0x04
PCI_CACHE_LINE_SIZE=0x0c
PCI_HEADER_TYPE=0x0e
PCI_BASE_ADDRESS_0=0x10
PCI_PRIMARY_BUS=0x18
PCI_INTERRUPT_LINE=0x3c

# pci_exists BDF
pci_exists() {
	[ -e "$SYSFS_PCI/$1/config" ]
}

# pci_by_path PATH: sets BDF from a topology path, "00:04.0/00.0": the function
# on the root bus, then the device number and function below each bridge; or a function
# of a domain that is named, "0001:00:00.0".
pci_by_path() {
	local rest step dir
	rest=${1#*/}
	BDF=0000:${1%%/*}
	case $1 in
	????:*) BDF=${1%%/*} ;;
	esac
	[ "$rest" != "$1" ] || rest=
	while pci_exists "$BDF" && [ -n "$rest" ]; do
		step=${rest%%/*}
		case $rest in
		*/*) rest=${rest#*/} ;;
		*) rest= ;;
		esac
		for dir in "$SYSFS_PCI/$BDF"/????:??:"$step"; do
			BDF=${dir##*/}
		done
	done
	pci_exists "$BDF"
}

# pci_upstream_port BDF: sets PORT to the bridge above, empty on a root bus.
pci_upstream_port() {
	PORT=$(cd -P "$SYSFS_PCI/$1/.." && pwd)
	PORT=${PORT##*/}
	pci_exists "$PORT" || PORT=
}

# bus_rescan DIRECTORY: the bus below that bridge, or host bridge, is looked at again. The kernel
# gives an empty one larger windows where it needs them. The file `rescan` of a port itself is
# that of the bus that the port is on: on arm64 Linux then numbers all buses below anew.
bus_rescan() {
	local rescan
	for rescan in "$1"/pci_bus/*/rescan; do
		echo 1 > "$rescan"
	done
}

# pci_siblings BDF: sets SIBLINGS to the other functions below the same port,
# which a reset of that port's secondary bus resets, too.
pci_siblings() {
	local dir
	SIBLINGS=
	for dir in "$SYSFS_PCI/$1/.."/????:??:??.?; do
		[ -e "$dir/config" ] || continue
		[ "${dir##*/}" = "$1" ] || SIBLINGS="$SIBLINGS ${dir##*/}"
	done
	SIBLINGS=${SIBLINGS# }
}

# pci_driver BDF: sets PCI_DRIVER to its driver's name, empty when unbound.
pci_driver() {
	PCI_DRIVER=
	[ -e "$SYSFS_PCI/$1/driver" ] || return 0
	PCI_DRIVER=$(cd -P "$SYSFS_PCI/$1/driver" && pwd) || PCI_DRIVER=
	PCI_DRIVER=${PCI_DRIVER##*/}
}

# pci_find_id VENDOR DEVICE: sets BDF to the first such function (0x1234 0x11e8).
pci_find_id() {
	local dir
	for dir in "$SYSFS_PCI"/*; do
		read_line "$dir/vendor"
		[ "$LINE" = "$1" ] || continue
		read_line "$dir/device"
		[ "$LINE" = "$2" ] || continue
		BDF=${dir##*/}
		return 0
	done
	return 1
}

# cfg_read BDF OFFSET SIZE: prints a register of 1, 2 or 4 bytes as a number,
# read with one access of that size.
cfg_read() {
	guest config-read "$1" $(($2)) "$3" 2> /dev/null
}

# cfg_write BDF OFFSET SIZE VALUE: writes a register with one access.
cfg_write() {
	guest config-write "$1" $(($2)) "$3" $(($4))
}

# cfg_bytes BDF: sets BYTES to how far its configuration space is looked at: of the
# device under test and its port only as far as there are registers ($KT_BYTES).
cfg_bytes() {
	BYTES=4096
	case $1 in
	"$KT_DEVICE" | "$KT_PORT") BYTES=${KT_BYTES:-4096} ;;
	esac
}

# cfg_dump BDF: its bytes.
cfg_dump() {
	cfg_bytes "$1"
	dd if="$SYSFS_PCI/$1/config" bs="$BYTES" count=1 2> /dev/null
}

# cap_find BDF ID: sets CAP to the offset of a capability: two hexadecimal digits
# for an ordinary one (10 is PCI Express), four for an extended one (0001 is
# AER). False, and CAP empty, when there is none.
cap_find() {
	local file id offset
	file=$KT_TMP/caps.$1
	if [ ! -s "$file" ]; then
		cfg_bytes "$1"
		guest capabilities --bytes "$BYTES" "$1" > "$file"
	fi
	CAP=
	while read -r id offset; do
		[ "$id" != "$2" ] || CAP=$offset
	done < "$file"
	[ -n "$CAP" ]
}

# cap_count BDF: sets CAPS to the number of capabilities in both lists.
cap_count() {
	cfg_bytes "$1"
	CAPS=$(guest capabilities --bytes "$BYTES" --count "$1")
}

# bars BDF: sets BARS to the offsets of the base address registers that the
# kernel assigned, low halves only, and only those that are not 0: an address
# above 4 GiB may be all in the upper half.
bars() {
	local offset high start flags
	BARS=
	offset=16
	high=0
	while read -r start _ flags; do
		[ "$offset" -le 36 ] || break
		if [ "$high" -eq 0 ] && [ $((flags)) -ne 0 ]; then
			[ $((start & 0xfffffff0)) -eq 0 ] || BARS="$BARS $offset"
		fi
		# IORESOURCE_MEM_64: the next register is the upper half.
		if [ "$high" -eq 0 ] && [ $((flags & 0x100000)) -ne 0 ]; then
			high=1
		else
			high=0
		fi
		offset=$((offset + 4))
	done < "$SYSFS_PCI/$1/resource"
	BARS=${BARS# }
}

# bar_assigned BDF OFFSET: sets ASSIGNED to the part of the address that the kernel assigned
# which the base address register at OFFSET holds. False where it assigned none.
bar_assigned() {
	local offset upper start flags
	offset=16
	upper=
	while read -r start _ flags; do
		if [ "$offset" -eq $(($2)) ]; then
			ASSIGNED=${upper:-$((start & 0xffffffff))}
			[ -n "$upper" ] || [ $((flags)) -ne 0 ]
			return
		fi
		upper=
		# IORESOURCE_MEM_64: the next register is the upper half.
		[ $((flags & 0x100000)) -eq 0 ] || upper=$((start >> 32))
		offset=$((offset + 4))
	done < "$SYSFS_PCI/$1/resource"
	return 1
}

# accessible BDF: true where its configuration space answers.
accessible() {
	local value
	value=$(cfg_read "$1" "$PCI_COMMAND" 4) && [ "$value" != 0xffffffff ]
}

# regs_snapshot BDF FILE: the comparable registers, one a line, with names.
regs_snapshot() {
	cfg_bytes "$1"
	guest registers --bytes "$BYTES" "$1" > "$2"
}

# regs_diff BEFORE AFTER: true when equal; else prints the registers that
# differ, one a line: "0x004 PCI_COMMAND 0x00100507 -> 0x00100000".
regs_diff() {
	! cmp -s "$1" "$2" || return 0
	awk '
		FNR == NR { before[$1] = $0; next }
		!($1 in before) { print $0 " (was not there)"; next }
		before[$1] != $0 { split(before[$1], b); print b[1], b[2], b[3], "->", $3 }
		{ delete before[$1] }
		END { for (o in before) print before[o] " (is not there)" }
	' "$1" "$2"
	return 1
}

# regs_last FILE: sets REGS_END to the byte after the last register.
regs_last() {
	local offset
	REGS_END=0
	while read -r offset _; do
		[ "$REGS_END" -gt $((offset)) ] || REGS_END=$((offset + 4))
	done < "$1"
}

# regs_count FILE: sets REGS to the number of registers in a snapshot.
regs_count() {
	REGS=0
	while read -r _; do
		REGS=$((REGS + 1))
	done < "$1"
}

# regs_against_saved BDF FILE: FILE is in the form of the driver's `saved`;
# prints the registers that configuration space differs in, then "compared N".
regs_against_saved() {
	cfg_bytes "$1"
	guest saved-diff --bytes "$BYTES" "$1" "$2"
}
