#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh [--check | --show]: what the guard costs, against plain C (bench/pci_plain), into
# bench/results.json and bench/results.svg. With --check: the part of it that is
# always the same, of one topology, compared with those results. With --show: the
# table and the plot of the results that there are.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
cd "$top"
select_kernel

"$here/build-module.sh" bench M="$top/bench/pci_plain"
# Hundreds of functions take long to boot, and say little meanwhile; what is counted
# are instructions, however long they take.
args=(--module-dir "build/$kernel_name/bench" --boot-timeout 900 --timeout 900)
case ${1:-} in
'') ;;
--check)
	export TOPOLOGY=endpoint
	args+=(--check --filter 'operations recovery suspend trace')
	;;
--show) args+=(--show) ;;
*) die "usage: bench.sh [--check | --show]" ;;
esac
exec "$here/harness.sh" bench "${args[@]}"
