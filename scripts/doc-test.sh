#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# doc-test.sh: compiles every example of the library's documentation and the driver of
# docs/library.md, for each kernel that KERNEL names; a line of totals at the end.
# They are not run: that needs a function that answers (`make check`).

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

# Lints that apply to the library and not to examples.
lenient=(-Dwarnings -Amissing_docs -Aunreachable_pub)

# write_builder FILE: writes the program that rustdoc calls in place of rustc, with the
# example as standard input. It ignores rustdoc's arguments, which are for a program that
# is linked and run.
write_builder() {
	{
		printf '#!/bin/sh\nexec'
		printf ' %q' rustc "${rustc_flags[@]}" "${library_flags[@]}" "${lenient[@]}" \
			--crate-type rlib --crate-name example --emit=metadata --out-dir "$out" -
		printf '\n'
	} >"$1"
	chmod +x "$1"
}

# examples: rustdoc finds them, and has each compiled.
examples() {
	local output line before=$((passed + failed + skipped))

	write_builder "$out/builder"
	output=$("${in_toolchain[@]}" rustdoc "${rustc_flags[@]}" "${library_flags[@]}" --test --no-run \
		--test-builder "$out/builder" --crate-name pci_recovery rust/library.rs 2>&1) || true
	while read -r line; do
		line=${line#test }
		case $line in
		*' ... ok') pass "$name/${line% ... ok}" ;;
		*' ... FAILED') fail "$name/${line% ... FAILED}" "it does not compile" ;;
		*' ... ignored') skip "$name/${line% ... ignored}" "marked as ignore" ;;
		esac
	done < <(grep '^test rust/' <<<"$output")
	[ $((passed + failed + skipped)) -gt "$before" ] || {
		say "$output"
		die "rustdoc does not say which examples there are: see above"
	}
	# rustc's output for those that failed.
	sed -n '/^failures:$/,/^failures:$/p' <<<"$output" >&2
}

# library_page: follows docs/library.md: copies the library next to the crate root.
library_page() {
	local dir=$out/library_page

	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r rust/pci.rs rust/guard.rs rust/recovery.rs rust/pci rust/guard rust/recovery "$dir/"
	# shellcheck disable=SC2016  # not a command
	sed -n '/^```rust$/,/^```$/{/^```/!p}' docs/library.md >"$dir/my_driver.rs"
	[ -s "$dir/my_driver.rs" ] || {
		say "docs/library.md has no example in Rust"
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
	run "$name/docs/library.md" library_page
done
totals
