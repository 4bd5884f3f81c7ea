#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# each-kernel.sh CMD [ARG...]: runs CMD for each kernel that KERNEL names, one after the
# other, until one fails.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"

select_kernels
for name in "${kernels[@]}"; do
	[ "$name" = kdir ] || export KERNEL=$name
	"$@"
done
