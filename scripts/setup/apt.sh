# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # enter of root.sh, backports of packages.sh
#
# Debian packages by the apt of the toolchain root, which stays as it is: what apt
# keeps is in a directory of the caller's.

# apt_begin DIR SUITE: apt keeps its lists in DIR. After enter_begin and enter_bind.
apt_begin() {
	local file list=/etc/apt/sources.list

	mkdir -p "$1/lists/partial" "$1/archives/partial"
	[ "$2" != "$backports" ] || list=/etc/apt/sources.list.d/backports.list
	with_apt=("${enter[@]}")
	[ "$(id -u)" = 0 ] || with_apt+=(--unshare-user --uid 0 --gid 0)
	for file in /etc/resolv.conf /etc/hosts; do
		[ ! -e "$file" ] || with_apt+=(--ro-bind "$file" "$file")
	done
	with_apt+=(--bind "$1" /var/lib/apt --bind "$1" /var/cache/apt)
	apt_options=(-o APT::Sandbox::User=root -o APT::Update::Error-Mode=any
		-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::SourceList="$list")
}

# apt PROGRAM ARG...: apt-get or apt-cache.
apt() {
	"${with_apt[@]}" "$1" "${apt_options[@]}" "${@:2}"
}
