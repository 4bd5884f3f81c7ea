#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# doc-test.sh: every example of the library's documentation and the README's driver
# compile, for each kernel that KERNEL asks for; a line of totals at the end. They are
# not run: a function that answers is a matter for `make check`.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/rustc.sh
. "$here/lib/rustc.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"
cd "$top"

# What an example may leave out, and the library not.
lenient=(-Dwarnings -Amissing_docs -Aunreachable_pub)

# write_builder FILE: what rustdoc calls in place of rustc: the example is its standard
# input. rustdoc's own arguments are for a program that can be linked and run.
write_builder() {
	{
		printf '#!/bin/sh\nexec'
		printf ' %q' rustc "${rustc_flags[@]}" "${library_flags[@]}" "${lenient[@]}" \
			--crate-type rlib --crate-name example --emit=metadata --out-dir "$out" -
		printf '\n'
	} >"$1"
	chmod +x "$1"
}

# examples: rustdoc finds them, has each compiled, and counts.
examples() {
	local output numbers

	write_builder "$out/builder"
	output=$("${in_toolchain[@]}" rustdoc "${rustc_flags[@]}" "${library_flags[@]}" --test --no-run \
		--test-builder "$out/builder" --crate-name pci_recovery rust/library.rs 2>&1) || true
	numbers=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;.*/\1 \2 \3/p' <<<"$output")
	[ -n "$numbers" ] || {
		say "$output"
		die "rustdoc does not say how many examples there are: see above"
	}
	# An example's line, and of one that failed what rustc says.
	sed -nE "s,^test (rust/.*) \.\.\. ok$,ok     $name/\1,p
		s,^test (rust/.*) \.\.\. ignored$,skip   $name/\1,p
		/^failures:$/,/^failures:$/p" <<<"$output" >&2
	read -r p f s <<<"$numbers"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# readme: does what the README says: the library is copied next to the crate root.
readme() {
	local dir=$out/readme

	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r rust/pci.rs rust/guard.rs rust/recovery.rs rust/pci rust/guard rust/recovery "$dir/"
	# shellcheck disable=SC2016  # not a command
	sed -n '/^```rust$/,/^```$/{/^```/!p}' README.md >"$dir/my_driver.rs"
	[ -s "$dir/my_driver.rs" ] || {
		say "README.md has no example in Rust"
		return 1
	}
	"${in_toolchain[@]}" rustc "${rustc_flags[@]}" "${lenient[@]}" --crate-type rlib \
		--crate-name my_driver --emit=metadata --out-dir "$dir" "$dir/my_driver.rs"
}

select_kernels
all=("${kernels[@]}")
for name in "${all[@]}"; do
	[ "$name" = kdir ] || export KERNEL=$name
	kernel_env
	rustc_begin
	rustc_library
	out=$build/doc-test
	mkdir -p "$out"
	examples
	run "$name/README.md" readme
done
totals
