# SPDX-License-Identifier: GPL-2.0-only
#
# Reads the kernel log as it comes, without a fork, and tells of the allocations
# that were made to fail. Reads commands, one a line, and answers each with one:
#
#	until MARK    what was logged before the line that has MARK?
#	              -> CLASS DAMAGE WANTED SITE
#
# CLASS is `ours` where the stack of the failed allocation goes through a module of ours,
# `core` where it does not, `none` where no failure was logged. DAMAGE is the first
# line that matches `damage` and not `forgiven`, with spaces as `_`, or `-`; WANTED how many lines
# match `want`. SITE are the innermost functions of the stack.
#
#	awk -v kmsg=FIFO -v module=REGEX -v damage=REGEX -v forgiven=REGEX -v want=REGEX

# What every stack begins with.
BEGIN {
	allocator = "^(dump_stack|__dump_stack|should_fail|fail_dump|__kmalloc|__kvmalloc|kmem_cache_alloc|" \
		"kmalloc|krealloc|__alloc_|alloc_pages|alloc_frozen_pages|___kmalloc|__do_kmalloc|_RNv.*alloc)"
}

$1 == "until" {
	class = "none"
	broken = "-"
	wanted = 0
	site = ""
	depth = 0
	lost = 1
	while ((getline line < kmsg) > 0) {
		sub(/^[^;]*;/, "", line)
		if (index(line, $2)) {
			lost = 0
			break
		}
		if (line ~ /^FAULT_INJECTION: forcing a failure/) {
			if (class == "none") class = "core"
			depth = 0
		} else if (class != "none" && match(line, /^ [A-Za-z_0-9.$]+\+0x[0-9a-f]+\/0x[0-9a-f]+/)) {
			if (line ~ module) class = "ours"
			name = substr(line, 2, RLENGTH - 1)
			sub(/\+0x.*/, "", name)
			if (depth < 4 && name !~ allocator) {
				site = site (depth ? "<" : "") name
				depth++
			}
		}
		if (broken == "-" && line ~ damage && line !~ forgiven) {
			broken = line
			gsub(/ /, "_", broken)
		}
		if (line ~ want) wanted++
	}
	if (lost) broken = "the_kernel_log_ended"
	print class, broken, wanted, site == "" ? "-" : site
	fflush()
}
