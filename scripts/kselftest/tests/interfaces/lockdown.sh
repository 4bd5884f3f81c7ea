#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# topology: lockdown
#
# In a lockdown of the kernel (integrity), root may look but not touch: what only
# shows can be read, what can change anything cannot be opened, for reading
# neither, and no module that is not signed is loaded. It lasts until the machine
# is switched off: the guest's last test.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/interfaces.sh
. "$KT_DIR/lib/interfaces.sh"

LOCKDOWN=/sys/kernel/security/lockdown

# check_opens FILE READING WRITING: the errnos.
check_opens() {
	check_eq "opening $1 to read" "$(guest open read "$1")" "$2"
	check_eq "opening $1 to write" "$(guest open write "$1")" "$3"
}

# Without it, root opens everything. check_all READ_ONLY OTHERS: what opening
# files that can only be read comes to, and the others.
check_all() {
	local count type mode path
	count=0
	while read -r type mode _ _ path; do
		case $type$mode in
		f400) check_opens "$path" OK "$1" ;;
		f*) check_opens "$path" "$1" "$1" ;;
		*) continue ;;
		esac
		count=$((count + 1))
	done < "$KT_TMP/list"
	[ "$count" -ge 6 ] || fail "there are only $count files"
}

open_before() {
	interfaces_list "$KT_TMP/list"
	check_all OK
	check_write save 1 OK
}

locked_down() {
	exec 5> "$DEBUGFS/$KT_DEVICE/save"
	echo integrity > $LOCKDOWN
	check_all EPERM
	# As everywhere in the kernel: who has opened it before may go on.
	check_true "a file that was open cannot be written" sh -c 'echo 1 >&5'
	exec 5>&-
	check_status state ok
}

modes_stay() {
	local file
	for file in save status; do
		check_false "the mode of $file can be changed" \
			chmod 644 "$DEBUGFS/$KT_DEVICE/$file" 2> /dev/null
	done
}

no_module_is_loaded() {
	local ko
	ko=${KT_MODULE%/*}/$EDU_DRIVER.ko
	if [ ! -e "$ko" ]; then
		skip "there is no $EDU_DRIVER.ko beside the module"
		return 0
	fi
	check_eq "loading a module that is not signed" "$(guest load "$ko")" EPERM
}

# It recovers nevertheless: no file of root's takes part.
errors_are_recovered() {
	if [ "$KT_INJECT" = none ]; then
		skip "$KT_INJECT_REASON"
		return 0
	fi
	events_mark
	check_inject fatal || return 0
	await_event resume
	check_status state ok
	check_regs "after a fatal error"
}

[ "$KT_GUEST" = 1 ] ||
	skip_all "it cannot be undone: only in the harness's guest"
[ -e "$LOCKDOWN" ] ||
	mount -t securityfs securityfs /sys/kernel/security 2> /dev/null || :
read_line $LOCKDOWN
case $LINE in
'[none]'*integrity*) ;;
*) skip_all "this kernel has no lockdown (CONFIG_SECURITY_LOCKDOWN_LSM), or it is on already: '$LINE'" ;;
esac
interfaces_all
subtests open_before locked_down modes_stay no_module_is_loaded errors_are_recovered
