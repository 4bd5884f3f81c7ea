#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh STEP ROOT DIR: make the kernel KERNEL in DIR with the programs of ROOT:
# choose, fetch, metadata, check, in this order, for one of Debian's; for one that is
# built from Debian's source (`debug`, `small`, all of s390x), image instead of metadata. Steps of
# setup.sh.
#
# DIR is /kernel in the root, now and later: an O= build remembers its paths.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/../lib/common.sh"
# shellcheck source=scripts/lib/step.sh
. "$here/../lib/step.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/../lib/root.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/../lib/kernel.sh"
# shellcheck source=scripts/setup/apt.sh
. "$here/apt.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/packages.sh"
# shellcheck source=scripts/setup/modules.sh
. "$here/modules.sh"

step=$1
dir=$3
select_kernel
kernel_compiler
[ "$kernel_name" = debug ] || compiler+=("HOSTCC=$host_cc")
# The configuration of one that is built here.
asked=$here/$kernel_config.config

enter_begin "$2"
enter_bind --bind "$dir" /kernel
enter+=(--chdir /kernel)

in_root() {
	"${enter[@]}" "$@"
}

kbuild() {
	in_root make -C /kernel/source O=/kernel/build "${compiler[@]}" -j"$(nproc)" "$@"
}

# The newest release of the series, in the plain flavour: into DIR/release. Of one that is
# built here only the source is fetched, which is that of any architecture.
choose() {
	local of=$arch

	! is_built "$kernel_name" || of=amd64
	apt_begin "$dir/apt" "$backports"
	retry apt apt-get update
	apt apt-cache pkgnames "linux-binary-$kernel_series." |
		sed -nE "s/^linux-binary-([0-9.]+\+deb[0-9]+-$of)(:$of)?\$/\1/p" | sort -V | tail -n 1 >"$dir/release"
	[ -s "$dir/release" ] || die "$backports has no Linux $kernel_series: set KDIR= and BZIMAGE= to a kernel of your own"
}

fetch() {
	local release version package packages of=$arch_foreign

	apt_begin "$dir/apt" "$backports"
	! is_built "$kernel_name" || of=
	release=$(<"$dir/release")
	version=$(apt apt-cache show "linux-binary-$release$of" | sed -n 's/^Version: //p' | sed -n 1p)
	packages=("linux-source-$kernel_series")
	is_built "$kernel_name" ||
		packages+=("linux-binary-$release$of" "linux-modules-$release$of" "linux-headers-$release$of")
	retry apt apt-get download "${packages[@]/%/=$version}"

	mkdir -p "$dir/packages" "$dir/source" "$dir/build"
	for package in "${packages[@]}"; do
		package=${package%"$of"}
		in_root sh -c "dpkg-deb -x ${package}_*.deb packages && rm ${package}_*.deb"
	done
	unpack
	rm -rf "$dir/apt"
	! is_built "$kernel_name" || return 0

	cp "$dir/packages/usr/lib/modules/$release/vmlinuz" "$dir/vmlinuz"
	cp "$dir/packages/usr/src/linux-headers-$release/.config" "$dir/build/.config"
	(cd "$dir" && copy_modules "packages/usr/lib/modules/$release" modules in_root xz -dc)
}

# The source, without what is not looked at: two thirds of it for a module's build.
unpack() {
	local source=linux-source-$kernel_series unused name

	unused=('Documentation/*/*' 'tools/perf/*' "arch/[!${arch_kbuild:0:1}]*/*.[chS]" 'arch/*.dts*')
	is_built "$kernel_name" || unused+=('drivers/*.[cS]' 'fs/*.c' 'net/*.c' 'sound/*.[ch]' 'drivers/gpu/drm/amd/include/*')
	in_root tar -x -C source --strip-components=1 --no-same-owner --anchored \
		"${unused[@]/#/--exclude=$source/}" -f "packages/usr/src/$source.tar.xz"
}

# Debian ships no Rust metadata: made again from the same source, with the same
# compiler and configuration.
metadata() {
	local release

	release=$(<"$dir/release")
	kbuild olddefconfig
	kbuild KERNELRELEASE="$release" modules_prepare
	cp "$dir/packages/usr/src/linux-headers-$release/Module.symvers" "$dir/build/"
	rm -rf "$dir/packages"
}

