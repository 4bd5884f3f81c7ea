#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check-types.sh [GLOB]: shows that wrong uses of the library do not compile, for each
# kernel that KERNEL names; a line of totals at the end. GLOB chooses tests.
#
# A test is a file of rust/tests/compile_fail, a crate that is compiled twice. Without
# options it must compile. With `--cfg forbidden` it contains the wrong use, and must be
# refused with exactly the errors that its comments name, each below the line that it is
# reported for:
#
#     recovery.save(dev)
#     //~^ E0308 part of the message           (`-`: an error without a code)
#
# The first compilation shows that the second is refused for that reason.

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

glob=${1:-*}
tests=rust/tests/compile_fail

# compile FILE [ARG...]: errors as `FILE:LINE:COLUMN: error[CODE]: message`, one a line.
compile() {
	"${in_toolchain[@]}" rustc "${rustc_flags[@]}" "${library_flags[@]}" --cap-lints=allow \
		--error-format=short --crate-type rlib --crate-name test --emit=metadata \
		--out-dir "$library" "$@" 2>&1
}

# expected FILE: `LINE CODE part of the message`.
expected() {
	sed -nE '=;s,^ *//~\^ (E[0-9]+|-) (.+)$,\1 \2,p' "$1" |
		awk '/^[0-9]+$/ { line = $0 - 1; next } { print line, $0 }'
}

# reported FILE: the same of rustc's output, with the whole message. An error in another
# file keeps the name of that file, so that it matches no expected one.
reported() {
	sed -nE -e "s,^$1:,," -e 's,^([^ ]*[0-9]):[0-9]+: error: ,\1 - ,p' \
		-e 's,^([^ ]*[0-9]):[0-9]+: error\[(E[0-9]+)\]: ,\1 \2 ,p'
}

# types_test FILE: checks that it compiles, and that the wrong use is refused with the
# named errors and no others.
types_test() {
	local output wrong=0 want got
	local -a wanted found

	output=$(compile "$1") || {
		say "$output"
		say "$1: it does not compile without --cfg forbidden"
		return 1
	}
	mapfile -t wanted < <(expected "$1")
	[ ${#wanted[@]} -gt 0 ] || {
		say "$1: names no error (//~^ CODE message)"
		return 1
	}
	if output=$(compile "$1" --cfg forbidden); then
		say "$1: it compiles with --cfg forbidden"
		return 1
	fi
	mapfile -t found < <(reported "$1" <<<"$output")

	for want in "${wanted[@]}"; do
		for got in "${found[@]}"; do
			! matches "$want" "$got" || continue 2
		done
		say "$1: this error is missing: $want"
		wrong=1
	done
	for got in "${found[@]}"; do
		for want in "${wanted[@]}"; do
			! matches "$want" "$got" || continue 2
		done
		say "$1: this error is not expected: $got"
		wrong=1
	done
	return "$wrong"
}

# matches EXPECTED REPORTED: the same line and code, and the message is part of the other.
matches() {
	local line code text

	read -r line code text <<<"$1"
	[[ $2 == "$line $code "*"$text"* ]]
}

select_kernels
all=("${kernels[@]}")
for name in "${all[@]}"; do
	[ "$name" = kdir ] || export KERNEL=$name
	kernel_env
	rustc_begin
	rustc_library
	count=0
	for file in "$tests"/*.rs; do
		test=$(basename "$file" .rs)
		# shellcheck disable=SC2053  # a pattern
		[[ $test == $glob ]] || continue
		count=$((count + 1))
		run "$name/$test" types_test "$file"
	done
	[ "$count" -gt 0 ] || die "no test of $tests matches '$glob'"
done
totals
