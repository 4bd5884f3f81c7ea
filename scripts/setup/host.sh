#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# host.sh [fuzz | virtme]: see that the host has the packages of packages.sh, with
# `fuzz` or `virtme` those for that, too; install what is missing as root, print the command to
# type otherwise.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/../lib/common.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/packages.sh"

# missing NEED...: the packages of those needs that are not there.
missing() {
	local need what

	for need; do
		what=${need%%=*}
		case $what in
		/*) [ -e "$what" ] ;;
		*) command -v "$what" >/dev/null ;;
		esac || printf '%s\n' "${need#*=}"
	done
}

install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" </dev/null
}

case ${1:-} in
fuzz) host_needs+=("${host_needs_fuzz[@]}") ;;
virtme) host_needs+=("${host_needs_virtme[@]}") ;;
esac
[ "$(id -u)" = 0 ] || host_needs+=("${host_needs_user[@]}")
PATH=$PATH:/usr/sbin:/sbin
mapfile -t packages < <(missing "${host_needs[@]}")

if [ ${#packages[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ]; then
		die "this machine lacks packages, type: sudo apt-get install --no-install-recommends ${packages[*]}"
	fi
	command -v apt-get >/dev/null || die "no apt-get here: install ${packages[*]}"
	heading "installing on this machine: ${packages[*]}"
	# The lists may be missing or old.
	install >/dev/null 2>&1 || { apt-get -q update && install; } >/dev/null 2>&1 || {
		install 2>&1 | tail -n 5 >&2 || true
		die "apt-get cannot install ${packages[*]}: see above, mend it, and run this again"
	}
fi

if [ "$(id -u)" != 0 ] && ! grep -qE "^($(id -un)|$(id -u)):" /etc/subuid 2>/dev/null; then
	die "user $(id -un) has no subordinate ids, type: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
fi
cargo=$(cargo --version 2>/dev/null | sed -nE 's/^cargo 1\.([0-9]+)\..*/\1/p' || true)
[ "${cargo:-0}" -ge 85 ] || die "cargo 1.85 or newer is needed (here: $(cargo --version 2>/dev/null || echo none)): install a Rust toolchain, for example with rustup"

said=$(bwrap --unshare-pid --ro-bind / / --proc /proc true 2>&1) ||
	die "bubblewrap cannot make namespaces here ($said): use a machine, or a container that may (--privileged)"
