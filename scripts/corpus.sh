#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# corpus.sh: replaces rust/tests/corpus with dumps of the config space of every device
# that QEMU models, as Debian's kernel runs it. The guest test that dumps also tests the
# driver with each device; its result is the exit code.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
cd "$top"
kernel_env

corpus=rust/tests/corpus
logs=$kernel_builds/logs
before=$(mktemp)
new=$(mktemp -d)
trap 'rm -rf "$before" "$new"' EXIT

scripts/harness.sh check --corpus "$@"
output=$(find "$logs" -path '*corpus-*/output.log' -newer "$before")
[ -f "$output" ] || die "there is not exactly one log of this run in $logs; if another run is going on, try again"

tr -d '\r' <"$output" |
	sed -n 's/^ *# corpus \([a-z0-9-]*\) \{0,1\}/\1 /p' |
	awk -v dir="$new" '{ name = $1; sub(/^[^ ]* /, ""); print > (dir "/" name ".txt") }'
count=$(find "$new" -type f | wc -l)
[ "$count" -gt 0 ] || die "the guest has dumped nothing: see $output"

qemu=$(scripts/in-root.sh "$arch_qemu" --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
rm -rf "$corpus"
mkdir -p "$corpus"
cp "$new"/*.txt "$corpus/"
cat >"$corpus/README" <<END
Made by \`make corpus\`: Linux $KERNEL_RELEASE, QEMU $qemu. Do not edit.

A file for each function; \`lspci -vvF FILE\` decodes it. First what the kernel knows
of it (sysfs), then its config space when all was well, then, where it has a bus that
can be reset, after a reset that nobody restored. Zeros at its end are left out.
END
say "$corpus: $count functions"
