# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Running programs in the toolchain root with bubblewrap. The root is mounted
# read-only: no program can damage the cache, and nothing stays mounted.

# The prefix for commands that must be root over files of many owners: for an ordinary
# user a user namespace with the subordinate ids of /etc/subuid.
as_root=(unshare)
[ "$(id -u)" = 0 ] || as_root+=(--user --map-root-user --map-auto)

# enter_begin ROOT: begins the command line.
enter_begin() {
	local name

	enter_root=$1
	enter=(bwrap --die-with-parent --unshare-pid --ro-bind "$1" /
		--dev-bind /dev /dev --proc /proc --ro-bind /sys /sys
		--tmpfs /tmp --tmpfs /run --clearenv
		--setenv PATH /usr/sbin:/usr/bin:/sbin:/bin
		--setenv LC_ALL C.UTF-8 --setenv HOME /tmp)
	for name in TERM CI http_proxy https_proxy no_proxy; do
		[ -z "${!name:-}" ] || enter+=(--setenv "$name" "${!name}")
	done
}

# enter_bind OPTION DIR [AS]: binds DIR of the host at AS, or at its own path.
enter_bind() {
	local as=${3:-$2}

	# The root is read-only inside: its mount points are made from outside, but
	# for those in its own /tmp and /run.
	case $as in
	/tmp/* | /run/*) ;;
	*) mkdir -p "$enter_root$as" ;;
	esac
	enter+=("$1" "$2" "$as")
}
