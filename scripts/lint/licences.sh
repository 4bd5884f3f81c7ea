#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# licences.sh [DIR...]: may the crates that our host programs are built from be part
# of a GPL-2.0-only program, and do they all come from crates.io? DIR has a Cargo.toml;
# without one: every crate of the project. A check of lint.sh.
#
# cargo-deny would say the same, but is not in Debian, and was not built after 15
# minutes on 2 busy cores: as long as all of CI. What it goes by cargo prints, too.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
cd "$top"

# What goes with GPL-2.0-only (https://www.gnu.org/licenses/license-list.html).
# Apache-2.0 does not, that is: not where nothing else may be chosen.
allowed=(
	GPL-2.0-only GPL-2.0-or-later LGPL-2.1-or-later
	MIT BSD-2-Clause BSD-3-Clause NCSA ISC Zlib 0BSD Unlicense CC0-1.0
	Unicode-3.0
)

# is_allowed EXPRESSION: of SPDX: may licences be chosen by it that are all allowed?
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

# crates DIR: `NAME VERSION<tab>EXPRESSION`, one a line, of what is built and run.
crates() {
	cargo tree --quiet --locked --manifest-path "$1/Cargo.toml" --edges normal,build,dev \
		--prefix none --no-dedupe --format '{p}	{l}' | sed -E 's/ \([^)]*\)\t/\t/' | sort -u
}

# check DIR
check() {
	local crate expression list source wrong=0

	while read -r source; do
		say "$1/Cargo.lock: a crate from $source: use one of crates.io"
		wrong=1
	done < <(sed -n 's/^source = "\(.*\)"$/\1/p' "$1/Cargo.lock" | sort -u |
		grep -vxF 'registry+https://github.com/rust-lang/crates.io-index' || true)
	[ "$wrong" = 0 ] || return 1
	list=$(crates "$1") || die "cargo cannot tell the crates of $1: see above"
	[ -n "$list" ] || die "cargo names no crate in $1: a fault of $0"
	while IFS=$'\t' read -r crate expression; do
		is_allowed "$expression" || {
			say "$1: $crate is under '${expression:-no licence that it tells}': not in the list of $0;" \
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
