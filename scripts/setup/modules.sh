# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # of packages.sh

# copy_modules FROM TO CAT...: copy the modules that the guest uses, and those
# they depend on, out of the folder FROM, uncompressed by the command CAT.
# A module that is not there is built in, or not part of that kernel.
copy_modules() {
	local from=$1 to=$2 queue name file depends
	shift 2

	mkdir -p "$to"
	queue=("${guest_modules[@]}" "${stock_modules[@]}")
	while [ ${#queue[@]} -gt 0 ]; do
		name=${queue[0]//[-_]/[-_]}
		queue=("${queue[@]:1}")
		file=$(find "$from" -name "$name.ko" -o -name "$name.ko.xz" | sed -n 1p)
		[ -n "$file" ] || continue
		name=$(basename "$file" .xz)
		[ ! -e "$to/$name" ] || continue
		"$@" "$file" >"$to/$name"
		IFS=, read -ra depends < <(tr '\0' '\n' <"$to/$name" | sed -n 's/^depends=//p') || true
		queue+=("${depends[@]}")
	done
}