# KASAN does not look at what debug.omit names.
omit() {
	local part makefile

	[ "$kernel_name" = debug ] || return 0
	while read -r part; do
		makefile=$dir/source/${part%/*}/Makefile
		[ -e "$makefile" ] || die "setup/debug.omit: this kernel has no $part"
		case $part in
		*/) echo 'KASAN_SANITIZE := n' >>"$makefile" ;;
		*) echo "KASAN_SANITIZE_${part##*/} := n" >>"$makefile" ;;
		esac
	done < <(sed -n '/^[^#]/p' "$here/debug.omit")
}

# A kernel that is built here: an image, the guest's modules, and what a module's
# build needs.
image() {
	omit
	cp "$asked" "$dir/build/asked.config"
	kbuild KCONFIG_ALLCONFIG=/kernel/build/asked.config allnoconfig
	config_is_as_asked
	kbuild "${arch_image##*/}" modules
	in_root make -s -C /kernel/source O=/kernel/build kernelrelease >"$dir/release"
	cp "$dir/build/$arch_image" "$dir/vmlinuz"
	copy_modules "$dir/build" "$dir/modules" cat
	unchecked

	# Objects and sources have done their work.
	find "$dir/build" \( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name 'vmlinux*' -o -name '.*.cmd' \) \
		! -path '*/scripts/*' ! -path '*/tools/*' -delete
	find "$dir/source/drivers" "$dir/source/fs" "$dir/source/net" "$dir/source/sound" -name '*.[cS]' -delete
	rm -rf "$dir/packages" "$dir/source/drivers/gpu/drm/amd"
}

# For s390x a second image: Linux as it was before it looks whether a function can be read, and
# only then saves it for a reset (pci_dev_save_and_disable()). Modules are the same.
unchecked() {
	local file=$dir/source/drivers/pci/pci.c look='if (!pci_dev_config_accessible(dev, "save state"))'

	[ "$kernel_config" = s390x ] || return 0
	grep -qF "$look" "$file" || die "drivers/pci/pci.c has no line '$look': what is the check before a reset's save now?"
	sed -i "/$look/,+1d" "$file"
	kbuild "${arch_image##*/}"
	cp "$dir/build/$arch_image" "$dir/vmlinuz-unchecked"
}

# Kconfig drops in silence what it does not know, or what lacks something.
config_is_as_asked() {
	local lacking

	lacking=$(grep '^CONFIG_' "$asked" | sed -n '/=n$/!p' | grep -vxFf "$dir/build/.config" || true)
	[ -z "$lacking" ] || die "the kernel would lack what setup/$kernel_config.config asks for: $(paste -sd ' ' <<<"$lacking")"
	lacking=$(sed -n 's/^\(CONFIG_.*\)=n$/\1=/p' "$asked" | grep -Ff - "$dir/build/.config" || true)
	[ -z "$lacking" ] || die "the kernel would have what setup/$kernel_config.config leaves out: $(paste -sd ' ' <<<"$lacking")"
}

# A module may use every Rust symbol that the metadata knows: the kernel must
# have them all, or it refuses the module.
check() {
	local wanted lacking

	wanted=$(sed -n 's/^EXPORT_SYMBOL_RUST_GPL(\(.*\));$/\1/p' "$dir"/build/rust/exports_*_generated.h | sort -u)
	[ -n "$wanted" ] || die "the rebuilt kernel crate exports nothing: see the log of the step before"
	lacking=$(comm -23 <(printf '%s\n' "$wanted") <(cut -f 2 "$dir/build/Module.symvers" | sort -u))
	[ -z "$lacking" ] || die "$(wc -l <<<"$lacking") of $(wc -l <<<"$wanted") Rust symbols are not in Module.symvers" \
		"($(head -n 3 <<<"$lacking" | paste -sd ' ')): compiler and kernel do not belong together, no module would load"
	say "all $(wc -l <<<"$wanted") Rust symbols are in Module.symvers"
}

"$step"
