# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # cache of common.sh
#
# The cache: a directory is made as $cache/tmp.*, under a lock, and gets its
# name when it is whole. Its .complete says what it holds, so that one that was
# cut off or damaged later is noticed.

# key WORD...
key() {
	printf '%s\n' "$@" | sha256sum | cut -c 1-12
}

# manifest DIR FILE...: hashes of the important files, number and size of all.
manifest() (
	cd "$1" || return
	shift
	sha256sum "$@" || return 1
	find . ! -type d ! -path ./.complete -printf '%s\n' | awk '{ n += $1 } END { print NR " files, " n " bytes" }'
)

# intact DIR FILE...
intact() {
	[ -f "$1/.complete" ] && manifest "$@" 2>/dev/null | cmp -s - "$1/.complete"
}

# The lock file is also the mark of a cache: nothing is touched in a directory
# that something else was in first.
ours() {
	[ -e "$cache/.lock" ] || [ -z "$(ls -A "$cache")" ] ||
		die "$cache has other things in it: name a new directory in PCI_RECOVERY_CACHE"
}

# One set-up at a time; the programs that it starts hold the lock as well, so
# that nothing is touched while one of a killed set-up still ends.
lock() {
	ours
	until [ /dev/fd/9 -ef "$cache/.lock" ]; do
		exec 9>"$cache/.lock"
		flock -n 9 || {
			say "another set-up works in $cache: waiting for it"
			flock 9
		}
	done
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# Under the lock, whatever has a temporary name was left by a killed run.
	remove_work "$cache"/tmp.*
}

unlock() {
	trap - EXIT HUP INT TERM
	exec 9>&-
}

# new_work NAME: an empty directory to make something in: $work.
new_work() {
	work=$cache/tmp.$1
	mkdir "$work"
}

# keep DIR FILE...: $work is whole: it becomes DIR.
keep() {
	local complete

	complete=$(manifest "$work" "${@:2}") || die "$work lacks what it should have: a fault of set-up"
	discard "$1"
	printf '%s\n' "$complete" >"$work/.complete"
	mv "$work" "$1"
}

# discard DIR...: so that it is never trusted while it goes.
discard() {
	local dir

	for dir; do
		[ -d "$dir" ] || continue
		rm -f "$dir/.complete"
		mv "$dir" "$cache/tmp.old.${dir##*/}"
	done
	remove_work "$cache"/tmp.old.*
}

remove_work() {
	local dir

	for dir; do
		# A mmdebstrap that was killed leaves files of all its owners.
		[ ! -d "$dir/tmp" ] || "${as_root[@]}" rm -rf --one-file-system "$dir/tmp"
		rm -rf --one-file-system "$dir"
	done
}

clean_up() {
	stop_step
	remove_work "$cache"/tmp.*
}

# need_space GIB
need_space() {
	local free

	free=$(df --output=avail -B 1M "$cache" | tail -n 1)
	[ "$free" -ge $(($1 * 1024)) ] ||
		die "not enough disk space in $cache: $1 GiB needed, $((free / 1024)).$((free % 1024 * 10 / 1024)) GiB free; make room or name another place in PCI_RECOVERY_CACHE"
}
