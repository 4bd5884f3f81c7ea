# SPDX-License-Identifier: GPL-2.0-only
#
# Compares, again and again without a fork, what the driver knows (saved), what
# a plain restore would write (would), and what the function holds (registers).
# Reads commands, one a line, and answers each with one line:
#
#	learn L  what they hold now is the state L          -> learnt L
#	judge    which state is each?                       -> VAULT BUFFER REGISTERS
#
# An answer is L, `-` where there is no such file, or `?` for no state that was
# learnt: a mixture, or poison. Then a fourth word says what is wrong, with spaces
# as `_`.
#
#	awk -v saved=F -v would=F -v registers=F -v skip="OFFSET..." -v half="OFFSET..."
#
# skip: dwords that change by themselves; half: dwords whose upper half does. A function
# without a driver (there is no vault) is no bus master: that bit of Command is 0 then.

BEGIN {
	what[1] = "vault"; what[2] = "buffer"; what[3] = "registers"
	file[1] = saved; file[2] = would; file[3] = registers
	n = split(skip, list, " ")
	for (i = 1; i <= n; i++) skipped[list[i]] = 1
	n = split(half, list, " ")
	for (i = 1; i <= n; i++) halved[list[i]] = 1
}

# The last digit of a line without bit 2.
function no_master(line,   digit) {
	digit = index("0123456789abcdef", substr(line, length(line))) - 1
	if (int(digit / 4) % 2) digit -= 4
	return substr(line, 1, length(line) - 1) substr("0123456789abcdef", digit + 1, 1)
}

# The text of a file, without what changes by itself.
function text_of(name, unbound,   line, f, text) {
	text = ""
	while ((getline line < name) > 0) {
		split(line, f, " ")
		if (f[1] in skipped) continue
		if (f[1] in halved) line = f[1] " " f[2] " ...." substr(line, length(line) - 3)
		if (unbound && f[1] == "0x004") line = no_master(line)
		text = text line "\n"
	}
	close(name)
	return text
}

# The first line in which a text differs from the state that it is most like.
function difference(text, which,   a, b, n, m, i, l, best, least, count, first) {
	n = split(text, a, "\n")
	least = -1
	for (l in states) {
		m = split(known[l, which], b, "\n")
		count = 0
		for (i = 1; i <= n || i <= m; i++) {
			if (a[i] != b[i]) {
				count++
				if (count == 1) first = a[i] ", should be " b[i]
			}
		}
		if (least < 0 || count < least) {
			least = count
			best = what[which] " has " first " (" count " lines differ from state " l ")"
		}
	}
	gsub(/ /, "_", best)
	return best
}

$1 == "learn" {
	states[$2] = 1
	for (w = 1; w <= 3; w++) {
		known[$2, w] = text_of(file[w])
		known_unbound[$2, w] = text_of(file[w], 1)
	}
	print "learnt", $2
	fflush()
}

$1 == "judge" {
	answer = ""
	wrong = ""
	unbound = 0
	for (w = 1; w <= 3; w++) {
		text = text_of(file[w], unbound)
		if (w == 1) unbound = text == ""
		letter = "?"
		for (l in states)
			if (text == (unbound ? known_unbound[l, w] : known[l, w])) letter = l
		if (text == "") letter = "-"
		if (letter == "?") wrong = wrong " " difference(text, w)
		answer = answer letter " "
	}
	print answer wrong
	fflush()
}
