#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh: checks that each patch of mutants/ applies to the sources. `make mutants`
# would find one that does not only after an hour. A check of lint.sh.

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
