#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh STEP ROOT DIR: make Debian's kernel of the series KERNEL in DIR with the
# programs of ROOT: choose, fetch, metadata, check, in this order. Steps of setup.sh.
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
# shellcheck source=scripts/setup/packages.sh
. "$here/packages.sh"
# shellcheck source=scripts/setup/modules.sh
. "$here/modules.sh"

step=$1
dir=$3
select_kernel

enter_begin "$2"
enter_bind --bind "$dir" /kernel
enter+=(--chdir /kernel)
with_apt=("${enter[@]}")
[ "$(id -u)" = 0 ] || with_apt+=(--unshare-user --uid 0 --gid 0)
for file in /etc/resolv.conf /etc/hosts; do
	[ ! -e "$file" ] || with_apt+=(--ro-bind "$file" "$file")
done
with_apt+=(--bind "$dir/apt" /var/lib/apt --bind "$dir/apt" /var/cache/apt)
apt_options=(-o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Dir::Etc::SourceParts=/dev/null
	-o Dir::Etc::SourceList=/etc/apt/sources.list.d/backports.list)

in_root() {
	"${enter[@]}" "$@"
}

apt() {
	"${with_apt[@]}" "$1" "${apt_options[@]}" "${@:2}"
}

kbuild() {
	in_root make -C /kernel/source O=/kernel/build CC="$kernel_cc" HOSTCC="$kernel_cc" -j"$(nproc)" "$@"
}

# The newest release of the series, in the plain flavour: into DIR/release.
choose() {
	mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial"
	retry apt apt-get update
	apt apt-cache pkgnames "linux-binary-$kernel_name." |
		sed -nE 's/^linux-binary-([0-9.]+\+deb[0-9]+-amd64)$/\1/p' | sort -V | tail -n 1 >"$dir/release"
	[ -s "$dir/release" ] || die "$backports has no Linux $kernel_name: set KDIR= and BZIMAGE= to a kernel of your own"
}

fetch() {
	local release version package source

	release=$(<"$dir/release")
	version=$(apt apt-cache show "linux-binary-$release" | sed -n 's/^Version: //p' | sed -n 1p)
	set -- "linux-binary-$release" "linux-modules-$release" "linux-headers-$release" "linux-source-$kernel_name"
	retry apt apt-get download "${@/%/=$version}"

	mkdir -p "$dir/packages" "$dir/source" "$dir/build"
	for package; do
		in_root sh -c "dpkg-deb -x ${package}_*.deb packages && rm ${package}_*.deb"
	done
	# What no module's build looks at stays out: it is two thirds of the source.
	source=linux-source-$kernel_name
	in_root tar -x -C source --strip-components=1 --no-same-owner --anchored \
		--exclude="$source/Documentation/*/*" --exclude="$source/drivers/*.[cS]" --exclude="$source/fs/*.c" \
		--exclude="$source/net/*.c" --exclude="$source/sound/*.[ch]" --exclude="$source/tools/perf/*" \
		--exclude="$source/drivers/gpu/drm/amd/include/*" --exclude="$source/arch/[!x]*/*.[chS]" \
		--exclude="$source/arch/*.dts*" -f "packages/usr/src/$source.tar.xz"

	cp "$dir/packages/usr/lib/modules/$release/vmlinuz" "$dir/vmlinuz"
	cp "$dir/packages/usr/src/linux-headers-$release/.config" "$dir/build/.config"
	(cd "$dir" && copy_modules "packages/usr/lib/modules/$release" modules in_root xz -dc)
	rm -rf "$dir/apt"
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

# A module may use every Rust symbol that the metadata knows: the kernel must
# have them all, or it refuses the module.
check() {
	local wanted lacking

	wanted=$(sed -n 's/^EXPORT_SYMBOL_RUST_GPL(\(.*\));$/\1/p' "$dir"/build/rust/exports_*_generated.h | sort -u)
	[ -n "$wanted" ] || die "the rebuilt kernel crate exports nothing: see the log of the step before"
	lacking=$(comm -23 <(printf '%s\n' "$wanted") <(cut -f 2 "$dir/build/Module.symvers" | sort -u))
	[ -z "$lacking" ] || die "$(wc -l <<<"$lacking") of $(wc -l <<<"$wanted") Rust symbols are not in Debian's Module.symvers" \
		"($(head -n 3 <<<"$lacking" | paste -sd ' ')): compiler and kernel do not belong together, no module would load"
	say "all $(wc -l <<<"$wanted") Rust symbols are in Module.symvers"
}

"$step"
