#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kdir.sh ROOT MODULES: see that KDIR and BZIMAGE are a kernel that a Rust module
# can be built for, copy what the guest uses of its modules into MODULES, and print
# the lines of build/kdir/env for it.
#
# Environment: KDIR, a built kernel tree (the O= directory if there is one);
# BZIMAGE, its image, by default the one in the tree; LLVM, as for kbuild;
# KERNEL_USE, `guest` where it is to be booted here.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/../lib/common.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/../lib/root.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/packages.sh"
# shellcheck source=scripts/setup/modules.sh
. "$here/modules.sh"

root=$1
modules=$2
# shellcheck disable=SC2153  # of the environment
[ -d "$KDIR" ] || die "KDIR=$KDIR is not a directory"
kdir=$(realpath "$KDIR")

# need FILE WHAT-TO-DO
need() {
	[ -s "$kdir/$1" ] || die "KDIR=$KDIR has no $1: $2"
}

# lacking PART: what the configuration lacks of that part of small.config, a line for
# each purpose, below the heading of the part. Nothing where it has all.
lacking() {
	local line part='' purpose='' complete='' option options=() said=()

	while IFS= read -r line; do
		case $line in
		"#: "*)
			purpose_ends
			part=
			[[ $line != "#: $1: "* ]] || part=${line#"#: "}
			[ -z "$part" ] || said=("  $part:")
			;;
		'' | '#') ;;
		'# '*)
			[ -z "$complete" ] || purpose_ends
			purpose+=${purpose:+ }${line#"# "}
			;;
		*)
			complete=yes
			option=${line#"#"}
			[ -n "${has[$option]-}${has[${option%=m}=y]-}" ] || options+=("${option%=*}")
			;;
		esac
	done < <(cat "$here/small.config" && echo '#: end')
	[ ${#said[@]} -lt 2 ] || printf '%s\n' "${said[@]}"
}

# purpose_ends: of lacking. Adds what is lacking for a purpose to `said`, if it is one of
# that part and of this architecture.
purpose_ends() {
	local for

	if [[ $purpose =~ ^((amd64|arm64|s390x)( (amd64|arm64|s390x))*):\  ]]; then
		for=${BASH_REMATCH[1]}
		purpose=${purpose#"$for: "}
		[[ " $for " == *" $arch "* ]] || options=()
	fi
	[ -z "$part" ] || [ ${#options[@]} = 0 ] || said+=("    ${options[*]}: $purpose")
	purpose=
	complete=
	options=()
}

need .config "give the built kernel tree (with O=, that directory)"
declare -A has
while IFS= read -r line; do
	[[ $line != CONFIG_* ]] || has[$line]=yes
done <"$kdir/.config"
modules_lack=$(lacking modules)
guest_lacks=$(lacking guest)
tests_lack=$(lacking tests)
lacks=$(printf '%s\n' "$modules_lack" "$guest_lacks" "$tests_lack" | sed '/^$/d')
[ -z "$lacks" ] || say "KDIR=$KDIR was configured without these options:"$'\n'"$lacks"
[ "${KERNEL_USE:-}" = guest ] || guest_lacks=
[ -z "$modules_lack$guest_lacks" ] || die "KDIR=$KDIR lacks options that are needed, see above: enable them there" \
	"(scripts/config --enable NAME; make olddefconfig), build that kernel again, and repeat this"
need rust/libkernel.rmeta "its Rust metadata is not built: build that kernel (make, not only the headers)"
need Module.symvers "build that kernel to its end"
need include/config/kernel.release "build that kernel to its end"

image=${BZIMAGE:-$kdir/$arch_image}
[ -f "$image" ] || if [ -n "${BZIMAGE:-}" ]; then
	die "BZIMAGE=$BZIMAGE does not exist"
else
	die "KDIR=$KDIR has no $arch_image: build it, or give BZIMAGE=<image>"
fi

# Rust metadata can be read by the compiler that wrote it, and by no other.
wanted=$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT="\(.*\)"$/\1/p' "$kdir/.config")
enter_begin "$root"
in_root=$("${enter[@]}" rustc --version)
on_host=$(rustc --version 2>/dev/null || true)
case $wanted in
"$in_root") build_on_host= ;;
"$on_host") build_on_host=yes ;;
*) die "KDIR=$KDIR was built with '$wanted', but the toolchain root has '$in_root' and this machine '${on_host:-none}':" \
	"build that kernel with one of these, or put its rustc first in PATH" ;;
esac

if [ -n "${LLVM:-}" ]; then
	build_args=("LLVM=$LLVM")
elif grep -qx CONFIG_CC_IS_CLANG=y "$kdir/.config"; then
	build_args=(LLVM=1)
elif [ -n "$build_on_host" ]; then
	build_args=()
else
	build_args=("CC=$kernel_cc")
fi
kernel_cross
build_args=("${cross[@]}" "${build_args[@]}")

rm -rf "$modules"
copy_modules "$kdir" "$modules" cat

cat <<END
TOOLCHAIN_ROOT=$root
KERNEL_RELEASE=$(<"$kdir/include/config/kernel.release")
KERNEL_DIR=
KERNEL_BUILD=$kdir
KERNEL_SOURCE=$([ ! -e "$kdir/source" ] || realpath "$kdir/source")
KERNEL_IMAGE=$(realpath "$image")
KERNEL_MODULES=$modules
KERNEL_ID=$kdir-$(sha256sum "$kdir/rust/libkernel.rmeta" | cut -c 1-12)
BUILD_ON_HOST=$build_on_host
BUILD_ARGS='${build_args[*]}'
END
