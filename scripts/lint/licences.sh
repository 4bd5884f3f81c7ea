#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# licences.sh [DIR...]: checks that the crates of the host programs may be part of a
# GPL-2.0-only program, and come from crates.io. DIR has a Cargo.toml; without one: every
# crate of the project. A check of lint.sh.
#
# cargo-deny does the same, but is not in Debian, and takes more than 15 minutes to build
# on 2 busy cores. cargo itself prints the data that it uses.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
cd "$top"

# Licences compatible with GPL-2.0-only (https://www.gnu.org/licenses/license-list.html).
# Apache-2.0 is not, except where another one may be chosen.
allowed=(
	GPL-2.0-only GPL-2.0-or-later LGPL-2.1-or-later
	MIT BSD-2-Clause BSD-3-Clause NCSA ISC Zlib 0BSD Unlicense CC0-1.0
	Unicode-3.0
)

# is_allowed EXPRESSION: true where the SPDX expression can be met by allowed licences alone.
is_allowed() {
	local word sum='' known=" ${allowed[*]} " expression=$1

	# An exception adds to what is allowed; before SPDX, `/` was for OR.
	expression=${expression// WITH /-WITH-}
	expression=${expression//\// OR }
	expression=${expression//\(/ ( }
	expression=${expression//\)/ ) }
	for word in $expression; do
		case $word in
		OR) sum+=' ||' ;;
		AND) sum+=' &&' ;;
		[\(\)]) sum+=" $word" ;;
		*) if [[ $known == *" ${word%%-WITH-*} "* ]]; then sum+=' 1'; else sum+=' 0'; fi ;;
		esac
	done
	[ -n "$sum" ] && ((sum))
}

# crates DIR: prints `NAME VERSION<tab>EXPRESSION`, one a line, of the crates that are
# built and run. A crate of the project that its own tests depend on is marked with a star.
crates() {
	cargo tree --quiet --locked --manifest-path "$1/Cargo.toml" --edges normal,build,dev \
		--prefix none --no-dedupe --format '{p}	{l}' | sed -E 's/ \([^)]*\)\t/\t/; s/ \(\*\)$//' | sort -u
}

# check DIR
check() {
	local crate expression list source wrong=0

	# A member of a workspace uses the lock file of the workspace.
	[ ! -e "$1/Cargo.lock" ] || while read -r source; do
		say "$1/Cargo.lock: a crate from $source: use one of crates.io"
		wrong=1
	done < <(sed -n 's/^source = "\(.*\)"$/\1/p' "$1/Cargo.lock" | sort -u |
		grep -vxF 'registry+https://github.com/rust-lang/crates.io-index' || true)
	[ "$wrong" = 0 ] || return 1
	list=$(crates "$1") || die "cargo cannot list the crates of $1: see above"
	[ -n "$list" ] || die "cargo lists no crate in $1: a bug in $0"
	while IFS=$'\t' read -r crate expression; do
		is_allowed "$expression" || {
			say "$1: $crate is under '${expression:-no licence named}': not in the list of $0;" \
				"use another crate, or add it there if it goes with GPL-2.0-only"
			wrong=1
		}
	done <<<"$list"
	return "$wrong"
}

if [ $# = 0 ]; then
	mapfile -t manifests < <(find . \( -name target -o -path ./build \) -prune -o -name Cargo.toml -print)
	set -- "${manifests[@]%/Cargo.toml}"
fi
status=0
for dir; do
	check "$dir" || status=1
done
exit "$status"
