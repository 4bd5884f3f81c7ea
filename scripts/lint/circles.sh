#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# circles.sh: checks that no modules of the harness, nor of the fault injector, use each other
# in a circle. A check of lint.sh.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
cd "$top"

# code FILE: without comments, and without what is only for its tests.
code() {
	sed -e '/^#\[cfg(test)\]/,$d' -e 's,//.*,,' "$1"
}

# by_crate: prints `MODULE USED`, a pair a line, of the harness: `crate::NAME`.
by_crate() {
	local file module

	while read -r file; do
		module=${file#qemu/src/}
		module=${module%%/*}
		module=${module%.rs}
		code "$file" | grep -oE 'crate::[a-z_]+' | sed "s/^crate::/$module /" || true
	done < <(find qemu/src -name '*.rs' ! -name tests.rs)
}

# by_folder DIR: the same of the modules in a folder: `use super::NAME` and
# `use super::{`, with a name in each line that is indented once.
by_folder() {
	local file

	for file in "$1"/*.rs; do
		code "$file" |
			sed -nE -e 's/^ *(pub )?use super::([a-z_]+).*/\2/p' -e '/^use super::\{/,/^};/s/^    ([a-z_]+).*/\1/p' |
			while read -r name; do
				[ ! -e "$1/$name.rs" ] || printf '%s %s\n' "$(basename "$file" .rs)" "$name"
			done
	done
}

status=0

# check WHERE: reads pairs; a module may name itself.
check() {
	local said

	said=$(sort -u | sed -E '/^([a-z_]+) \1$/d' | tsort 2>&1 >/dev/null) || {
		say "$1: modules that use each other in a circle:"
		say "$said"
		status=1
	}
}

check qemu/src < <(by_crate)
for dir in qemu/src/{bench,ktap,results,topology} rust/pci_fault; do
	check "$dir" < <(by_folder "$dir")
done
exit "$status"
