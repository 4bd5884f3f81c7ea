#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# toolchain.sh DIR: make the toolchain root in DIR/root, with mmdebstrap, owned
# by whoever runs this. A step of setup.sh.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/../lib/common.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/../lib/root.sh"
# shellcheck source=scripts/lib/step.sh
. "$here/../lib/step.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/packages.sh"

# The archive that the host itself uses; empty leaves it to mmdebstrap.
mirror() {
	local uri

	if [ -n "${PCI_RECOVERY_MIRROR:-}" ]; then
		printf '%s\n' "$PCI_RECOVERY_MIRROR"
		return
	fi
	# shellcheck disable=SC2016  # these are apt's
	uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian|Debian|main|//p' | sed -n 1p || true)
	case $uri in
	http://* | https://*) printf '%s\n' "$uri" ;;
	mirror+file:*) grep -m 1 -oE '^https?://[^[:space:]]+' "${uri#mirror+file:}" || true ;;
	esac
}

# The root as a tar stream through a pipe, so that mmdebstrap's many owners
# become one and no device node is needed. mmdebstrap has namespaces of its own,
# and leaves no process and no mount behind when this process ends.
bootstrap() {
	local dir=$1 unpack

	rm -rf "$dir/root" "$dir/pipe"
	mkdir -p "$dir/root"
	mkfifo "$dir/pipe"
	tar -C "$dir/root" -x --no-same-owner --exclude='./dev/*' <"$dir/pipe" &
	unpack=$!
	setpriv --pdeathsig KILL "${as_root[@]}" --mount --pid --fork --kill-child --mount-proc \
		mmdebstrap --mode=root "${options[@]}" "$suite" - "${sources[@]}" >"$dir/pipe" &
	wait $! && wait "$unpack"
}

dir=$1
# A root that is cut off is made again: nothing is synced to the disk package by package. What
# nobody reads here is not unpacked.
options=(--variant=minbase "--architectures=amd64${arch_foreign:+,$arch}"
	--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*'
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*'
	--keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	--include="$(IFS=, && printf '%s' "${root_packages[*]}")")

export TMPDIR=$dir/tmp
mkdir -p "$TMPDIR"

mirror=$(mirror)
mirror=${mirror%/}
sources=(${mirror:+"$mirror"})
say "mirror: ${mirror:-that of mmdebstrap}"
proxy=$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null | sed -n "s/^proxy='\(.*\)'$/\1/p" || true)
[ -z "$proxy" ] || options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")

# Of backports a kernel that is built here needs programs of the host only.
of=amd64${arch_foreign:+,$arch}
[ -z "$arch_config" ] || of=amd64

# Backports come from where the suite came from. The hook is a program for sh.
# shellcheck disable=SC2016
options+=(--customize-hook='
	set -eu
	grep -hE "^deb .* '"$suite"' main" "$1/etc/apt/sources.list" | head -n 1 |
		sed "s/ '"$suite"' / '"$backports"' /; /^deb \[/!s/^deb /deb [] /; s/^deb \[/deb [arch='"$of"' /; s/ \]/]/" >"$1/etc/apt/sources.list.d/backports.list"
	chroot "$1" apt-get -o APT::Update::Error-Mode=any update
	chroot "$1" apt-get -y --no-install-recommends -t '"$backports"' install '"${root_packages_backports[*]}"'
	chroot "$1" apt-get clean
	rm -rf "$1"/var/lib/apt/lists/*
	mkdir "$1/kernel"
	: >"$1/etc/resolv.conf"
	: >"$1/etc/hosts"')

retry bootstrap "$dir"

# Nothing in the cache needs to be set-uid.
find "$dir/root" -perm /6000 -type f -exec chmod ug-s {} +
rm -r "$dir/pipe" "$TMPDIR"
