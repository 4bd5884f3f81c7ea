# SPDX-License-Identifier: GPL-2.0-only
#
# Decodes a PCI configuration space: the bytes that `od -An -v -tx1` prints.
#
# mode=regs (default)  one line a register: "0x010 PCI_BASE_ADDRESS_0 0xfebff000".
#                      Bits that hardware changes by itself (status, logged
#                      errors) read 0, so that two prints can be compared.
#                      Only the header and capabilities with a known layout.
# mode=caps            "ID OFFSET" of each capability: two hexadecimal digits
#                      for an ordinary one, four for an extended one.
# mode=count          how many capabilities there are in both lists.
# mode=saved           after "-": a file in the form of the driver's `saved`,
#                      "0x04 4 PCI_COMMAND 0x00100507": one line for each of
#                      its registers that the configuration space differs from,
#                      then "compared N".
# mode=fleet           of several functions, each after a line "@ BDF": the
#                      registers as in mode=regs, with "BDF/" before each.
#
# Plain awk: busybox, mawk and gawk.

function hex(s,    i, v) {
	v = 0
	s = tolower(s)
	sub(/^0x/, "", s)
	for (i = 1; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return v
}

function nibble_and(a, b,    i, v, bit) {
	if (b == "f") return a
	if (b == "0") return "0"
	a = hex(a); b = hex(b); v = 0; bit = 1
	for (i = 0; i < 4; i++) {
		if (a % 2 && b % 2) v += bit
		a = int(a / 2); b = int(b / 2); bit *= 2
	}
	return substr("0123456789abcdef", v + 1, 1)
}

function and_mask(value, m,    i, out) {
	if (m == "ffffffff") return value
	out = ""
	for (i = 1; i <= length(m); i++)
		out = out nibble_and(substr(value, i, 1), substr(m, i, 1))
	return out
}

function dword(o) { return byte[o + 3] byte[o + 2] byte[o + 1] byte[o] }
function word_at(o) { return hex(byte[o + 1] byte[o]) }
function bit(v, n) { while (n-- > 0) v = int(v / 2); return v % 2 }

# Notes one register; without a mask all of its bits count.
function reg(o, name, m) {
	if (m == "") m = "ffffffff"
	order[regs++] = o
	names[o] = name
	mask[o] = m
}

# The dwords of a capability from offset `from` to `len`, masks as set in cm[].
function dwords(base, name, from, len,    o) {
	for (o = from; o < len; o += 4)
		if (cm[o] != "skip")
			reg(base + o, sprintf("%s+%02x", name, o), cm[o])
}

function header(    type, o, i) {
	type = hex(byte[14]) % 128
	reg(0, "PCI_VENDOR_ID")
	reg(4, "PCI_COMMAND", "00f0ffff")
	reg(8, "PCI_CLASS_REVISION")
	reg(12, "PCI_CACHE_LINE_SIZE")
	for (i = 0; i < (type == 1 ? 2 : 6); i++)
		reg(16 + 4 * i, "PCI_BASE_ADDRESS_" i)
	if (type == 1) {
		reg(24, "PCI_PRIMARY_BUS")
		reg(28, "PCI_IO_BASE", "0000ffff")
		reg(32, "PCI_MEMORY_BASE"); reg(36, "PCI_PREF_MEMORY_BASE")
		reg(40, "PCI_PREF_BASE_UPPER32"); reg(44, "PCI_PREF_LIMIT_UPPER32")
		reg(48, "PCI_IO_BASE_UPPER16"); reg(52, "PCI_CAPABILITY_LIST")
		reg(56, "PCI_ROM_ADDRESS1")
	} else {
		reg(40, "PCI_CARDBUS_CIS"); reg(44, "PCI_SUBSYSTEM_VENDOR_ID")
		reg(48, "PCI_ROM_ADDRESS"); reg(52, "PCI_CAPABILITY_LIST")
		reg(56, "PCI_RESERVED_38")
	}
	reg(60, "PCI_INTERRUPT_LINE")
}

function capability(o, id,    flags, type, len) {
	split("", cm)
	if (id == "01") { cm[4] = "00ff7fff"; dwords(o, "PM", 0, 8) }
	else if (id == "03") reg(o, "VPD+00", "0000ffff")
	else if (id == "05") {
		flags = word_at(o + 2)
		len = 12 + 4 * bit(flags, 7) + 4 * bit(flags, 8)
		dwords(o, "MSI", 0, len)
	} else if (id == "09") reg(o, "VENDOR+00")
	else if (id == "0d") dwords(o, "SSVID", 0, 8)
	else if (id == "10") {
		flags = word_at(o + 2)
		type = int(flags / 16) % 16
		# Link Capabilities are read-only, and yet QEMU zeroes them: it writes
		# four bytes to Device Status when an uncorrectable error is injected.
		cm[12] = "skip"
		cm[8] = "0000ffff"; cm[16] = "0fffffff"; cm[24] = "0000ffff"
		cm[32] = "00000000"; cm[40] = "0000ffff"; cm[48] = "0000ffff"
		cm[56] = "0000ffff"
		if (flags % 16 >= 2) dwords(o, "PCIE", 0, 60)
		else dwords(o, "PCIE", 0, type == 4 || type == 6 ? 36 : 20)
	} else if (id == "11") dwords(o, "MSIX", 0, 12)
	else if (id == "12") dwords(o, "SATA", 0, 8)
	else if (id == "13") { cm[4] = "000000ff"; dwords(o, "AF", 0, 8) }
	else reg(o, "CAP" id "+00")
}

function extended(o, id,    type) {
	split("", cm)
	if (id == "0001") {
		cm[4] = "00000000"; cm[16] = "00000000"; cm[24] = "ffffffe0"
		dwords(o, "AER", 0, 28)
		type = pcie ? int(word_at(pcie + 2) / 16) % 16 : 0
		if (type == 4 || type == 10) reg(o + 44, "AER+2c")
	} else if (id == "0003") dwords(o, "DSN", 0, 12)
	else if (id == "000d") dwords(o, "ACS", 0, 8)
	else if (id == "000e") dwords(o, "ARI", 0, 8)
	else if (id == "000f") dwords(o, "ATS", 0, 8)
	else if (id == "0010") dwords(o, "SRIOV", 0, 64)
	else if (id == "0013") { cm[4] = "0000ffff"; dwords(o, "PRI", 0, 16) }
	else if (id == "0018") dwords(o, "LTR", 0, 8)
	else if (id == "0019") dwords(o, "SECPCI", 0, 8)
	else if (id == "001b") dwords(o, "PASID", 0, 8)
	else if (id == "001d") dwords(o, "DPC", 0, 8)
	else if (id == "001e") dwords(o, "L1SS", 0, 16)
	else if (id == "001f") dwords(o, "PTM", 0, 12)
	else reg(o, "EXT" id "+00")
}

# Walks both lists, bounded, because a broken device may make them circular.
function walk(    o, i, id, d) {
	o = hex(byte[52])
	for (i = 0; i < 48 && o >= 64 && o + 4 <= n && !((o "") in at); i++) {
		id = byte[o]
		if (id == "ff") break
		at[o ""] = 1
		if (!(id in found)) found[id] = o
		if (id == "10") pcie = o
		capability(o, id)
		o = hex(byte[o + 1])
		o -= o % 4
	}
	o = 256
	for (i = 0; i < 96 && o >= 256 && o + 4 <= n && !((o "") in at); i++) {
		d = dword(o)
		if (d == "00000000" || d == "ffffffff") break
		at[o ""] = 1
		id = substr(d, 5, 4)
		if (!(id in found)) found[id] = o
		extended(o, id)
		o = hex(substr(d, 1, 3))
		o -= o % 4
	}
}

# One line of `saved`: offset, bytes, name, value.
function compare_saved(o, size, name, value,    base, m, is, i) {
	is = ""
	for (i = size - 1; i >= 0; i--) is = is byte[o + i]
	base = o - o % 4
	m = (base in mask) ? mask[base] : "ffffffff"
	m = substr(m, 9 - 2 * (o - base + size), 2 * size)
	value = tolower(value); sub(/^0x/, "", value)
	compared++
	if (and_mask(is, m) != and_mask(value, m))
		printf "0x%03x %s is 0x%s, saved 0x%s\n", o, name, is, value
}

# Prints the comparable registers, and forgets the function.
function print_regs(prefix,    i) {
	if (n >= 64) { header(); walk() }
	for (i = 0; i < regs; i++)
		printf "%s0x%03x %s 0x%s\n", prefix, order[i], names[order[i]],
		       and_mask(dword(order[i]), mask[order[i]])
	n = regs = pcie = 0
	split("", at); split("", found)
}

FNR == 1 { file++ }
$1 == "@" { if (bdf != "") print_regs(bdf "/"); bdf = $2; next }
file == 1 { for (i = 1; i <= NF; i++) byte[n++] = $i; next }
file == 2 && mode == "saved" {
	if (!walked) { header(); walk(); walked = 1 }
	if (NF >= 4) compare_saved(hex($1), $2 + 0, $3, $4)
}

END {
	if (mode == "fleet") { if (bdf != "") print_regs(bdf "/"); exit }
	if (mode == "regs" || mode == "") { print_regs(""); exit }
	if (!walked) { if (n >= 64) { header(); walk() } }
	if (mode == "caps") {
		for (id in found) print id, found[id]
	} else if (mode == "count") {
		for (o in at) capabilities++
		print capabilities + 0
	} else if (mode == "saved") {
		print "compared " compared + 0
	}
}
