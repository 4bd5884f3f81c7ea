#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest-tools.sh: the tests' own programs, static, to their place among them: so
# they are in the guest, and in a copy of scripts/kselftest on another machine.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"

# What is for the host's programs is not for these.
unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR
for tool in fuzz_files measure; do
	# There, since cargo looks for its configuration from where it is called.
	cd "$top/qemu/guest/$tool"
	cargo build --release --locked
	install -C "target/x86_64-unknown-linux-gnu/release/$tool" "$top/scripts/kselftest/tools/"
done
