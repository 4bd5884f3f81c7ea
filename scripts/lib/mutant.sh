# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the variables of mutants.sh and common.sh
#
# One mutant of mutants.sh: read, made, tested; and the table of all.

# progress TEXT: what goes on, on a terminal only.
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
	while IFS= read -r line; do
		case $line in
		'--- '* | 'diff '*) break ;;
		soak:*)
			read -r tests <<<"${line#soak:}"
			suite=(--soak)
			;;
		tests:*) read -r tests <<<"${line#tests:}" ;;
		*[![:space:]]*) [ -n "$what" ] || what=$line ;;
		esac
	done <"scripts/mutants/$1.patch"
	[ -n "$what" ] || die "scripts/mutants/$1.patch does not begin with what it weakens"
	[ -n "$tests" ] || die "scripts/mutants/$1.patch: tests: needs a pattern"
}

# mutant_test NAME COUNT: sets `verdict` and `detail`.
mutant_test() {
	local dir=$all/$1 status=0

	# What is not of this mutant is in the way: a module of an older patch looks new.
	rm -rf "$dir"
	mkdir -p "$dir/source/rust"
	verdict='not tested'
	progress "[$2] $1: building"
	cp -a Kbuild "$dir/source/"
	# Neither cargo's output nor its tests are for kbuild.
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
	mutant_run "$1" "$2"
	mutant_judge "$1"
}

# mutant_run NAME COUNT: boots the guest with the modules. Sets `run_status`.
mutant_run() {
	local dir=$all/$1 start=$SECONDS

	progress "[$2] $1: booting"
	"$harness" check "${suite[@]}" --filter "$tests" --boot-timeout 300 --kernel "$KERNEL_IMAGE" \
		--busybox "$TOOLCHAIN_ROOT/usr/bin/busybox" \
		--module-dir "$dir/module" --module-dir "$KERNEL_MODULES" \
		--kselftest scripts/kselftest --runner scripts/in-root.sh \
		--log-dir "$dir/logs" >"$dir/check.log" 2>&1 &
	harness_pid=$!
	if [ -t 2 ]; then
		while kill -0 "$harness_pid" 2>/dev/null; do
			# A test's name stands alone in its line, before its results.
			progress "[$2] $1: $(awk '/^[a-z0-9_]+$/ { at = $0 } END { print at ? at : "booting" }' "$dir/check.log") ($((SECONDS - start)) s)"
			sleep 1
		done
	fi
	run_status=0
	wait "$harness_pid" || run_status=$?
	harness_pid=
	progress_end
}

# mutant_judge NAME: what the tests said. Sets `verdict` and `detail`.
mutant_judge() {
	local log=$all/$1/check.log line failed late

	case $run_status in
	0)
		verdict=SURVIVED
		detail="no test failed (tests: $tests)"
		return
		;;
	1) line=$(sed -n 's/^  the tests gave up: /the tests gave up: /p' "$log") ;;
	2)
		line=$(sed -n 's/^pci-recovery-qemu: error: //p' "$log")
		line="nothing was run: ${line%%; the tests are: *}"
		;;
	*)
		# The harness says last why it ended.
		line=$(tail -n 20 "$log" | grep -E '^the guest |^QEMU |\(during ' | tail -n 1 || true)
		line="no end of the tests: ${line:-status $run_status, see $log}"
		;;
	esac
	detail=$line
	[ -z "$line" ] || return 0

	# A test that the runner had to end has hung.
	late=$(sed -nE 's/^  # ([^ ]+) took longer than .*/\1/p' "$all/$1"/logs/*/output.log)
	# The list at the end: lines `  TEST: SUBTEST` or `  TEST`, with notes below.
	failed=$(awk -v late=" ${late//$'\n'/ } " '
		/^Failed:$/ { list = 1; next }
		/^Logs: / { list = 0 }
		!list || !/^  [^ ]/ || /: not_reached/ || /^  run_kselftest\.sh$/ { next }
		{ sub(/^  /, ""); sub(/:.*/, "") }
		!seen[$0]++ && !index(late, " " $0 " ") { printf "%s%s", n++ ? ", " : "", $0 }
	' "$log")
	if [ -n "$failed" ]; then
		verdict=caught
		detail=$failed
	else
		verdict=SURVIVED
		detail="no test failed, but ${late:-one} was ended before its results came: see $log"
	fi
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
