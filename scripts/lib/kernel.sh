# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # top of common.sh; read by the scripts that source this one
#
# The kernel that a script works for: KERNEL is a series of Debian's, or `all` of them,
# or `debug` or `small`, which set-up builds (setup/debug.config, setup/small.config), as it
# does all of s390x (setup/s390x.config);
# KDIR is a kernel tree that the user has built. Each kernel has its own directory:
# build/7.3, build/7.2, build/debug, build/small, build/kdir; those of another
# architecture than amd64 are in build/ARCH: build/arm64/7.3.

# shellcheck source=scripts/lib/arch.sh
. "$top/scripts/lib/arch.sh"

kernel_default=7.3
kernel_all=("${arch_series[@]}")
# The kernels that set-up builds, and the series of their source.
kernel_built=()
[ -n "$arch_foreign" ] || kernel_built=(debug small)
kernel_built_series=7.3

# is_built NAME: true for one of those.
is_built() {
	[ -n "$arch_config" ] || [[ " ${kernel_built[*]} " == *" $1 "* ]]
}

# select_kernels: sets `kernels` to those that KERNEL or KDIR names.
select_kernels() {
	local name

	kernels=("${KERNEL:-$kernel_default}")
	if [ -n "${KDIR:-}" ]; then
		[ -z "${KERNEL:-}" ] || die "KERNEL=$KERNEL and KDIR=$KDIR: give one of them"
		kernels=(kdir)
		return
	fi
	[ "${KERNEL:-}" != all ] || kernels=("${kernel_all[@]}")
	for name in "${kernels[@]}"; do
		grep -qxF -e "$name" < <(printf '%s\n' "${kernel_all[@]}" "${kernel_built[@]}") ||
			die "KERNEL=$name is not known for ARCH=$arch: give ${kernel_all[*]/%/,} all, ${kernel_built[*]/%/,} or KDIR= for any other"
	done
}

# select_kernel: for a script that works for one kernel. Sets kernel_name, kernel_series,
# kernel_config (the configuration of one that set-up builds, setup/NAME.config), and its
# directory: kernel_builds from the project's on, build as a whole path.
select_kernel() {
	select_kernels
	[ ${#kernels[@]} = 1 ] || die "KERNEL=all: this is for one kernel, give one of ${kernel_all[*]} ${kernel_built[*]}"
	kernel_name=${kernels[0]}
	kernel_series=$kernel_name
	kernel_config=${arch_config:-$kernel_name}
	! is_built "$kernel_name" || kernel_series=$kernel_built_series
	kernel_builds=$arch_builds/$kernel_name
	build=$top/$kernel_builds
}

# kernel_env: as select_kernel, and reads what set-up has written for that kernel.
kernel_env() {
	select_kernel
	[ -r "$build/env" ] || die "Linux $kernel_name is not set up yet: run 'make setup' first"
	# shellcheck source=/dev/null
	. "$build/env"
}
