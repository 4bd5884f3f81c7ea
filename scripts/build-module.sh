#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-module.sh NAME [KEY=VALUE...]: build the modules that Kbuild names, for
# the kernel of build/env, into build/NAME. KEY=VALUE goes to kbuild.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"

name=${1:?"usage: build-module.sh NAME [KEY=VALUE...]"}
shift
[ -r "$top/build/env" ] || die "nothing is set up yet: run 'make setup' first"
# shellcheck source=/dev/null
. "$top/build/env"
out=$top/build/$name

# One build at a time; bwrap does not need to know of it.
mkdir -p "$top/build"
exec 9>"$top/build/.lock"
flock 9

# shellcheck disable=SC2153  # of build/env
# What was built for another kernel is not mixed with what is built now.
id="$KERNEL_ID $BUILD_ARGS"
if [ ! -f "$out/.kernel" ] || [ "$(<"$out/.kernel")" != "$id" ]; then
	rm -rf "$out"
	mkdir -p "$out"
	printf '%s\n' "$id" >"$out/.kernel"
fi

args=(--no-print-directory -C "$KERNEL_BUILD" M="$top" MO="$out" -j"$(nproc)")
[ -z "$BUILD_ARGS" ] || args+=("$BUILD_ARGS")
# Debian's packages have no vmlinux to make a module's BTF from.
[ -z "$KERNEL_DIR" ] || args+=(CONFIG_DEBUG_INFO_BTF_MODULES=)

in_root=("$here/in-root.sh")
[ -z "$BUILD_ON_HOST" ] || in_root=()
# What the make that calls this was given is not for kbuild.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL LLVM
"${in_root[@]}" make "${args[@]}" "$@" modules || die "the modules do not build for Linux $KERNEL_RELEASE: see above"
