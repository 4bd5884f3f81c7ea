# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016  # of other files, for other files; the dollars are make's
#
# The compiler and its flags for one kernel, as kbuild used them for the driver. They
# document the library, and compile code that is only checked. Nothing is linked: only
# the metadata of the kernel's crates exists.

# rustc_begin: after kernel_env. Sets rustc_flags, and in_toolchain, the prefix for
# commands of the kernel's toolchain.
rustc_begin() {
	local record=$build/module/rust/.pci_recovery.o.cmd command word
	local -a words

	[ -f "$record" ] || die "the modules are not built for Linux $kernel_name: run 'make module' first"
	command=$(sed -n 's/^savedcmd_[^ ]* := //p' "$record")
	# kbuild wrote the record as a shell command; other programs may follow.
	command=${command//'$$'/'$'}
	command=${command//'$(pound)'/'#'}
	eval "words=(${command%%;*})"

	in_toolchain=("$here/in-root.sh")
	[ -z "$BUILD_ON_HOST" ] || in_toolchain=()
	in_toolchain+=(env RUSTC_BOOTSTRAP=1)
	rustc_flags=()
	set -- "${words[@]}"
	while [ "$1" != rustc ]; do
		[ $# -gt 1 ] || die "$record names no rustc: this kernel's kbuild is not understood"
		in_toolchain+=("$1")
		shift
	done
	shift
	# The caller gives source and outputs.
	while [ $# -gt 0 ]; do
		case $1 in
		--emit=* | *.rs) ;;
		--out-dir | --crate-type) shift ;;
		*) rustc_flags+=("$1") ;;
		esac
		shift
	done
}

# rustc_library: compiles the metadata of the library as one crate into $library, and
# sets library_flags to use it.
rustc_library() {
	library=$build/library
	library_flags=(-L "$library" --extern pci_recovery)
	mkdir -p "$library"
	"${in_toolchain[@]}" rustc "${rustc_flags[@]}" -Dwarnings --crate-type rlib \
		--crate-name pci_recovery --emit=metadata --out-dir "$library" "$top/rust/library.rs" ||
		die "the library does not build for Linux $KERNEL_RELEASE: see above"
}
