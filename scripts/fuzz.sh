#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh [TARGET...]: libFuzzer on what the kernel modules are built from, one
# target of rust/fuzz after the other, FUZZ_SECONDS each (60). With the address
# sanitizer where there is a nightly Rust, without it on a stable one.
#
# Inputs that reached new code are kept in build/fuzz/TARGET/corpus for the next run,
# inputs that failed in build/fuzz/TARGET/found. Not zero if there is one.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"
cd "$top"

seconds=${FUZZ_SECONDS:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "FUZZ_SECONDS='$seconds' is not a number of seconds"
all=(spaces spec)
targets=("$@")
[ $# -gt 0 ] || targets=("${all[@]}")
for target in "${targets[@]}"; do
	[ -e "rust/fuzz/fuzz_targets/$target.rs" ] || die "no fuzz target '$target'; they are: ${all[*]}"
done

# cargo-fuzz builds the targets. It comes from crates.io, into the cache.
cargo_fuzz_version=0.13.2
tool=$cache/cargo-fuzz-$cargo_fuzz_version/bin
PATH=$tool:$PATH

scripts/setup/host.sh fuzz
if ! [ -x "$tool/cargo-fuzz" ]; then
	heading "building cargo-fuzz $cargo_fuzz_version, once"
	mkdir -p "$top/build/fuzz"
	cargo install --quiet --locked --version "=$cargo_fuzz_version" \
		--root "${tool%/bin}" --target-dir "$top/build/fuzz/cargo-fuzz" cargo-fuzz ||
		die "cargo cannot install cargo-fuzz $cargo_fuzz_version: is this machine connected, to crates.io?"
	rm -rf "$top/build/fuzz/cargo-fuzz"
fi

# Only a nightly has sanitizers; a rustup without one would download it.
toolchain=() sanitizer=none
if command -v rustup >/dev/null && rustup toolchain list 2>/dev/null | grep -q '^nightly' &&
	cargo +nightly --version >/dev/null 2>&1; then
	toolchain=(+nightly) sanitizer=address
fi
target_dir=$top/build/fuzz/target-$sanitizer
say "libFuzzer, sanitizer: $sanitizer; $(cargo "${toolchain[@]}" --version)"
cargo "${toolchain[@]}" fuzz build --fuzz-dir rust/fuzz --sanitizer "$sanitizer" --target-dir "$target_dir" >&2
host=$(rustc -vV | sed -n 's/^host: //p')

fuzzer=
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# interrupted STATUS
interrupted() {
	trap '' INT TERM HUP
	[ -z "$fuzzer" ] || kill -TERM "$fuzzer" 2>/dev/null || true
	wait
	exit "$1"
}

# fuzz TARGET: sets `status`.
fuzz() {
	local dir=build/fuzz/$1 program=$target_dir/$host/release/$1 start=$SECONDS
	local log=$dir/log options=(-timeout=20 -max_len=4192)

	mkdir -p "$dir/corpus" "$dir/found" "$dir/seeds"
	[ ! -e "rust/fuzz/$1.dict" ] || options+=("-dict=rust/fuzz/$1.dict")
	if [ "$1" = spaces ]; then
		cargo run --quiet --locked --manifest-path rust/Cargo.toml --example seeds "$top/$dir/seeds" >/dev/null
	fi
	"$program" "${options[@]}" -max_total_time="$seconds" -print_final_stats=1 \
		-artifact_prefix="$dir/found/" "$dir/corpus" "$dir/seeds" >"$log" 2>&1 &
	fuzzer=$!
	while [ -t 2 ] && kill -0 "$fuzzer" 2>/dev/null; do
		printf '\r\e[K%s: %d s of %d, %s' "$1" $((SECONDS - start)) "$seconds" \
			"$(grep -a '^#' "$log" | tail -n 1 | cut -c -60)" >&2
		sleep 1
	done
	status=0
	wait "$fuzzer" || status=$?
	fuzzer=
	[ ! -t 2 ] || printf '\r\e[K' >&2
}

# judge TARGET: prints its result in a line, and for a failure how to reproduce it.
judge() {
	local dir=build/fuzz/$1 log=build/fuzz/$1/log runs cover found

	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
	cover=$(grep -ao 'cov: [0-9]*' "$log" | tail -n 1 || true)
	if [ "$status" = 0 ]; then
		pass "$1" "${runs:-no} runs in $seconds s, ${cover:-no coverage}"
		return
	fi
	grep -aE "panicked at|ERROR: |SUMMARY: " -A 1 "$log" | cut -c -400 >&2 || tail -n 20 "$log" >&2
	found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	fail "$1" "see $log"
	say "       $log"
	[ -z "$found" ] || say "       again: $target_dir/$host/release/$1 $found"
}

for target in "${targets[@]}"; do
	fuzz "$target"
	judge "$target"
done
totals
