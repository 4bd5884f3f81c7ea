#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# harness.sh COMMAND [ARG...]: runs the harness with the results of set-up and of the
# builds for one kernel, in the topology TOPOLOGY. Without one `run` has that of the
# architecture.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
cd "$top"
kernel_env

if [ "${1-}" = run ] && [ -z "${TOPOLOGY:-}" ]; then
	# A kernel tree has one image only.
	TOPOLOGY=$arch_run
	[ -z "${KDIR:-}" ] || TOPOLOGY=${arch_run%_unchecked}
fi
more=(--arch "$arch")
[ -z "$arch_foreign" ] || more+=(--tools "$arch_tools")
if [ "$kernel_name" = debug ]; then
	# KASAN takes an eighth of all memory, kmemleak records each allocation, and
	# hibernation needs as much again. On a machine of two processors two guests of
	# two processors each take twice as long as two of one.
	more+=(--more-memory 768 --processors 1)
	[ "${1-}" != check ] || more+=(--first-topology)
fi

exec qemu/target/release/pci-recovery-qemu "$@" \
	--kernel "$KERNEL_IMAGE" --busybox "$TOOLCHAIN_ROOT/usr/bin/busybox" \
	--module-dir "$kernel_builds/module" --module-dir "$KERNEL_MODULES" \
	--kselftest scripts/kselftest --runner scripts/in-root.sh \
	--topology "${TOPOLOGY:-}" --log-dir "$kernel_builds/logs" "${more[@]}"
