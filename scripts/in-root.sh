#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# in-root.sh CMD [ARG...]: runs CMD in the toolchain root that `make setup` made,
# for one kernel (KERNEL or KDIR, as for make).
#
# The project directory, the cache, the kernel's build tree and every directory
# of the colon-separated PCI_RECOVERY_BIND are there at their own paths; Debian's
# kernel is at /kernel. CMD ends when this process ends.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/lib/root.sh"

[ $# -gt 0 ] || die "usage: in-root.sh CMD [ARG...]"
kernel_env
[ -d "$TOOLCHAIN_ROOT" ] || die "the toolchain root does not exist: run 'make setup' again"

enter_begin "$TOOLCHAIN_ROOT"
enter_bind --ro-bind "$cache"
if [ -n "$KERNEL_DIR" ]; then
	enter_bind --ro-bind "$KERNEL_DIR" /kernel
else
	enter_bind --ro-bind "$KERNEL_BUILD"
	[ -z "$KERNEL_SOURCE" ] || enter_bind --ro-bind "$KERNEL_SOURCE"
fi
enter_bind --bind "$top"
IFS=: read -ra extra <<<"${PCI_RECOVERY_BIND:-}"
for dir in "${extra[@]}"; do
	[ -d "$dir" ] || die "PCI_RECOVERY_BIND: '$dir' is not a directory"
	enter_bind --bind "$(realpath "$dir")"
done

case $PWD/ in
"$top"/*) enter+=(--chdir "$PWD") ;;
*) enter+=(--chdir "$top") ;;
esac
exec "${enter[@]}" "$@"
