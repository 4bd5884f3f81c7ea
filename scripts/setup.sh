#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# setup.sh: makes everything that a module build and a virtual machine need, in the
# cache, and writes env in the kernel's directory of build/, which has the paths. Does
# nothing where all is complete. `setup.sh remove` removes the cache.
#
# Environment: PCI_RECOVERY_CACHE, PCI_RECOVERY_MIRROR; ARCH (lib/arch.sh); KERNEL, the
# series (7.2 or 7.3), debug or small (setup/debug.config, setup/small.config); KDIR,
# BZIMAGE, LLVM and KERNEL_USE for a kernel of one's own (setup/kdir.sh).

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/lib/root.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/setup/packages.sh"
# shellcheck source=scripts/setup/cache.sh
. "$here/setup/cache.sh"
# shellcheck source=scripts/setup/progress.sh
. "$here/setup/progress.sh"
# shellcheck source=scripts/setup/env.sh
. "$here/setup/env.sh"

# What each directory of the cache is made from is its key.
toolchain_key=$(key "$recipe" "$suite" "$backports" "${root_packages[@]}" "${root_packages_backports[@]}")
kernel_key=$(key "$toolchain_key" "$kernel_cc" "${guest_modules[@]}" "${stock_modules[@]}")
debug_key=$(key "$toolchain_key" "${guest_modules[@]}" "${stock_modules[@]}" "$(<"$here/setup/debug.config")" "$(<"$here/setup/debug.omit")")
# options NAME: of setup/NAME.config. Comments and order make no other kernel.
options() {
	grep -E '^(# )?CONFIG_\w+(=| is not set)' "$here/setup/$1.config" | sort
}

small_key=$(key "$toolchain_key" "$kernel_cc" "${guest_modules[@]}" "$(options small)")
s390x_key=$(key "$kernel_key" "$(options s390x)" unchecked)
toolchain=$cache/toolchain-$toolchain_key

toolchain_files=("root/usr/bin/$arch_qemu" root/usr/bin/rustc root/usr/bin/busybox "root/usr/bin/$kernel_cc")
kernel_files=(release vmlinuz build/.config build/Makefile build/Module.symvers build/rust/libkernel.rmeta)

have_toolchain() {
	intact "$toolchain" "${toolchain_files[@]}"
}

# With KDIR no kernel of Debian's is needed. Otherwise sets $kernel to the one in the
# cache; a newer one is not looked for.
have_kernel() {
	[ -z "${KDIR:-}" ] || return 0
	# Keys of different architectures differ, as their toolchain roots do.
	kernel=$(printf '%s\n' "$cache/kernel-$kernel_name"[.-]*"-$kernel_key" | sort -V | tail -n 1)
	intact "$kernel" "${kernel_files[@]}"
}

make_toolchain() {
	need_space 5
	[ ! -d "$toolchain" ] || say "damaged or cut off, made again: $toolchain"
	new_work toolchain
	step "toolchain root: mmdebstrap $suite, QEMU of $backports" 100 "$here/setup/toolchain.sh" "$work"
	keep "$toolchain" "${toolchain_files[@]}"
}

make_kernel() {
	local root=$toolchain/root release

	need_space 5
	[ ! -d "$kernel" ] || say "damaged or cut off, made again: $kernel"
	discard "$kernel"
	new_work kernel
	step "kernel: the newest $kernel_series of $backports" 5 "$here/setup/kernel.sh" choose "$root" "$work"
	release=$(<"$work/release")
	step "kernel: fetch and unpack Linux $release" 40 "$here/setup/kernel.sh" fetch "$root" "$work"
	if is_built "$kernel_name"; then
		step "kernel: build it with setup/$kernel_config.config" "$kernel_seconds" "$here/setup/kernel.sh" image "$root" "$work"
		release=$kernel_name-$(<"$work/release")
	else
		step "kernel: rebuild the Rust metadata" 150 "$here/setup/kernel.sh" metadata "$root" "$work"
	fi
	step "kernel: look whether it has all Rust symbols" 1 "$here/setup/kernel.sh" check "$root" "$work"
	kernel=$cache/kernel-$release-$kernel_key
	keep "$kernel" "${kernel_files[@]}"
}

remove() {
	[ -d "$cache" ] || return 0
	lock
	say "removing $cache"
	discard "$cache"/kernel-* "$cache"/toolchain-*
	rm -rf "$cache/log"
	if [ "$(ls -A "$cache")" = .lock ]; then
		rm -r "$cache"
	else
		say "$cache contains other files, which are kept"
	fi
}

main() {
	select_kernel
	kernel_seconds=
	case $kernel_config in
	debug) kernel_key=$debug_key kernel_seconds=900 ;;
	small) kernel_key=$small_key kernel_seconds=300 ;;
	s390x)
		kernel_key=$s390x_key kernel_seconds=1200
		kernel_files+=(vmlinuz-unchecked)
		;;
	esac
	case "$top$cache${KDIR:-}${BZIMAGE:-}" in
	*[[:space:]:]*) die "kbuild does not support spaces or colons in the paths of the project, the cache and KDIR" ;;
	esac
	[ -n "${KDIR:-}" ] || [ -z "${BZIMAGE:-}" ] || die "BZIMAGE= needs KDIR=, the tree that the image was built in"
	[ -n "${KDIR:-}" ] || [ -z "${LLVM:-}" ] || die "LLVM= needs KDIR=: Debian's kernel is built with gcc"

	"$here/setup/host.sh"
	if ! have_toolchain || ! have_kernel; then
		mkdir -p "$cache" 2>/dev/null || true
		[ -w "$cache" ] || die "the cache $cache cannot be written: name another directory in PCI_RECOVERY_CACHE"
		lock
		have_toolchain || steps=$((steps + 1))
		have_kernel || steps=$((steps + 4))
		have_toolchain || make_toolchain
		have_kernel || make_kernel
		unlock
	fi
	write_env
}

steps=0
case ${1:-} in
'') main ;;
remove) remove ;;
*) die "usage: setup.sh [remove]" ;;
esac
