#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# doc.sh: builds the library's reference for one kernel, into doc in its directory of
# build/. A warning is an error. The pages work without network: links into the network
# are removed, and those to the kernel's headers lead to copies. Prints the first page.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/rustc.sh
. "$here/lib/rustc.sh"
cd "$top"

# Built beside the old one, which a failure leaves as it is.
make_pages() {
	rm -rf "$new"
	"${in_toolchain[@]}" rustdoc "${rustc_flags[@]}" -Dwarnings --generate-link-to-definition \
		--enable-index-page --crate-name pci_recovery --crate-version "Linux $KERNEL_RELEASE" -o "$new" \
		rust/library.rs || die "the documentation has faults: see above"
}

# The kernel's own way to write the path of a file of its source is `srctree/PATH`.
copy_sources() {
	local path

	while read -r path; do
		[ -f "$source/$path" ] ||
			die "a comment links to srctree/$path, which Linux $KERNEL_RELEASE does not have"
		mkdir -p "$new/srctree/$(dirname "$path")"
		# With a name that browsers show as text.
		cp "$source/$path" "$new/srctree/$path.txt"
	done < <(grep -rhoE --include='*.html' 'href="srctree/[^"]+' "$new" | cut -d / -f 2- | sort -u)
}

# Removes links to the pages of the kernel's crates, which are not built, also those
# that rustdoc left as unresolved Rust paths in brackets, and links to rustdoc's manual.
mend_links() {
	local depth root=''

	for depth in 1 2 3 4 5; do
		find "$new" -mindepth "$depth" -maxdepth "$depth" -name '*.html' -print0 |
			xargs -0 -r sed -Ei -e "s,href=\"srctree/([^\"]+)\",href=\"${root}srctree/\1.txt\",g" \
				-e 's,<a href="(https?://[^"]*|[A-Za-z_:]+(#[^"]*)?)"[^>]*>(([^<]|<[^/]|</[^a])*)</a>,\3,g' \
				-e 's,\[(<code>[^<]*</code>)\],\1,g'
		root+=../
	done
}

# Checks that every link leads to a page here, and none into the network.
check_links() {
	local page link broken=0

	while IFS='|' read -r page link; do
		[ ! -e "${page%/*}/$link" ] || continue
		say "${page#"$new"/}: a link to $link"
		broken=1
	done < <(grep -rHoE --include='*.html' '<a [^>]*href="[^"#?]+|(href|src)="[a-z]*:?//[^"]*' "$new" |
		sed -E 's/:(<a .*|)(href|src)="/|/' | grep -vF '|javascript:' | sort -u)
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
