# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox disable=SC2034 # answers in variables are for the callers
#
# The scripts of a suite (tests/, soak/, models/, bench/, corpus/), which may be in folders
# there. The name of a script is its file's, without folder and `.sh`, and there is one of
# each name.

# script_named SUITE NAME: sets SCRIPT to the script of that name; false without one.
script_named() {
	for SCRIPT in "$KT_DIR/$1/$2.sh" "$KT_DIR/$1"/*/"$2.sh"; do
		[ ! -e "$SCRIPT" ] || return 0
	done
	return 1
}

# script_of SUITE TEST: sets SCRIPT to what runs the test: the script of that name, or that
# beside the list that has the test.
script_of() {
	local list

	! script_named "$1" "$2" || return 0
	for list in "$KT_DIR/$1"/*.list "$KT_DIR/$1"/*/*.list; do
		if [ -e "$list" ] && grep -q -e "^$2\$" -e "^$2 " "$list"; then
			SCRIPT=${list%.list}.sh
			return 0
		fi
	done
	return 1
}

# head_of FILE KEY: sets HEAD to what the line `# KEY: ` of the file's head says, the comments
# that it begins with; to nothing, and false, without one.
head_of() {
	local line

	HEAD=
	while IFS= read -r line; do
		case $line in
		"# $2: "*)
			HEAD=${line#"# $2: "}
			return 0
			;;
		'#'*) ;;
		*) return 1 ;;
		esac
	done < "$1"
	return 1
}

# head_of_test SUITE TEST KEY: the same of what runs the test; where that says nothing, of the
# test that it runs with pci_guard loaded (tests/guarded_*).
head_of_test() {
	script_of "$1" "$2" || return 1
	! head_of "$SCRIPT" "$3" || return 0
	case $2 in
	guarded_*) script_named "$1" "${2#guarded_}" && head_of "$SCRIPT" "$3" ;;
	*) return 1 ;;
	esac
}
