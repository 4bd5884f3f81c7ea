#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [ARG...]: `harness.sh check` for each kernel that KERNEL asks for, one
# after the other. For several, the last line is the sum of their totals.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"

select_kernels
[ ${#kernels[@]} -gt 1 ] || exec "$here/harness.sh" check "$@"

log=$(mktemp)
harness=
trap 'rm -f "$log"' EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# interrupted STATUS: the harness tells what it was doing, and nothing goes on.
interrupted() {
	trap '' INT TERM HUP
	[ -z "$harness" ] || kill -TERM "$harness" 2>/dev/null || true
	# Or tee would wait for more.
	exec 3>&-
	wait
	exit "$1"
}

results=()
for name in "${kernels[@]}"; do
	heading "== Linux $name"
	exec 3> >(exec tee -i "$log")
	tee=$!
	env KERNEL="$name" "$here/harness.sh" check "$@" >&3 &
	harness=$! status=0
	wait "$harness" || status=$?
	harness=
	exec 3>&-
	wait "$tee"

	read -r p f s <<<"$(totals_line <"$log")" || true
	p=${p:-0} f=${f:-0} s=${s:-0}
	# Tests that did not come to their end have failed, whatever was counted.
	[ "$status" = 0 ] || [ "$f" != 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	results+=("Linux $name: $p passed, $f failed, $s skipped")
done

printf '\n'
printf '%s\n' "${results[@]}"
totals
