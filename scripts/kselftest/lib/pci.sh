# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
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

# pci_exists BDF
pci_exists() {
	[ -e "$SYSFS_PCI/$1/config" ]
}

# pci_by_path PATH: sets BDF from a topology path, "00:04.0/00.0": the function
# on the root bus, then the device number and function below each bridge.
pci_by_path() {
	pp_rest=${1#*/}
	BDF=0000:${1%%/*}
	[ "$pp_rest" != "$1" ] || pp_rest=
	while pci_exists "$BDF" && [ -n "$pp_rest" ]; do
		pp_step=${pp_rest%%/*}
		case $pp_rest in
		*/*) pp_rest=${pp_rest#*/} ;;
		*) pp_rest= ;;
		esac
		for pp_dir in "$SYSFS_PCI/$BDF"/????:??:"$pp_step"; do
			BDF=${pp_dir##*/}
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

# pci_siblings BDF: sets SIBLINGS to the other functions below the same port,
# which a reset of that port's secondary bus resets, too.
pci_siblings() {
	SIBLINGS=
	for ps_dir in "$SYSFS_PCI/$1/.."/????:??:??.?; do
		[ -e "$ps_dir/config" ] || continue
		[ "${ps_dir##*/}" = "$1" ] || SIBLINGS="$SIBLINGS ${ps_dir##*/}"
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
	for pf_dir in "$SYSFS_PCI"/*; do
		read_line "$pf_dir/vendor"
		[ "$LINE" = "$1" ] || continue
		read_line "$pf_dir/device"
		[ "$LINE" = "$2" ] || continue
		BDF=${pf_dir##*/}
		return 0
	done
	return 1
}

# cfg_read BDF OFFSET SIZE: prints a register of 1, 2 or 4 bytes as a number,
# read with one access of that size.
cfg_read() {
	# shellcheck disable=SC2046 # one word for each byte
	set -- "$3" $(dd if="$SYSFS_PCI/$1/config" bs="$3" skip=$(($2 / $3)) \
		count=1 2> /dev/null | od -An -v -tx1)
	case $#$1 in
	21) printf '0x%s\n' "$2" ;;
	32) printf '0x%s%s\n' "$3" "$2" ;;
	54) printf '0x%s%s%s%s\n' "$5" "$4" "$3" "$2" ;;
	*) return 1 ;;
	esac
}

# cfg_write BDF OFFSET SIZE VALUE: writes a register with one access.
cfg_write() {
	cw_format=
	cw_value=$(($4))
	cw_left=$3
	while [ "$cw_left" -gt 0 ]; do
		cw_byte=$((cw_value % 256))
		cw_format="$cw_format\\$((cw_byte / 64))$((cw_byte / 8 % 8))$((cw_byte % 8))"
		cw_value=$((cw_value / 256))
		cw_left=$((cw_left - 1))
	done
	# shellcheck disable=SC2059 # the format is the octets
	printf "$cw_format" | dd of="$SYSFS_PCI/$1/config" bs="$3" \
		seek=$(($2 / $3)) count=1 conv=notrunc 2> /dev/null
}

# cfg_dump BDF: prints its bytes in hexadecimal; of the device under test and
# its port only as far as there are registers ($KT_BYTES).
cfg_dump() {
	cd_bytes=4096
	case $1 in
	"$KT_DEVICE" | "$KT_PORT") cd_bytes=${KT_BYTES:-4096} ;;
	esac
	od -An -v -tx1 -N "$cd_bytes" "$SYSFS_PCI/$1/config"
}

# cap_find BDF ID: sets CAP to the offset of a capability: two hexadecimal digits
# for an ordinary one (10 is PCI Express), four for an extended one (0001 is
# AER). False, and CAP empty, when there is none.
cap_find() {
	cf_file=$KT_TMP/caps.$1
	if [ ! -s "$cf_file" ]; then
		cfg_dump "$1" | awk -v mode=caps -f "$KT_DIR/lib/config.awk" > "$cf_file"
	fi
	CAP=
	while read -r cf_id cf_offset; do
		[ "$cf_id" != "$2" ] || CAP=$cf_offset
	done < "$cf_file"
	[ -n "$CAP" ]
}

# cap_count BDF: sets CAPS to the number of capabilities in both lists.
cap_count() {
	CAPS=$(cfg_dump "$1" | awk -v mode=count -f "$KT_DIR/lib/config.awk")
}

# bars BDF: sets BARS to the offsets of the base address registers that the
# kernel assigned, low halves only, and only those that are not 0: an address
# above 4 GiB may be all in the upper half.
bars() {
	BARS=
	br_offset=16
	br_high=0
	while read -r br_start br_end br_flags; do
		[ "$br_offset" -le 36 ] || break
		: "$br_end"
		if [ "$br_high" -eq 0 ] && [ $((br_flags)) -ne 0 ]; then
			[ $((br_start & 0xfffffff0)) -eq 0 ] || BARS="$BARS $br_offset"
		fi
		# IORESOURCE_MEM_64: the next register is the upper half.
		if [ "$br_high" -eq 0 ] && [ $((br_flags & 0x100000)) -ne 0 ]; then
			br_high=1
		else
			br_high=0
		fi
		br_offset=$((br_offset + 4))
	done < "$SYSFS_PCI/$1/resource"
	BARS=${BARS# }
}

# bar_assigned BDF OFFSET: sets ASSIGNED to the part of the address that the kernel assigned
# which the base address register at OFFSET holds. False where it assigned none.
bar_assigned() {
	ba_offset=16
	ba_upper=
	while read -r ba_start ba_end ba_flags; do
		: "$ba_end"
		if [ "$ba_offset" -eq $(($2)) ]; then
			ASSIGNED=${ba_upper:-$((ba_start & 0xffffffff))}
			[ -n "$ba_upper" ] || [ $((ba_flags)) -ne 0 ]
			return
		fi
		ba_upper=
		# IORESOURCE_MEM_64: the next register is the upper half.
		[ $((ba_flags & 0x100000)) -eq 0 ] || ba_upper=$((ba_start >> 32))
		ba_offset=$((ba_offset + 4))
	done < "$SYSFS_PCI/$1/resource"
	return 1
}

# accessible BDF: does its configuration space answer?
accessible() {
	ac_value=$(cfg_read "$1" "$PCI_COMMAND" 4) && [ "$ac_value" != 0xffffffff ]
}

# regs_snapshot BDF FILE: the comparable registers, one a line, with names.
regs_snapshot() {
	cfg_dump "$1" | awk -f "$KT_DIR/lib/config.awk" > "$2"
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
	REGS_END=0
	while read -r rl_offset rl_rest; do
		: "$rl_rest"
		[ "$REGS_END" -gt $((rl_offset)) ] || REGS_END=$((rl_offset + 4))
	done < "$1"
}

# regs_count FILE: sets REGS to the number of registers in a snapshot.
regs_count() {
	REGS=0
	while read -r rc_line; do
		: "$rc_line"
		REGS=$((REGS + 1))
	done < "$1"
}

# regs_against_saved BDF FILE: FILE is in the form of the driver's `saved`;
# prints the registers that configuration space differs in, then "compared N".
regs_against_saved() {
	cfg_dump "$1" |
		awk -v mode=saved -f "$KT_DIR/lib/config.awk" - "$2"
}
