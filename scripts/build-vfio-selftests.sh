#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-vfio-selftests.sh: builds the kernel's own VFIO selftests (tools/testing/selftests/vfio)
# from the source that set-up has unpacked, static, into one archive beside the programs
# of the tests. A kernel without that source, or without an IOMMU (those that
# set-up builds), has none: their test is skipped.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/setup/packages.sh"

# Those that cannot run in the guest (guard_vfio_selftests.sh says why).
left_out=(vfio_iommufd_setup_test vfio_pci_driver_test)

# shellcheck disable=SC2153  # of kernel_env
kernel_env
if [ -n "${KDIR:-}" ] || is_built "$kernel_name" || [ ! -d "$KERNEL_DIR/source/tools/testing/selftests/vfio" ]; then
	exit 0
fi

own=$top/qemu/guest/vfio_selftests/alone.c
archive=$top/$arch_tools/vfio_selftests-$KERNEL_RELEASE.tar.xz
if [ "$archive" -nt "$own" ] && [ "$archive" -nt "$0" ]; then
	exit 0
fi

say "building the VFIO selftests of Linux $KERNEL_RELEASE"
out=$build/vfio_selftests
# Of an older release, too.
rm -rf "$out" "${archive%/*}/vfio_selftests-$kernel_series".*
mkdir -p "$out/headers" "$out/programs" "$out/uuid"
cat >"$out/uuid/uuid.h" <<-'END'
	typedef unsigned char uuid_t[16];
	int uuid_parse(const char *text, uuid_t uuid);
END
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL LLVM
selftests=$KERNEL_SOURCE/tools/testing/selftests/vfio
cflags="-O2 -I$out"
# That of 7.2.12 is called, and defined by 7.3 only.
grep -rqw calloc_assert "$KERNEL_DIR/source/${selftests#"$KERNEL_SOURCE"/}/lib/include" || cflags+=" -Dcalloc_assert=calloc"

in_root() {
	"$here/in-root.sh" "$@"
}

# build: LDFLAGS and LDLIBS replace those of the Makefile.
build() {
	in_root make -s -C "$KERNEL_SOURCE" O="$out/headers" ARCH="$arch_kbuild" headers_install &&
		in_root "$kernel_cc" -O2 -Wall -Werror -c "$own" -o "$out/alone.o" &&
		in_root make -s -C "$selftests" -j"$(nproc)" ARCH="$arch_kbuild" OUTPUT="$out/programs" CC="$kernel_cc" \
			KHDR_INCLUDES="-isystem $out/headers/usr/include" EXTRA_CFLAGS="$cflags" \
			LDFLAGS="-static -pthread -s" LDLIBS="$out/alone.o" &&
		rm "${left_out[@]/#/$out/programs/}" &&
		in_root sh -c "cd '$out/programs' && tar -cJf '$archive.new' vfio_*_test"
}

build >"$out/log" 2>&1 || {
	cat "$out/log" >&2
	die "the VFIO selftests do not build"
}
mv "$archive.new" "$archive"
rm -rf "$out"
