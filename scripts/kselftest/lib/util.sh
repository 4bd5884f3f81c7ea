# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# Small helpers: bounded waiting, and writes whose errno is wanted.
#
# Functions that are called often put their answer into a variable instead of
# printing it: a fork costs more than the rest of them, above all under TCG.

# The messages that write_errno reads must be English.
LC_ALL=C
export LC_ALL

# Sets UPTIME_CS: hundredths of a second since boot.
uptime_cs() {
	read -r up_time up_rest < /proc/uptime
	: "$up_rest"
	UPTIME_CS=$((${up_time%.*} * 100 + 1${up_time#*.} - 100))
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; false when it never did.
wait_for() {
	uptime_cs
	wf_end=$((UPTIME_CS + $1 * 100))
	shift
	until "$@"; do
		uptime_cs
		[ "$UPTIME_CS" -lt "$wf_end" ] || return 1
		sleep 0.05
	done
}

# write_errno FILE TEXT: writes TEXT with one write(2). Sets ERRNO: OK, the
# errno's name, or "unknown (message)". Always succeeds itself.
write_errno() {
	if [ ! -e "$1" ]; then
		ERRNO=ENOENT
		return 0
	fi
	if we_text=$(printf '%s' "$2" | dd of="$1" bs=65536 conv=notrunc 2>&1); then
		ERRNO=OK
	else
		errno_name "$we_text"
	fi
}

# errno_name MESSAGE: sets ERRNO to the errno that a program's message names.
errno_name() {
	case $1 in
	*'Input/output error'* | *'I/O error'*) ERRNO=EIO ;;
	*'esource busy'*) ERRNO=EBUSY ;;
	*'Invalid argument'*) ERRNO=EINVAL ;;
	*'Inappropriate ioctl'* | *'Not a tty'*) ERRNO=ENOTTY ;;
	*'No such file'* | *'nonexistent'*) ERRNO=ENOENT ;;
	*'No such device or address'*) ERRNO=ENXIO ;;
	*'No such device'*) ERRNO=ENODEV ;;
	*'Permission denied'*) ERRNO=EACCES ;;
	*'not permitted'*) ERRNO=EPERM ;;
	*'not supported'*) ERRNO=EOPNOTSUPP ;;
	*'temporarily unavailable'*) ERRNO=EAGAIN ;;
	*'timed out'*) ERRNO=ETIMEDOUT ;;
	*'File too large'*) ERRNO=EFBIG ;;
	*'Argument list too long'*) ERRNO=E2BIG ;;
	*'No space left'*) ERRNO=ENOSPC ;;
	*'Bad address'*) ERRNO=EFAULT ;;
	*'Value too large'*) ERRNO=EOVERFLOW ;;
	*'Cannot allocate memory'*) ERRNO=ENOMEM ;;
	*'Interrupted'*) ERRNO=EINTR ;;
	*'result out of range'*) ERRNO=ERANGE ;;
	*'File exists'*) ERRNO=EEXIST ;;
	*) ERRNO="unknown ($1)" ;;
	esac
}

# read_line FILE: sets LINE to its first line, empty when it cannot be read.
read_line() {
	LINE=
	[ -r "$1" ] || return 0
	{ IFS= read -r LINE < "$1"; } 2> /dev/null || return 0
}

# kmod_possible NAME: is there that module of the kernel, in /modules of the harness'
# guest or where modprobe looks?
kmod_possible() {
	[ -e "/modules/$1.ko" ] || modprobe -n "$1" 2> /dev/null
}

# kmod_load NAME: loads it, after those that it depends on, if it is not there.
kmod_load() {
	[ ! -d "/sys/module/$(echo "$1" | tr - _)" ] || return 0
	if [ ! -e "/modules/$1.ko" ]; then
		modprobe "$1"
		return
	fi
	for ml_depend in $(tr '\0' '\n' < "/modules/$1.ko" | sed -n 's/^depends=//p' | tr , ' '); do
		# The variable is of each call.
		(kmod_load "$ml_depend") || return 1
	done
	insmod "/modules/$1.ko"
}

# have PROGRAM: is it there to be run?
have() {
	command -v "$1" > /dev/null 2>&1
}
