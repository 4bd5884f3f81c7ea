# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the variables of mutants.sh and common.sh
#
# Reads, builds and tests one mutant of mutants.sh; prints the table of all.

# progress TEXT: shows the current step, on a terminal only.
progress() {
	[ ! -t 2 ] || printf '\r\e[K%s' "$*" >&2
}

progress_end() {
	progress ''
}

# mutant_header NAME: sets `what` (is weakened), `tests`, a pattern, and `suite`.
mutant_header() {
	local line

	what='' tests='*' suite=()
	# A test that is not of the usual topology runs in the first one that it names.
	[ -n "${TOPOLOGY:-}" ] || suite=(--first-topology)
	while IFS= read -r line; do
		case $line in
		'--- '* | 'diff '*) break ;;
		soak:*)
			read -r tests <<<"${line#soak:}"
			suite=(--soak)
			;;
		models:*)
			read -r tests <<<"${line#models:}"
			suite=(--models --topology registers)
			;;
		tests:*) read -r tests <<<"${line#tests:}" ;;
		topology:*) suite=(--topology "${line#topology: }") ;;
		*[![:space:]]*) [ -n "$what" ] || what=$line ;;
		esac
	done <"scripts/mutants/$1.patch"
	[ -n "$what" ] || die "scripts/mutants/$1.patch does not begin with what it weakens"
	[ -n "$tests" ] || die "scripts/mutants/$1.patch: tests: needs a pattern"
}

# mutant_modules NAME: prints the modules that are built with the patch: the driver, what the patch
# changes, and what the tests load beside it. Each one is a minute of the compiler.
mutant_modules() {
	local module

	for module in pci_recovery edu_recovery msix_test late_test pci_fault pci_guard; do
		if [ "$module" = pci_recovery ] || [ "$tests" = '*' ] ||
			grep -q "^+++ b/rust/${module}[./]" "scripts/mutants/$1.patch" ||
			{ [ "$module" != pci_fault ] &&
				[ -n "$(find scripts/kselftest/{tests,soak} -name "$tests.sh" -exec grep -q "$module" {} \; -print -quit)" ]; }; then
			printf '%s\n' "$module"
		fi
	done
}

# mutant_test NAME COUNT: sets `verdict` and `detail`.
mutant_test() {
	local dir=$all/$1 status=0

	# Removes the builds of other mutants: a module of an older patch would look new.
	rm -rf "$dir"
	mkdir -p "$dir/source/rust"
	verdict='not tested'
	progress "[$2] $1: building"
	cp -a Kbuild "$dir/source/"
	printf 'obj-m := %s\n' "$(mutant_modules "$1" | sed 's/$/.o/' | paste -sd ' ')" >>"$dir/source/Kbuild"
	# kbuild needs neither cargo's output nor the host tests.
	find rust -mindepth 1 -maxdepth 1 ! -name target ! -name tests -exec cp -a -t "$dir/source/rust" {} +
	if ! patch --strip=1 --fuzz=0 --force --no-backup-if-mismatch --directory="$dir/source" \
		<"scripts/mutants/$1.patch" >"$dir/patch.log" 2>&1; then
		progress_end
		cat "$dir/patch.log" >&2
		detail="scripts/mutants/$1.patch does not apply: the code has changed, update the patch"
		return
	fi
	scripts/build-module.sh "mutants/$1/module" M="$top/$dir/source" >"$dir/build.log" 2>&1 || status=$?
	if [ "$status" != 0 ]; then
		progress_end
		grep -m 1 -A 8 '^error' "$dir/build.log" >&2 || tail -n 20 "$dir/build.log" >&2
		detail="does not build: see $dir/build.log"
		return
	fi
	# The others are those of every day.
	cp -n "$kernel_builds/module/"*.ko "$dir/module/"
	mutant_run "$1" "$2"
	mutant_judge "$1"
}

# mutant_run NAME COUNT: boots the guest with the modules.
mutant_run() {
	local dir=$all/$1 start=$SECONDS

	progress "[$2] $1: testing"
	"$harness" check "${suite[@]}" --filter "$tests" --boot-timeout 300 --kernel "$KERNEL_IMAGE" \
		--busybox "$TOOLCHAIN_ROOT/usr/bin/busybox" \
		--module-dir "$dir/module" --module-dir "$KERNEL_MODULES" \
		--kselftest scripts/kselftest --runner scripts/in-root.sh \
		--log-dir "$dir/logs" --report "$dir/report.json" >"$dir/check.log" 2>&1 &
	harness_pid=$!
	if [ -t 2 ]; then
		while kill -0 "$harness_pid" 2>/dev/null; do
			progress "[$2] $1: testing ($((SECONDS - start)) s)"
			sleep 1
		done
	fi
	wait "$harness_pid" || true
	harness_pid=
	progress_end
}

# mutant_judge NAME: what the tests said. Sets `verdict` and `detail`.
mutant_judge() {
	local said

	said=$("$harness" judge "$all/$1/report.json") || said="not tested: see $all/$1/check.log"
	verdict=${said%%: *}
	detail=${said#*: }
	[ "$verdict" = caught ] || detail+=" (tests: $tests; $all/$1/check.log)"
}

# mutant_table: on standard output, with columns as wide as what is in them.
mutant_table() {
	local i line name_width=6 what_width=16 red='' plain=''

	if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
		red=$'\e[31m' plain=$'\e[0m'
	fi
	for i in "${!names[@]}"; do
		[ ${#names[i]} -le "$name_width" ] || name_width=${#names[i]}
		[ ${#weakened[i]} -le "$what_width" ] || what_width=${#weakened[i]}
	done
	printf '\n%-*s  %-*s  %s\n' "$name_width" mutant "$what_width" 'what is weakened' 'caught by'
	for i in "${!names[@]}"; do
		line=${details[i]}
		[ "${verdicts[i]}" = caught ] || line="$red${verdicts[i]}$plain: $line"
		printf '%-*s  %-*s  %s\n' "$name_width" "${names[i]}" "$what_width" "${weakened[i]}" "$line"
	done
	printf '\n'
}
