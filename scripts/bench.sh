#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh [--check | --show]: measures the guard against plain C (bench/pci_plain) and
# writes bench/results.json, bench/results.svg and docs/benchmarks.md. With --check:
# compares the figures of one topology that are the same in each run with those results.
# With --show: writes plot and page from the results that there are; no guest runs.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
cd "$top"
select_kernel
[ "${1:-}" != --show ] || exec "$here/harness.sh" bench --show

"$here/build-module.sh" bench M="$top/bench/pci_plain"
# A guest of hundreds of functions takes long to boot, with little output. The
# benchmarks count instructions, not seconds.
args=(--module-dir "$kernel_builds/bench" --boot-timeout 900 --timeout 900)
case ${1:-} in
'') ;;
--check)
	export TOPOLOGY=endpoint
	args+=(--check --filter 'operations recovery suspend trace every')
	;;
*) die "usage: bench.sh [--check | --show]" ;;
esac
exec "$here/harness.sh" bench "${args[@]}"
