#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Debugfs files that stay open: an unbind does not wait for them, and they lead
# nowhere afterwards; a module whose files are open cannot be unloaded.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"

DIR=$DEBUGFS/$KT_DEVICE

# users: prints how many the module has.
users() {
	cat "/sys/module/$DRIVER/refcnt"
}

# check_used: the kernel counts the open files as users of the module, and lets
# nobody unload it. Without that, closing them would run code that is gone: then
# nobody tries.
check_used() {
	local users
	users=$(($(users) - USERS))
	if [ $users -ne 3 ]; then
		fail "three open files are $users users of the module"
		return 0
	fi
	check_eq "unloading the module with files open" "$(guest unload "$DRIVER")" EAGAIN
}

# Read to the end, read not yet, and write.
open_files() {
	USERS=$(users)
	exec 5< "$DIR/status" 6> "$DIR/save" 7< "$DIR/events"
	cat <&5 > /dev/null
}

unbound_with_files_open() {
	local fd text
	open_files
	driver_unbind "$KT_DEVICE"
	check_eq "unbind" "$ERRNO" OK
	check_false "debugfs still has the files" [ -e "$DIR" ]
	for fd in 5 7; do
		if text=$(cat <&$fd 2> /dev/null) && [ -n "$text" ]; then
			fail "fd $fd can still be read: $text"
		fi
	done
	check_false "fd 6 can still be written" sh -c 'echo 1 >&6' 2> /dev/null
	driver_bind "$KT_DEVICE"
	check_eq "bind" "$ERRNO" OK
	# Those of before do not become those of the new binding.
	check_false "fd 6 can be written again" sh -c 'echo 1 >&6' 2> /dev/null
	exec 5<&- 6>&- 7<&-
	check_status saves 1
	check_regs "after the binding"
}

not_unloaded_with_files_open() {
	own_module || return 0
	open_files
	check_used
	driver_unbind "$KT_DEVICE"
	check_used
	exec 5<&- 6>&- 7<&-
	module_unload || fail "cannot unload it after the files were closed: $MODULE_ERROR"
	module_load || fail "cannot load the module again: $MODULE_ERROR"
	check_true "not bound after the load" wait_for "$KT_WAIT" bound "$KT_DEVICE"
	check_regs "after loading again"
}

subtests unbound_with_files_open not_unloaded_with_files_open
