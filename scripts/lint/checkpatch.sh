#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# checkpatch.sh: runs the kernel's checkpatch, in its strictest mode, over every file. Each
# remark is an error, except for the types below. A check of lint.sh.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
cd "$top"

# Ignored for all files:
#   REPEATED_WORD    `mount -t proc proc` and `run rmmod rmmod` in shell are no prose
not_shell=REPEATED_WORD
# Ignored for host files (qemu/, scripts/): rustfmt and the author decide on the width.
# Messages, tables and patterns are not split.
#   LONG_LINE, LONG_LINE_COMMENT, LONG_LINE_STRING    more than 100 columns
not_host=LONG_LINE,LONG_LINE_COMMENT,LONG_LINE_STRING

# files FIND-EXPRESSION...: the files of the project, without builds, the text of the
# licence, and patches, whose context cannot be changed.
files() {
	find . \( -name target -o -path ./build -o -name .git \) -prune -o \
		-type f ! -path ./LICENSE \
		! -path './scripts/kselftest/tools/*' ! -name '*.patch' "$@" -printf '%P\0'
}

# checkpatch IGNORED: of the files on standard input.
checkpatch() {
	xargs -0 -P "$(nproc)" -n 20 perl "$source/scripts/checkpatch.pl" --no-tree --strict --terse \
		--show-types --no-summary --color=never ${1:+--ignore "$1"} -f
}

kernel_env
# With the host's perl, which mmdebstrap needs as well; that of the toolchain root lacks
# modules.
source=${KERNEL_DIR:+$KERNEL_DIR/source}
source=${source:-${KERNEL_SOURCE:-$KERNEL_BUILD}}
status=0
files -path './rust/*' | checkpatch '' || status=1
files ! -path './rust/*' ! -path './qemu/*' ! -path './scripts/*' | checkpatch '' || status=1
files \( -path './qemu/*' -o -path './scripts/*' \) | checkpatch "$not_host,$not_shell" || status=1
exit "$status"
