# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by every host script: directories, and messages.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cache=${PCI_RECOVERY_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/pci-recovery}
[[ $cache == /* ]] || cache=$PWD/$cache
# Both are read by the scripts that source this one.
export top cache

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' red='' plain=''
fi

say() {
	printf '%s\n' "$*" >&2
}

# die TEXT...: ends the script with one line that says what is wrong and what to do.
die() {
	printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
	exit 1
}

heading() {
	printf '%s%s%s\n' "$bold" "$*" "$plain" >&2
}
