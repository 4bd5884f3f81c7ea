#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-times.sh [--long] [RUNS]: measures the seconds until the end of `make run` and
# until the first test, beside virtme-ng, which boots the same kernel in the same QEMU.
# Each is measured RUNS times (3), in turns; the table shows medians and ratios.
# With --long also, once, `make check` and set-up with an empty cache: 15 minutes more;
# the table is then written into docs/benchmarks.md, too.
#
# The seconds are this machine's, at this hour; only the ratios mean something elsewhere.

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/root.sh
. "$here/lib/root.sh"
# shellcheck source=scripts/setup/packages.sh
. "$here/setup/packages.sh"
cd "$top"
select_kernel
kernel_env
export TOPOLOGY=endpoint

long=no
[ "${1:-}" != --long ] || { long=yes && shift; }
runs=${1:-3}
[[ $runs =~ ^[1-9][0-9]?$ ]] || die "usage: bench-times.sh [--long] [RUNS]"

work=$(mktemp -d)
running=
trap 'rm -rf "$work"' EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# interrupted STATUS
interrupted() {
	trap '' INT TERM HUP
	[ -z "$running" ] || kill -TERM "$running" 2>/dev/null || true
	wait
	exit "$1"
}

virtme=$cache/virtme-ng-$virtme_version
make_virtme() {
	[ ! -e "$virtme/python/bin/vng" ] || return 0
	scripts/setup/host.sh virtme
	heading "fetching virtme-ng $virtme_version, once"
	rm -rf "$virtme.new"
	mkdir -p "$virtme.new"
	SETUP_LOG=$work/virtme.log
	export SETUP_LOG
	scripts/setup/virtme.sh "$TOOLCHAIN_ROOT" "$virtme.new" >"$SETUP_LOG" 2>&1 || {
		tail -n 5 "$SETUP_LOG" >&2
		die "virtme-ng cannot be installed: see above"
	}
	mv "$virtme.new" "$virtme"
}

# Runs virtme-ng as its users do, except for QEMU and the files of Debian 13, which are
# those of the toolchain root. Debian's kernel has virtio-console as a module, which is
# not loaded there: the command's output comes through the console, which --verbose
# shows. The harness shows its console as well.
virtme() {
	enter_begin "$TOOLCHAIN_ROOT"
	enter_bind --ro-bind "$virtme" /opt
	enter_bind --ro-bind "$virtme/debian/usr/libexec" /usr/libexec
	enter_bind --ro-bind "$(dirname "$KERNEL_IMAGE")" /kernel
	enter+=(--setenv PATH /opt/python/bin:/usr/sbin:/usr/bin:/sbin:/bin --setenv PYTHONPATH /opt/python
		--setenv LD_LIBRARY_PATH /opt/debian/usr/lib/x86_64-linux-gnu --chdir /opt)
	exec "${enter[@]}" vng --verbose --disable-kvm --run "/kernel/$(basename "$KERNEL_IMAGE")" -- echo the first command
}

first_test() {
	exec scripts/harness.sh check --accel tcg --filter no_pointers
}

# until_line PATTERN COMMAND: appends to $work/COMMAND the milliseconds until COMMAND
# prints such a line; the command then runs to its end.
until_line() {
	local start=${EPOCHREALTIME/[.,]/} line seen=
	local log=$work/$2.log

	("$2") </dev/null >"$work/pipe" 2>&1 &
	running=$!
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$log"
		if [ -z "$seen" ] && [[ $line =~ $1 ]]; then
			seen=${EPOCHREALTIME/[.,]/}
			echo $(((seen - start) / 1000)) >>"$work/$2"
		fi
	done <"$work/pipe"
	wait "$running" || true
	running=
	[ -n "$seen" ] || {
		tail -n 20 "$log" >&2
		die "$2 ended without the line: see above"
	}
}

# whole NAME CMD...: as until_line, until the end.
whole() {
	local start=${EPOCHREALTIME/[.,]/} name=$1
	shift

	"$@" </dev/null >"$work/$name.log" 2>&1 &
	running=$!
	wait "$running" || {
		tail -n 20 "$work/$name.log" >&2
		die "$* failed: see above"
	}
	running=
	echo $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) >>"$work/$name"
}

median() {
	sort -n "$work/$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

# row WHAT NAME: a row of the table, with the ratio to the harness's boot.
row() {
	awk -v what="$1" -v ms="$(median "$2")" -v boot="$(median first_test)" \
		'BEGIN { printf "| %s | %.1f | %.2f |\n", what, ms / 1000, ms / boot }'
}

make_virtme
make -s build >&2
mkfifo "$work/pipe"
for ((run = 1; run <= runs; run++)); do
	say "run $run of $runs: to the first test, virtme-ng to the first command, make run"
	until_line '^no_pointers' first_test
	until_line '^the first command' virtme
	whole run make run
done
if [ "$long" = yes ]; then
	say "make check, in every topology"
	TOPOLOGY='' whole check make check
	say "set-up with an empty cache"
	PCI_RECOVERY_CACHE=$work/cache whole setup make setup
fi

# table: in Markdown.
table() {
	printf 'Linux %s, %s processors, TCG, median of %s:\n\n' \
		"$(<"$(dirname "$KERNEL_IMAGE")/release")" "$(nproc)" "$runs"
	echo '| from the command to | seconds | ratio to the first test |'
	echo '|---|---|---|'
	row "the first test of \`make check\`, modules built" first_test
	row "the first command of virtme-ng $virtme_version, same kernel and QEMU" virtme
	row "the end of \`make run\`, modules built" run
	[ "$long" = no ] || row "the end of \`make check\`, modules built" check
	[ "$long" = no ] || row "the end of \`make setup\`, empty cache" setup
}

table | tee "$work/table"
if [ "$long" = yes ]; then
	page=docs/benchmarks.md
	# The lines between the two comments, which stay.
	sed -e "/^<!-- make bench-times: begin -->$/r $work/table" \
		-e '/^<!-- make bench-times: begin -->$/,/^<!-- make bench-times: end -->$/{/^<!--/!d}' \
		"$page" >"$work/page"
	cp "$work/page" "$page"
fi
