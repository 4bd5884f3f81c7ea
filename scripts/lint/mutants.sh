#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh: does each patch of mutants/ apply to the sources as they are? One that
# does not tests nothing, and `make mutants` would say so only after it ran for an
# hour. A check of lint.sh.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
cd "$top"

stale=0
for file in scripts/mutants/*.patch; do
	if ! said=$(patch --strip=1 --fuzz=0 --force --dry-run <"$file" 2>&1); then
		printf '%s\n' "$said" >&2
		printf '%s does not apply: the code has changed, update the patch\n' "$file" >&2
		stale=1
	fi
done
exit "$stale"
