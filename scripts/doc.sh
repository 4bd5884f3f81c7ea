#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# doc.sh: the library's documentation, as the author of a driver sees it, for one
# kernel: in doc in its directory of build/. A warning is an error. It needs no
# network: what would is taken out, and what it says of the kernel's headers is
# linked to copies of them. Prints where it begins.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/rustc.sh
. "$here/lib/rustc.sh"
cd "$top"

# A page that was removed is not in the new one, and a failure leaves the old one.
make_pages() {
	rm -rf "$new"
	"${in_toolchain[@]}" rustdoc "${rustc_flags[@]}" -Dwarnings --generate-link-to-definition \
		--crate-name pci_recovery --crate-version "Linux $KERNEL_RELEASE" -o "$new" \
		rust/library.rs || die "the documentation has faults: see above"
}

# The kernel's own way to write the path of a file of its source is `srctree/PATH`.
copy_sources() {
	local path

	while read -r path; do
		[ -f "$source/$path" ] ||
			die "a comment links to srctree/$path, which Linux $KERNEL_RELEASE does not have"
		mkdir -p "$new/srctree/$(dirname "$path")"
		# Any browser shows it as what it is.
		cp "$source/$path" "$new/srctree/$path.txt"
	done < <(grep -rhoE --include='*.html' 'href="srctree/[^"]+' "$new" | cut -d / -f 2- | sort -u)
}

# Each page knows by `data-root-path` where the others are.
mend_links() {
	local page root

	while read -r page; do
		root=$(sed -nE 's/.* data-root-path="([^"]*)".*/\1/p' "$page")
		sed -Ei -e "s,href=\"srctree/([^\"]+)\",href=\"${root}srctree/\1.txt\",g" \
			-e 's,<a href="https?://[^"]*">([^<]*)</a>,\1,g' "$page"
	done < <(find "$new" -name '*.html')
}

# Every link leads to a file that is there.
check_links() {
	local page link broken=0

	while IFS='|' read -r page link; do
		case $link in
		*:*) ;;
		*) [ ! -e "$(dirname "$page")/$link" ] || continue ;;
		esac
		say "${page#"$new"/}: a link to $link"
		broken=1
	done < <(grep -rHoE --include='*.html' '(href|src)="[^"#?]+' "$new" |
		sed -E 's/:(href|src)="/|/' | sort -u)
	[ "$broken" = 0 ] || die "the documentation has links that lead nowhere, or into the network"
}

kernel_env
rustc_begin
source=${KERNEL_DIR:+$KERNEL_DIR/source}
source=${source:-${KERNEL_SOURCE:-$KERNEL_BUILD}}
new=$build/doc.new
make_pages
copy_sources
mend_links
check_links
rm -rf "$build/doc"
mv "$new" "$build/doc"
say "the library's documentation: $build/doc/pci_recovery/index.html"
