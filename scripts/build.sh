#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh [TOOL...]: sets up and builds the modules for each kernel that KERNEL names;
# meanwhile, since neither needs the other, the harness and these tools of the guest (all of
# them: build-guest-tools.sh). The tools of another architecture come last: they need its
# toolchain root.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/arch.sh
. "$here/lib/arch.sh"
cd "$top"

# A machine may lack what cargo needs as well.
scripts/setup/host.sh
mkdir -p build
log=$(mktemp build/harness.XXXXXX)
builder=
trap 'rm -f "$log"' EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# interrupted STATUS
interrupted() {
	trap '' INT TERM HUP
	kill -TERM -- "-$builder" 2>/dev/null || true
	wait
	exit "$1"
}

harness() {
	cargo build --release --locked --manifest-path qemu/Cargo.toml || return
	[ -n "$arch_foreign" ] || scripts/build-guest-tools.sh "$@"
}

# A process group, so that all of it can be ended. What takes longest is not slowed down.
set -m
(renice -n 5 -p "$BASHPID" && harness "$@") </dev/null >"$log" 2>&1 &
builder=$!
set +m

status=0
scripts/each-kernel.sh scripts/setup.sh && scripts/each-kernel.sh scripts/build-module.sh module || status=$?
if [ "$status" != 0 ]; then
	kill -TERM -- "-$builder" 2>/dev/null || true
	wait
	exit "$status"
fi
[ ! -t 2 ] || ! kill -0 "$builder" 2>/dev/null || heading "building the harness"
wait "$builder" || {
	cat "$log" >&2
	die "the harness does not build: see above"
}
[ -z "$arch_foreign" ] || scripts/each-kernel.sh scripts/build-guest-tools.sh "$@"
