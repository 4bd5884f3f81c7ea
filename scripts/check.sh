#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [ARG...]: runs `harness.sh check` for each kernel that KERNEL names, one
# after the other. For several, the last line is the sum of their totals, and the file REPORT
# has all of them.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"

select_kernels
[ ${#kernels[@]} -gt 1 ] || exec "$here/harness.sh" check "$@"

harness=
parts=()
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# part STATUS: notes the results of the kernel $name.
part() {
	parts+=(--part "Linux $name${arch_foreign:+, $arch}" "$1" $((SECONDS - start)) "$dir/$name.json")
}

# interrupted STATUS: ends the harness, which reports what it was doing, and the script. What
# there is until then stays in the file REPORT.
interrupted() {
	trap '' INT TERM HUP
	if [ -n "$harness" ]; then
		kill -TERM "$harness" 2>/dev/null || true
		wait "$harness" || true
		part "$1"
		"$top/qemu/target/release/pci-recovery-qemu" total "${parts[@]}" >/dev/null || true
	fi
	exit "$1"
}

for name in "${kernels[@]}"; do
	heading "== Linux $name${arch_foreign:+, $arch}"
	start=$SECONDS status=0
	env KERNEL="$name" REPORT="$dir/$name.json" "$here/harness.sh" check "$@" &
	harness=$!
	wait "$harness" || status=$?
	harness=
	part "$status"
done
cd "$top"
qemu/target/release/pci-recovery-qemu total "${parts[@]}"
