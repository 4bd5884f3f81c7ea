#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [GLOB]: checks that a test notices each weakened guard. Builds the modules
# once with each patch of mutants/ whose name matches, runs the tests with them, and
# prints which tests failed. Not zero if a mutant survived.
#
# mutants/NAME.patch is a unified diff (-p1). Its first line says what is weakened. A
# line `tests: GLOB` below it limits the tests; `soak: GLOB` names tests of `make soak`,
# `models: GLOB` register files of `make models`, `topology: NAME` where the tests run.
#
# Only a failed test catches a mutant. A guest that does not boot, hangs, panics or
# gives up does not, whatever failed before; nor does a test that took too long. A test
# that fails anyway would catch everything: run `make check` first.
#
# The modules and logs of each mutant are in mutants/NAME of the kernel's directory of
# build/. The environment is that of the harness (KERNEL, TOPOLOGY, TIMEOUT).

set -euo pipefail
here=$(dirname "$0")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/kernel.sh
. "$here/lib/kernel.sh"
# shellcheck source=scripts/lib/tally.sh
. "$here/lib/tally.sh"
# shellcheck source=scripts/lib/mutant.sh
. "$here/lib/mutant.sh"
cd "$top"

glob=${1:-*}
harness=qemu/target/release/pci-recovery-qemu
kernel_env
all=$kernel_builds/mutants
[ -x "$harness" ] || die "no $harness: run 'make harness' first"
command -v patch >/dev/null || die "the program patch is missing: install it"

names=()
for file in scripts/mutants/*.patch; do
	name=${file##*/}
	name=${name%.patch}
	# shellcheck disable=SC2053  # a pattern
	[[ $name != $glob ]] || names+=("$name")
done
[ ${#names[@]} -gt 0 ] ||
	die "no mutant matches '$glob'; they are: $(cd scripts/mutants && echo *.patch | sed 's/\.patch//g')"

mkdir -p "$all"
exec 8>"$all/.lock"
flock -n 8 || die "another make mutants runs in $top"

harness_pid=
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# interrupted STATUS: ends the harness and the script; results so far are printed already.
interrupted() {
	trap '' INT TERM HUP
	if [ -n "$harness_pid" ]; then
		kill -TERM "$harness_pid" 2>/dev/null || true
		wait "$harness_pid" 2>/dev/null || true
	fi
	write_results
	progress_end
	say "interrupted during $name; logs: $all/$name"
	exit "$1"
}

# For each mutant: what is weakened, `caught`, `SURVIVED` or `not tested`, and by which
# tests or why.
weakened=() verdicts=() details=()
caught=0 survived=0 untested=0

number=0
for name in "${names[@]}"; do
	number=$((number + 1))
	mutant_header "$name"
	mutant_test "$name" "$number/${#names[@]}"
	case $verdict in
	caught) caught=$((caught + 1)) ;;
	SURVIVED) survived=$((survived + 1)) ;;
	*) untested=$((untested + 1)) ;;
	esac
	if [ "$verdict" = caught ]; then
		passed=$((passed + 1))
		note_result "ok @ $name"
	else
		failed=$((failed + 1))
		results+=("# $verdict: $detail")
		note_result "not ok @ $name"
	fi
	weakened+=("$what") verdicts+=("$verdict") details+=("$detail")
	say "$(printf '%-10s %s: %s' "$verdict" "$name" "$detail")"
done

write_results
mutant_table
totals="$caught caught, $survived survived"
[ "$untested" = 0 ] || totals+=", $untested not tested"
printf '%s\n' "$totals"
[ "$caught" = "${#names[@]}" ]
