# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # the variables of setup.sh
#
# build/KERNEL/env (build/ARCH/KERNEL/env): where set-up has put everything, as KEY=VALUE lines.

write_env() {
	local new=$build/.env.$$

	mkdir -p "$build"
	kernel_compiler
	if [ -n "${KDIR:-}" ]; then
		"$here/setup/kdir.sh" "$toolchain/root" "$build/modules" >"$new" || {
			rm -f "$new"
			exit 1
		}
	else
		cat >"$new" <<-END
			TOOLCHAIN_ROOT=$toolchain/root
			KERNEL_RELEASE=$(<"$kernel/release")
			KERNEL_DIR=$kernel
			KERNEL_BUILD=/kernel/build
			KERNEL_SOURCE=/kernel/source
			KERNEL_IMAGE=$kernel/vmlinuz
			KERNEL_MODULES=$kernel/modules
			KERNEL_ID=${kernel##*/}
			BUILD_ON_HOST=
			BUILD_ARGS='${compiler[*]}'
		END
	fi
	mv "$new" "$build/env"
	say "set up: Linux $(sed -n 's/^KERNEL_RELEASE=//p' "$build/env"), $(sed -n 's/^KERNEL_IMAGE=//p' "$build/env")"
}
