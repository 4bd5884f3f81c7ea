# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# Small helpers: bounded waiting, and writes whose errno is wanted.
#
# Functions that are called often put their answer into a variable instead of
# printing it: a fork costs more than the rest of them, above all under TCG.

# Programs say what they say in English, and sort by bytes.
LC_ALL=C
export LC_ALL

# Sets UPTIME_CS: hundredths of a second since boot.
uptime_cs() {
	local time
	read -r time _ < /proc/uptime
	UPTIME_CS=$((${time%.*} * 100 + 1${time#*.} - 100))
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; false when it never did.
wait_for() {
	local end
	uptime_cs
	end=$((UPTIME_CS + $1 * 100))
	shift
	until "$@"; do
		uptime_cs
		[ "$UPTIME_CS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# write_errno FILE TEXT: writes TEXT with one write(2). Sets ERRNO: OK, or the errno's
# name. Always succeeds itself.
write_errno() {
	ERRNO=$(guest write "$1" "$2") || ERRNO=unknown
}

# read_line FILE: sets LINE to its first line, empty when it cannot be read.
read_line() {
	LINE=
	[ -r "$1" ] || return 0
	{ IFS= read -r LINE < "$1"; } 2> /dev/null || return 0
}

# kmod_possible NAME: true where there is that module of the kernel, in /modules of the harness'
# guest or where modprobe looks.
kmod_possible() {
	[ -e "/modules/$1.ko" ] || modprobe -n "$1" 2> /dev/null
}

# kmod_load NAME: loads it, after those that it depends on, if it is not there.
kmod_load() {
	local depend
	[ ! -d "/sys/module/$(echo "$1" | tr - _)" ] || return 0
	if [ ! -e "/modules/$1.ko" ]; then
		modprobe "$1"
		return
	fi
	for depend in $(tr '\0' '\n' < "/modules/$1.ko" | sed -n 's/^depends=//p' | tr , ' '); do
		kmod_load "$depend" || return 1
	done
	insmod "/modules/$1.ko"
}

# have PROGRAM: true where it can be run.
have() {
	command -v "$1" > /dev/null 2>&1
}
