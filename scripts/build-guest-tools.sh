#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest-tools.sh [TOOL...]: builds the static programs that the tests run (guest, survey),
# into scripts/kselftest/tools. They are in the guest, and in a copy of scripts/kselftest on
# another machine.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"

# Flags for host programs must not reach these.
unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR
[ $# -gt 0 ] || set -- guest survey
for tool; do
	case $tool in
	guest) dir=qemu/guest ;;
	survey) dir=rust/survey ;;
	esac
	# There, since cargo looks for its configuration from where it is called.
	cd "$top/$dir"
	cargo build --profile static --locked
	mkdir -p "$top/scripts/kselftest/tools"
	install -C "$top/qemu/target/x86_64-unknown-linux-gnu/static/$tool" "$top/scripts/kselftest/tools/"
done
