# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh source-path=SCRIPTDIR disable=SC2034 # answers in variables are for the callers
#
# Who may use the modules' files, and what they tell. All of them are there:
# pci_recovery's, edu_recovery's where the topology has an edu, pci_fault's, pci_guard's.

# shellcheck source=edu.sh
. "$KT_DIR/lib/edu.sh"
# shellcheck source=guard.sh
. "$KT_DIR/lib/guard.sh"

DEBUG=/sys/kernel/debug
# An address of the kernel, as a pointer is printed with and without "0x"; what
# %p prints instead (a hash, or what stands for it before there are any).
POINTER='(^|[^0-9a-zA-Z])(0x)?(ffff[0-9a-f]{12}|0{8}[0-9a-f]{8})($|[^0-9a-zA-Z])|ptrval'

# interfaces_all: has every module show its files until the test's end. Sets
# INTERFACES to the modules' directories.
interfaces_all() {
	INTERFACES=$DEBUGFS
	if [ -e "$EDU_MODULE" ] && device_bdf edu0; then
		edu_take "$BDF"
		INTERFACES="$INTERFACES $EDU_DEBUGFS"
	fi
	if fault_possible; then
		fault_need
		INTERFACES="$INTERFACES $FAULT_ROOT"
	fi
	if guard_possible; then
		guard_need
		INTERFACES="$INTERFACES $GUARD_DIR"
	fi
}

# interfaces_list FILE: writes the files and directories of all into FILE, as
# "TYPE MODE UID GID PATH" a line, where TYPE is f or d.
interfaces_list() {
	# shellcheck disable=SC2086 # several directories
	find $INTERFACES -exec stat -c '%F|%a %u %g %n' {} + |
		sed -e 's/^directory|/d /' -e 's/^regular [^|]*|/f /' > "$1"
}

# unprivileged FILE COMMAND: sh -c COMMAND as a user who may do nothing; what it
# prints goes to FILE.
unprivileged() {
	su -s /bin/sh nobody -c "$2" > "$1" 2>&1 < /dev/null
}
