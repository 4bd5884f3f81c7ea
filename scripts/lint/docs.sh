#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# docs.sh: checks what the documents say of the tree. README.md has at most 180 lines,
# links and paths lead somewhere, each topology has a row, and the table of paths names
# tests that exist. A check of lint.sh.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
cd "$top"

pages=(README.md CONTRIBUTING.md docs/*.md)
status=0
wrong() {
	printf '%s\n' "$*" >&2
	status=1
}

# anchors PAGE: of its headings, as GitHub makes them.
anchors() {
	sed -nE 's/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' |
		sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

# links PAGE: where its links lead, one a line.
links() {
	grep -oE '\]\([^)]+\)' "$1" | sed -E 's/^\]\(//; s/\)$//' || true
}

check_links() {
	local page=$1 link file

	while read -r link; do
		case $link in
		http*) continue ;;
		'#'*) file=$page ;;
		*) file=$(dirname "$page")/${link%%#*} ;;
		esac
		if [ ! -e "$file" ]; then
			wrong "$page: the link $link leads nowhere"
		elif [[ $link == *#* ]] && ! anchors "$file" | grep -qxF -e "${link#*#}"; then
			wrong "$page: no heading for the link $link"
		fi
	done < <(links "$page")
}

# paths PAGE: what it quotes that begins like a path of the tree, without those that
# are examples (NAME, my_...), the kernel's, or made by a build.
paths() {
	# shellcheck disable=SC2016  # not a command
	grep -oE '`(rust|qemu|scripts|docs|bench)/[^` ]*`' "$1" | tr -d '`' |
		grep -vE '^rust/kernel/|NAME|my_|/target/|kselftest/tools/|kselftest/models/own.model' || true
}

check_paths() {
	local page=$1 path

	while read -r path; do
		path=${path%/}
		[ -e "$path" ] || { [[ $path == *\** ]] && compgen -G "$path" >/dev/null; } ||
			wrong "$page: there is no $path"
	done < <(paths "$page")
}

# Of each topology a row in the table; `a`, `b` | ... is a row of both.
check_topologies() {
	local page=docs/testing.md file name

	for file in qemu/topologies/*.toml; do
		name=${file##*/}
		name=${name%.toml}
		grep -qE "^\|[^|]*\`$name\`[^|]*\|" "$page" || wrong "$page: no row for topology $name"
	done
}

# test_file NAME: what runs the test.
test_file() {
	local dir=scripts/kselftest/tests file

	file=$(find "$dir" -name "$1.sh")
	[ -n "$file" ] || file=$(grep -lrxE --include='*.list' "$1( .*)?" "$dir") || return
	printf '%s\n' "${file%.*}.sh"
}

# The path table: a word with `_`, or TEST.SUBTEST, is a test, and the subtest is a function
# there or in lib/, followed by its arguments. `.SUBTEST` is one more of the test before.
# shellcheck disable=SC2016  # not a command
check_path_table() {
	local page=docs/kernels.md word test='' file name

	while read -r word; do
		case $word in
		slot_reset | reset_done | pci_recovery | _*) continue ;;
		.*) ;;
		*.*) test=${word%%.*} ;;
		*_*) test=$word ;;
		*) continue ;;
		esac
		if ! file=$(test_file "$test"); then
			wrong "$page: there is no test $test"
			continue
		fi
		[[ $word == *.* ]] || continue
		name=${word#*.}
		while ! grep -qxE "$name\(\) \{" "$file" scripts/kselftest/lib/*.sh; do
			[[ $name == *_* ]] || {
				wrong "$page: the test $test has no subtest ${word#*.}"
				break
			}
			name=${name%_*}
		done
	done < <(sed -n '/^| path |/,/^$/p' "$page" | grep -oE '`[a-z0-9_.]+`' | tr -d '`')
}

lines=$(wc -l <README.md)
[ "$lines" -le 180 ] || wrong "README.md has $lines lines, should be at most 180"
for page in "${pages[@]}"; do
	check_links "$page"
	check_paths "$page"
done
check_topologies
check_path_table
exit "$status"
