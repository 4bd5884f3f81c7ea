#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# needed.sh: checks that setup/kdir.sh names each option of setup/small.config that the
# configuration of KDIR lacks, and no other, and refuses what cannot work. A check of
# lint.sh.

set -euo pipefail
here=$(dirname "$0")/..
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
unset BZIMAGE LLVM
export NO_COLOR=1

list=$here/setup/small.config
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KDIR=$work/linux
mkdir "$KDIR"
status=0

# part NAME: the options of a part of the list, as a configuration has them.
part() {
	sed -n "/^#: $1:/,/^#: /{/^CONFIG_/p}" "$list"
}

# wrong TEXT: reports a failure, with the output of kdir.sh.
wrong() {
	say "$1:" "$(<"$work/said")"
	status=1
}

# asks USE LINE...: runs kdir.sh for that use of a kernel that has all options but
# LINE... . Sets verdict; where the options are complete, the missing Rust metadata are
# reported.
asks() {
	local use=$1
	shift

	printf '%s\n' "${all[@]}" | grep -vxFf <(printf '%s\n' "$@") >"$KDIR/.config" || true
	echo "# no line of the list" >>"$KDIR/.config"
	! KERNEL_USE=$use "$here/setup/kdir.sh" "$work" "$work/modules" >"$work/said" 2>&1 || die "there is no kernel in $KDIR"
	case $(tail -n 1 "$work/said") in
	*'lacks options that are needed'*) verdict=refused ;;
	*'libkernel.rmeta'*) verdict=taken ;;
	*) verdict=other ;;
	esac
}

# named: the options that the lines below a heading begin with.
named() {
	sed -n 's/^    \(CONFIG_[^:]*\): .*/\1/p' "$work/said" | tr ' ' '\n'
}

# check USE VERDICT LINE...
check() {
	local want=$2

	asks "$1" "${@:3}"
	[ "$verdict" = "$want" ] || wrong "without ${*:3}, for '$1': $verdict, should be $want"
	cmp -s <(named | sort) <(printf '%s\n' "${@:3}" | sed 's/=.*//; /^$/d' | sort) || wrong "without ${*:3}, other options are named"
}

mapfile -t modules < <(part modules)
mapfile -t guest < <(part guest)
mapfile -t tests < <(part tests)
all=("${modules[@]}" "${guest[@]}" "${tests[@]}")
[ -n "${modules-}" ] || die "$list has no part modules"
[ -n "${guest-}" ] || die "$list has no part guest"
[ -n "${tests-}" ] || die "$list has no part tests"

check '' taken
check guest taken
for line in "${modules[@]}"; do
	check '' refused "$line"
done
for line in "${guest[@]}"; do
	check '' taken "$line"
	check guest refused "$line"
done
for line in "${tests[@]}"; do
	check guest taken "$line"
done
check '' refused "${all[@]}"

# Another architecture has a list of its own: what set-up's kernel is configured with, what
# Linux always has there, and nothing of amd64's machine.
export ARCH=s390x
list=$here/setup/s390x.config
mapfile -t all < <(sed -n '/^CONFIG_/p' "$list" && printf 'CONFIG_%s=y\n' 64BIT SMP TASKS_RCU)
check guest taken
check guest refused CONFIG_SCLP_TTY=y CONFIG_S390_GUEST=y
check '' taken CONFIG_SCLP_TTY=y
check guest taken CONFIG_HOTPLUG_PCI_S390=y
all=("${all[@]/CONFIG_VIRTIO_CONSOLE=y/CONFIG_VIRTIO_CONSOLE=m}")
check guest taken
unset ARCH
all=("${modules[@]}" "${guest[@]}" "${tests[@]}")

# `=m`, or a line `... is not set`, does not count as the option.
asks guest "${guest[0]}"
printf '%s\n' "${guest[0]%=y}=m" "# ${guest[0]%=y} is not set" >>"$KDIR/.config"
KERNEL_USE=guest "$here/setup/kdir.sh" "$work" "$work/modules" >"$work/said" 2>&1 || true
[ "$(named)" = "${guest[0]%=y}" ] || wrong "a module is taken for ${guest[0]}"
exit "$status"
