#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# checkpatch.sh: the kernel's checkpatch over every file, as strict as it can be: each
# remark is an error, but for the types that are named here. A check of lint.sh.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
cd "$top"

# Of no file: checkpatch's own remark on what it was not built for.
#   REPEATED_WORD    in shell `mount -t proc proc` and `run rmmod rmmod` are no prose.
not_shell=REPEATED_WORD
# On the host, not in the kernel (qemu/, scripts/): rustfmt and the eye decide on the
# width. Messages to people, tables, patterns for grep and awk are not cut in two.
#   LONG_LINE, LONG_LINE_COMMENT, LONG_LINE_STRING    more than 100 columns
not_host=LONG_LINE,LONG_LINE_COMMENT,LONG_LINE_STRING

# files FIND-EXPRESSION...: those of the project, without what was built the text
# of the licence, and patches, whose context is what it is.
files() {
	find . \( -name target -o -path ./build -o -name .git \) -prune -o \
		-type f ! -path ./LICENSE \
		! -path ./scripts/kselftest/tools/fuzz_files \
		! -path ./scripts/kselftest/tools/measure ! -name '*.patch' "$@" -printf '%P\0'
}

# checkpatch IGNORED: of the files on standard input.
checkpatch() {
	xargs -0 -P "$(nproc)" -n 20 perl "$source/scripts/checkpatch.pl" --no-tree --strict --terse \
		--show-types --no-summary --color=never ${1:+--ignore "$1"} -f
}

kernel_env
# With perl, which mmdebstrap needs, too; that of the toolchain root lacks modules.
source=${KERNEL_DIR:+$KERNEL_DIR/source}
source=${source:-${KERNEL_SOURCE:-$KERNEL_BUILD}}
status=0
files -path './rust/*' | checkpatch '' || status=1
files ! -path './rust/*' ! -path './qemu/*' ! -path './scripts/*' | checkpatch '' || status=1
files \( -path './qemu/*' -o -path './scripts/*' \) | checkpatch "$not_host,$not_shell" || status=1
exit "$status"
