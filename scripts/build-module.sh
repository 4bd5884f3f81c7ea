#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-module.sh NAME [KEY=VALUE...]: build the modules that Kbuild names, for
# one kernel, into NAME in its directory of build/. KEY=VALUE goes to kbuild.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"

name=${1:?"usage: build-module.sh NAME [KEY=VALUE...]"}
shift
kernel_env
out=$build/$name

# One build for a kernel at a time. bwrap does not inherit the lock.
exec 9>"$build/.lock"
flock 9

# shellcheck disable=SC2153  # of kernel_env
# Objects of another release are not mixed with those of this build.
id="$KERNEL_ID $BUILD_ARGS"
if [ ! -f "$out/.kernel" ] || [ "$(<"$out/.kernel")" != "$id" ]; then
	rm -rf "$out"
	mkdir -p "$out"
	printf '%s\n' "$id" >"$out/.kernel"
fi

args=(--no-print-directory -C "$KERNEL_BUILD" M="$top" MO="$out" -j"$(nproc)")
read -ra words <<<"$BUILD_ARGS"
args+=("${words[@]}")
# Debian's packages have no vmlinux to make a module's BTF from.
[ -z "$KERNEL_DIR" ] || args+=(CONFIG_DEBUG_INFO_BTF_MODULES=)
# A warning of objtool is an error for Debian's kernels and for those that set-up builds.
[ -z "$KERNEL_DIR" ] || args+=(CONFIG_OBJTOOL_WERROR=y)

in_root=("$here/in-root.sh")
[ -z "$BUILD_ON_HOST" ] || in_root=(env -u ARCH)
# Variables of the calling make must not reach kbuild.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL LLVM
"${in_root[@]}" make "${args[@]}" "$@" modules || die "the modules do not build for Linux $KERNEL_RELEASE: see above"
