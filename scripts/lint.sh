#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh: every check of the sources that runs no kernel. All of them run, then a
# line of totals; not zero if one failed. With KERNEL=all, clippy looks at the
# modules as they are built for each kernel, and rustdoc at the library.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"
cd "$top"
select_kernels
linted=("${kernels[@]}") # what follows is of one
# What is the same for every kernel is checked once, with what the default one has.
[ ${#linted[@]} = 1 ] || export KERNEL=$kernel_default
kernel_env

# The compiler of the root is that of Debian's kernel, and so is its rustfmt.
kernel_rustfmt() {
	local config=$KERNEL_BUILD/.rustfmt.toml

	[ -z "$KERNEL_SOURCE" ] || config=$KERNEL_SOURCE/.rustfmt.toml
	find rust -name target -prune -o -name '*.rs' -print0 |
		xargs -0 scripts/in-root.sh rustfmt --check --config-path "$config"
}

# kernel_clippy NAME
kernel_clippy() {
	[ "$1" = kdir ] || export KERNEL=$1
	scripts/build-module.sh clippy CLIPPY=1 KRUSTFLAGS=-Dwarnings
}

# kernel_doc NAME
kernel_doc() {
	[ "$1" = kdir ] || export KERNEL=$1
	scripts/build-module.sh module && scripts/doc.sh
}

shell_files() {
	find . \( -name target -o -name build -o -name .git \) -prune -o -type f -print |
		while read -r file; do
			case $file in
			*.sh) printf '%s\n' "$file" ;;
			*) if head -n 1 "$file" | grep -qaE '^#! ?/bin/(ba|da)?sh|^#! ?/usr/bin/env (ba)?sh'; then
				printf '%s\n' "$file"
			fi ;;
			esac
		done
}

shellcheck_all() {
	# One file each: it takes half a minute for some of those that source most.
	shell_files | xargs -P "$(nproc)" -n 1 scripts/in-root.sh shellcheck -x -P "$top"
}

# component NAME: whether cargo has it; a toolchain may come without.
component() {
	cargo "$1" --version >/dev/null 2>&1
}

run kernel-rustfmt kernel_rustfmt
for name in "${linted[@]}"; do
	run "kernel-clippy-$name" kernel_clippy "$name"
	run "doc-$name" kernel_doc "$name"
done
run shellcheck shellcheck_all
run checkpatch scripts/lint/checkpatch.sh
run licences scripts/lint/licences.sh
run needed scripts/lint/needed.sh
run mutants scripts/lint/mutants.sh
for crate in qemu qemu/guest/fuzz_files qemu/guest/measure rust; do
	manifest=$crate/Cargo.toml
	if component clippy; then
		run "${crate##*/}-clippy" cargo clippy --quiet --locked --all-targets --manifest-path "$manifest" -- -D warnings
	else
		skip "${crate##*/}-clippy" "this cargo has no clippy"
	fi
done
# The files of rust/ are the kernel's to format.
if component fmt; then
	for crate in qemu qemu/guest/fuzz_files qemu/guest/measure; do
		run "${crate##*/}-rustfmt" cargo fmt --manifest-path "$crate/Cargo.toml" --check
	done
else
	skip qemu-rustfmt "this cargo has no rustfmt"
fi
totals
