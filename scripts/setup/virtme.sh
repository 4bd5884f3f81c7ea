#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# virtme.sh ROOT DIR: make virtme-ng in DIR, to be run in the toolchain root ROOT,
# where DIR is /opt: the program from PyPI, and Debian's virtiofsd, by which its guest
# has its files. It is for a comparison (bench-times.sh), and nothing else needs it.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/../lib/common.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/../lib/root.sh"
# shellcheck source=scripts/lib/step.sh
. "$here/../lib/step.sh"
# shellcheck source=scripts/setup/apt.sh
. "$here/apt.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/packages.sh"

dir=$2
enter_begin "$1"
enter_bind --bind "$dir" /opt
enter+=(--chdir /opt)
apt_begin "$dir/apt" "$suite"

retry apt apt-get update
retry apt apt-get download virtiofsd libcap-ng0
for package in virtiofsd libcap-ng0; do
	"${enter[@]}" sh -c "dpkg-deb -x ${package}_*.deb debian && rm ${package}_*.deb"
done
retry python3 -m pip install --quiet --no-compile --target "$dir/python" "virtme-ng==$virtme_version"
# They name the Python of the host.
sed -i '1s,^#!.*,#!/usr/bin/python3,' "$dir"/python/bin/virtme-run "$dir"/python/bin/vng
rm -rf "$dir/apt"
