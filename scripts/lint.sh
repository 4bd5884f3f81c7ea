#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh: runs every check of the sources that boots no kernel, then prints a line of
# totals; not zero if one failed. With KERNEL=all, clippy checks the modules, and rustdoc
# the library, for each kernel.

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
# Checks that do not depend on the kernel run once, with the tools of the default one.
[ ${#linted[@]} = 1 ] || export KERNEL=$kernel_default
kernel_env

# The root has the compiler of Debian's kernel, and its rustfmt.
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
	# One file a process: files that source many others take half a minute.
	shell_files | xargs -P "$(nproc)" -n 1 scripts/in-root.sh shellcheck -x -P "$top"
}

# new_test: what scripts/kselftest/new writes is clean.
new_test() {
	local dir=build/lint-new

	rm -rf "$dir"
	mkdir -p "$dir/tests/aer"
	cp -r scripts/kselftest/new scripts/kselftest/lib "$dir/"
	"$dir/new" aer/example
	scripts/in-root.sh shellcheck -x -P "$top" "$dir/tests/aer/example.sh"
}

# component NAME: true where cargo has it; some toolchains do not.
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
run circles scripts/lint/circles.sh
run docs scripts/lint/docs.sh
run new-test new_test
for crate in qemu qemu/guest rust rust/space rust/survey; do
	manifest=$crate/Cargo.toml
	if component clippy; then
		run "${crate##*/}-clippy" cargo clippy --quiet --locked --all-targets --manifest-path "$manifest" -- -D warnings
	else
		skip "${crate##*/}-clippy" "this cargo has no clippy"
	fi
done
# The files of rust/ are formatted by the kernel's rustfmt, above.
if component fmt; then
	for crate in qemu qemu/guest; do
		run "${crate##*/}-rustfmt" cargo fmt --manifest-path "$crate/Cargo.toml" --check
	done
else
	skip qemu-rustfmt "this cargo has no rustfmt"
fi
totals
