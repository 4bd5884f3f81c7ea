#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest-tools.sh [TOOL...]: builds the static programs that the tests run (guest, survey),
# into scripts/kselftest/tools. They are in the guest, and in a copy of scripts/kselftest on
# another machine. For another architecture they are built by Rust and the cross compiler of
# its toolchain root, into build/ARCH/tools.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"

# Flags for host programs must not reach these.
unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR
cargo=(cargo)
options=()
target_dir=$top/qemu/target

# The root has the standard library of the guest's Rust; cargo there has no network, so the
# host's fetches the crates.
use_root() {
	local home=${CARGO_HOME:-${HOME:?}/.cargo}

	kernel_env
	target_dir=$top/$arch_builds/target
	export PCI_RECOVERY_BIND=$home
	cargo=("$top/scripts/in-root.sh" env RUSTC_BOOTSTRAP=1
		"CARGO_HOME=$home" "CARGO_TARGET_DIR=$target_dir" cargo)
	options=(--offline --target "$arch_rust" "${arch_cargo[@]}"
		--config "target.$arch_rust.linker='$arch_gnu-gcc-14'"
		--config "target.$arch_rust.rustflags='-C target-feature=+crt-static $arch_rustflags'")
	cargo fetch --quiet --locked --manifest-path "$top/qemu/Cargo.toml" --target "$arch_rust"
	# Those of a standard library that is built here (-Z build-std).
	[ ${#arch_cargo[@]} -eq 0 ] || RUSTC_BOOTSTRAP=1 cargo fetch --quiet --locked \
		--manifest-path "$TOOLCHAIN_ROOT/usr/lib/rustlib/src/rust/library/Cargo.toml"
}

[ -z "$arch_foreign" ] || use_root
[ $# -gt 0 ] || set -- guest survey
mkdir -p "$top/$arch_tools"
for tool; do
	case $tool in
	guest) dir=qemu/guest ;;
	survey) dir=rust/survey ;;
	esac
	# There, since cargo looks for its configuration from where it is called.
	cd "$top/$dir"
	"${cargo[@]}" build --profile static --locked "${options[@]}"
	install -C "$target_dir/$arch_rust/static/$tool" "$top/$arch_tools/"
done
