# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the scripts that source this one
#
# The architecture of the guest, ARCH, by Debian's name: the one table of what depends on it in
# the scripts. qemu/src/arch.rs is that of the harness.
#
# arch_kbuild     the kernel's name for it: ARCH= of kbuild, and the folder below arch/
# arch_gnu        prefix of the compiler, which is the package gcc-14-PREFIX for a cross compiler
# arch_rust       Rust's name for it, of the programs in the guest
# arch_foreign    its packages are marked with this in the toolchain root; empty where the
#                 programs of the guest run on the host as well
# arch_packages   in its toolchain root, beside those of any: from trixie,
# arch_backports  and from trixie-backports: QEMU, and a Rust that is newer than trixie's
# arch_cargo      more options of cargo for the programs of the guest
# arch_rustflags  and of rustc
# arch_qemu       QEMU's program
# arch_image      the image in a kernel tree that was built
# arch_modules    of Debian's kernel that a guest needs, beside those of any
# arch_series     the kernels that can be chosen
# arch_run        the topology of `make run`
# arch_config     set-up builds them with setup/NAME.config; empty where they are Debian's
#
# What is built for amd64 is in build/ and in scripts/kselftest/tools, where it is also for a
# copy of scripts/kselftest on another machine; what is built for others in build/ARCH.

arch=${ARCH:-amd64}
arch_foreign=:$arch
arch_packages=()
arch_modules=()
arch_series=(7.2 7.3)
arch_run=vfio
arch_config=
arch_cargo=()
arch_rustflags=
case $arch in
amd64)
	arch_foreign=
	arch_kbuild=x86
	arch_gnu=x86_64-linux-gnu
	arch_rust=x86_64-unknown-linux-gnu
	arch_backports=(qemu-system-x86)
	arch_qemu=qemu-system-x86_64
	arch_image=arch/x86/boot/bzImage
	;;
arm64)
	arch_kbuild=arm64
	arch_gnu=aarch64-linux-gnu
	arch_rust=aarch64-unknown-linux-gnu
	arch_packages=(gcc-14-aarch64-linux-gnu libc6-dev-arm64-cross cargo libstd-rust-dev:arm64)
	arch_backports=(qemu-system-arm)
	arch_qemu=qemu-system-aarch64
	arch_image=arch/arm64/boot/Image
	# The ports to the harness (qemu/src/arch.rs).
	arch_modules=(virtio_mmio virtio_console)
	;;
s390x)
	arch_kbuild=s390
	arch_gnu=s390x-linux-gnu
	arch_rust=s390x-unknown-linux-gnu
	arch_packages=(gcc-14-s390x-linux-gnu libc6-dev-s390x-cross)
	# Linux has Rust on s390x for rustc 1.96 and newer. The standard library of the guest's
	# programs is built with them, from rust-src.
	arch_backports=(qemu-system-s390x rustc rust-src rust-clippy rustfmt cargo)
	arch_cargo=(-Z "build-std=std,panic_abort")
	# The standard library's look-ups of names, which no program here makes.
	arch_rustflags='-A linker_messages'
	arch_qemu=qemu-system-s390x
	arch_image=arch/s390/boot/bzImage
	# Debian's kernel has no Rust there.
	arch_series=(7.3)
	arch_config=s390x
	arch_run=zpci_nvme_unchecked
	;;
*) die "ARCH=$arch is not known: give amd64, arm64 or s390x" ;;
esac
arch_builds=build${arch_foreign:+/$arch}
arch_tools=scripts/kselftest/tools
[ -z "$arch_foreign" ] || arch_tools=$arch_builds/tools
