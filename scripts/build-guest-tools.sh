#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest-tools.sh: the tests' own program, static, to its place among them: so
# it is in the guest, and in a copy of scripts/kselftest on another machine.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"

# There, since cargo looks for its configuration from where it is called.
cd "$top/qemu/guest/fuzz_files"
# What is for the host's programs is not for this one.
unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR
cargo build --release --locked
install -C target/x86_64-unknown-linux-gnu/release/fuzz_files "$top/scripts/kselftest/tools/"
