#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# miri.sh: the host tests in miri, which finds undefined behaviour. Skipped, with the
# reason, where the nightly Rust of this machine has no miri: rustup leaves a program
# cargo-miri behind that is none, so that it is asked.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"
cd "$top"

if ! said=$(cargo +nightly miri --version 2>&1); then
	skip miri "$(head -n 1 <<<"$said")"
	totals
	exit
fi
say "$said"
# Some hundred times slower: a few cases of each property. The corpus is read from
# files.
run miri env PROPTEST_CASES=4 MIRIFLAGS=-Zmiri-disable-isolation \
	cargo +nightly miri test --locked --manifest-path rust/Cargo.toml --target-dir build/miri
totals
