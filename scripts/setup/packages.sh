# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts that source this one
#
# What is installed where: the one place that names packages and versions, but for those
# that an architecture needs (lib/arch.sh).

# shellcheck disable=SC2154  # of common.sh
# shellcheck source=scripts/lib/arch.sh
. "$top/scripts/lib/arch.sh"

# Counts the changes to toolchain.sh and kernel.sh that make an older cache wrong.
recipe=1

suite=trixie
backports=trixie-backports

# On the host, as `what must be there=Debian package`.
host_needs=(
	mmdebstrap=mmdebstrap
	bwrap=bubblewrap
	make=make
	cc=gcc
	patch=patch
	/usr/include/stdlib.h=libc6-dev
	/usr/share/keyrings/debian-archive-keyring.gpg=debian-archive-keyring
)
# An ordinary user makes the toolchain root with subordinate user ids.
host_needs_user=(newuidmap=uidmap)
# `make fuzz` builds libFuzzer, which is C++.
host_needs_fuzz=("c++=g++")

# bench-times.sh installs virtme-ng from PyPI.
host_needs_virtme=(pip3=python3-pip)
virtme_version=1.42

# In the toolchain root, from $suite: the compilers of Debian's kernel, and what
# its build, the guest and the checks use.
root_packages=(
	gcc-14 rustc rust-src rust-clippy rustfmt bindgen clang lld llvm
	make flex bison bc libelf-dev libssl-dev libc6-dev dwarves kmod cpio rsync
	xz-utils python3 ca-certificates
	"busybox-static$arch_foreign" pciutils shellcheck
	"${arch_packages[@]}"
)
# In the toolchain root, from $backports.
root_packages_backports=("${arch_backports[@]}")

# The compiler that Debian builds its kernels with, and that of programs that a build runs.
kernel_cc=$arch_gnu-gcc-14
host_cc=x86_64-linux-gnu-gcc-14

# kernel_cross: sets `cross`, the arguments of kbuild for another architecture.
kernel_cross() {
	cross=()
	[ -z "$arch_foreign" ] || cross=("ARCH=$arch_kbuild" "CROSS_COMPILE=$arch_gnu-")
}

# kernel_compiler: sets `compiler`, for kbuild; Rust and KASAN in one kernel need clang.
kernel_compiler() {
	# shellcheck disable=SC2154  # of kernel.sh
	if [ "$kernel_name" = debug ]; then
		compiler=(LLVM=1)
		return
	fi
	kernel_cross
	compiler=("${cross[@]}" "CC=$kernel_cc")
}

# Modules of Debian's kernel that the guest uses; dependencies are added.
guest_modules=(aer_inject pci-stub vfio-pci vfio_iommu_type1 virtio_blk "${arch_modules[@]}")
# And drivers that people have, for `make bench` and the tests of pci_guard.
stock_modules=(nvme pci-pf-stub virtio_net e1000e)
