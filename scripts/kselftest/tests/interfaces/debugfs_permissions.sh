#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# weight: 12
#
# The modules' files are for root: their modes say so, nobody else can open one,
# not even where debugfs is mounted for everybody, and in a lockdown of the
# kernel none can be written.

# shellcheck shell=busybox source-path=SCRIPTDIR source=../../lib/test.sh
. "$KT_DIR/lib/test.sh"
# shellcheck source=../../lib/interfaces.sh
. "$KT_DIR/lib/interfaces.sh"

# Whoever can open one has write access to the hardware. What has another mode:
# `TYPE MODE UID GID PATH`.
modes_are_for_root() {
	local count type mode uid gid path right
	interfaces_list "$KT_TMP/list"
	count=0
	while read -r type mode uid gid path; do
		count=$((count + 1))
		case $type$mode in
		d700 | f400 | f200 | f600) ;;
		*) fail "$path has mode $mode ($type)" ;;
		esac
		case ${path##*/} in
		status | events | saved | functions | requests | record | counters | would_restore) right=400 ;;
		save | restore | reset | load | clear | wrap | unwrap | give_up | mmio_enabled) right=200 ;;
		resume | bus_master | ptm | msi | move_bar | resize) right=200 ;;
		fault | registers | model | state_saved) right=600 ;;
		*) right=700 ;;
		esac
		check_eq "mode of $path" "$mode" "$right"
		check_eq "owner of $path" "$uid:$gid" 0:0
	done < "$KT_TMP/list"
	[ "$count" -ge 8 ] || fail "there are only $count files"
	report "$count files and directories in:$INTERFACES"
}

# debugfs_mode MODE: mounts it for whom that lets in.
debugfs_mode() {
	mount -o "remount,mode=$1" "$DEBUG"
}

# debugfs_back: as it was, and our directories closed again.
debugfs_back() {
	debugfs_mode "$DEBUG_MODE"
	# shellcheck disable=SC2086 # several directories
	find $INTERFACES -type d -exec chmod 700 {} +
}

# attack FILE...: what an ordinary user can do with them, one a line.
# No subshells: a fork takes longer than all the rest.
# shellcheck disable=SC2016 # the attacker's shell expands it
ATTACK='
	try() {
		if { eval "$2"; } 2> /dev/null; then echo "$1 can be $3"; fi
		cd /
	}
	echo "I am $(id -u)"
	while read -r path; do
		[ ! -d "$path" ] || try "$path" "cd \"\$path\"" entered
		[ ! -d "$path" ] || [ ! -r "$path" ] || try "$path" "ls \"\$path\" > /dev/null" listed
		try "$path" "true < \"\$path\"" read
		try "$path" "true > \"\$path\"" written
		try "$path" "true >> \"\$path\"" "appended to"
		try "$path" "true <> \"\$path\"" "read and written"
	done < "$1"
	while read -r path; do
		try "$path" "chmod 666 \"\$path\"" "given another mode"
	done < "$1"
	echo end
'

# attack NAME: an ordinary user tries everything with what is named in
# $KT_TMP/NAME, which must come to nothing.
attack() {
	chmod 755 "$KT_TMP"
	chmod 644 "$KT_TMP/$1"
	unprivileged "$KT_TMP/answer" "set -- $KT_TMP/$1; $ATTACK" || :
	sed -n '1p' "$KT_TMP/answer" | grep -q '^I am [1-9]' ||
		fail "the attacker is not an ordinary user: $(cat "$KT_TMP/answer")"
	[ "$(tail -n 1 "$KT_TMP/answer")" = end ] || fail "the attack did not come to its end"
	sed -e 1d -e '$d' "$KT_TMP/answer" > "$KT_TMP/breaches"
	if [ -s "$KT_TMP/breaches" ]; then
		fail "an ordinary user got in:"
		diag_lines < "$KT_TMP/breaches"
	fi
}

# Shows that the attempts succeed where they are allowed.
attack_works() {
	local what
	echo secret > "$KT_TMP/open"
	chmod 666 "$KT_TMP/open"
	echo "$KT_TMP/open" > "$KT_TMP/names"
	chmod 755 "$KT_TMP"
	chmod 644 "$KT_TMP/names"
	unprivileged "$KT_TMP/answer" "set -- $KT_TMP/names; $ATTACK" || :
	for what in read written 'appended to' 'read and written'; do
		grep -q "can be $what\$" "$KT_TMP/answer" ||
			fail "a file for everybody is not $what: $(cat "$KT_TMP/answer")"
	done
}

names() {
	cut -d' ' -f5- "$KT_TMP/list" > "$KT_TMP/names"
}

others_cannot_enter() {
	names
	attack names
}

# Debugfs is mounted for everybody: the directories keep them out.
others_cannot_enter_an_open_debugfs() {
	debugfs_mode 755
	names
	attack names
	unprivileged "$KT_TMP/answer" "ls $DEBUG" || fail "debugfs is not open to everybody"
}

# And where somebody has opened the directories, the files do.
others_cannot_open_a_file() {
	debugfs_mode 755
	# shellcheck disable=SC2086 # several directories
	find $INTERFACES -type d -exec chmod 755 {} +
	sed -n 's/^f [0-9]* [0-9]* [0-9]* //p' "$KT_TMP/list" > "$KT_TMP/names"
	attack names
	debugfs_back
}

# What the kernel gives every driver: nothing of ours is writable there, and the
# modules' parameters are not there at all.
nothing_in_sysfs() {
	local module dir
	for module in $DRIVER $EDU_DRIVER pci_fault; do
		[ -d "/sys/module/$module" ] || continue
		check_false "$module has parameters in sysfs" [ -e "/sys/module/$module/parameters" ]
	done
	for dir in "$DRIVER_DIR" "/sys/module/$DRIVER"; do
		find "$dir/" -type f -perm -o+w > "$KT_TMP/found"
		if [ -s "$KT_TMP/found" ]; then
			fail "everybody may write:"
			diag_lines < "$KT_TMP/found"
		fi
	done
	find "$DRIVER_DIR/" -type f > "$KT_TMP/names"
	attack names
}

# bare COMMAND...: as root, but without any capability: in a user namespace that
# maps no user, an exec takes them all.
bare() {
	unshare -U sh -c "$*" < /dev/null
}

# Who is root but has none of its capabilities is the owner of the files, and no
# more than that: the mode decides, as it does for \`reset\` in sysfs.
root_without_capabilities() {
	local dir file
	if ! bare 'grep -q "^CapEff:	0*$" /proc/self/status' 2> /dev/null; then
		skip "unshare cannot make a user namespace here"
		return 0
	fi
	dir=$DEBUGFS/$KT_DEVICE
	check_true "it cannot read status" bare "cat $dir/status > /dev/null"
	check_true "it cannot save" bare "echo 1 > $dir/save"
	for file in status events saved; do
		check_false "it can write $file, which has mode 0400" \
			bare ": > $dir/$file" 2> /dev/null
	done
	for file in save restore reset; do
		check_false "it can read $file, which has mode 0200" \
			bare ": < $dir/$file" 2> /dev/null
	done
	check_regs "afterwards"
}

DEBUG_MODE=$(stat -c %a "$DEBUG")
interfaces_all
at_exit debugfs_back
subtests modes_are_for_root attack_works others_cannot_enter \
	others_cannot_enter_an_open_debugfs others_cannot_open_a_file nothing_in_sysfs \
	root_without_capabilities
