# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# Dumps functions for the corpus of the host tests: lines `# corpus NAME TEXT`, of
# which scripts/corpus.sh makes one file for each NAME.
#
# The file is one that `lspci -F` reads: what the kernel knows of the function, a
# line for each fact, then its config space, as it was when all was well and after
# a bus reset without a restore.

# corpus_lines NAME: each line of standard input as one of the corpus.
corpus_lines() {
	sed "s/^/# corpus $1 /"
}

# corpus_space BDF TITLE: the config space. The zeros at its end are left out, but
# for some rows that a capability may reach into, and the last, which shows its size.
corpus_space() {
	printf '%s %s\n' "${1#0000:}" "$2"
	od -An -v -tx1 "$SYSFS_PCI/$1/config" | awk '
		{ row[NR] = $0 }
		/[1-9a-f]/ || NR == 16 { last = NR + 4 }
		END {
			for (n = 1; n <= NR; n++)
				if (n <= last || n == NR)
					printf "%02x:%s\n", (n - 1) * 16, row[n]
			print ""
		}
	'
}

# corpus_facts BDF: what the kernel knows of it, apart from its config space.
corpus_facts() {
	local dir bus virtual fact secondary
	dir=$SYSFS_PCI/$1
	bus=${1#*:}
	virtual=0
	[ ! -e "$dir/physfn" ] || virtual=1
	echo "virtual $virtual"
	for fact in vendor device class revision subsystem_vendor subsystem_device enable; do
		read_line "$dir/$fact"
		echo "$fact $LINE"
	done
	if [ -e "$dir/secondary_bus_number" ]; then
		read_line "$dir/secondary_bus_number"
		secondary=$LINE
		read_line "$dir/subordinate_bus_number"
		echo "buses $((0x${bus%%:*})) $secondary $LINE"
	fi
	sed -n '1,6s/^/resource /p' "$dir/resource"
}

# corpus_good NAME BDF, corpus_wiped NAME BDF: what is dumped of it, and when.
corpus_good() {
	{
		corpus_facts "$2"
		corpus_space "$2" "$1"
	} | corpus_lines "$1"
}

corpus_wiped() {
	corpus_space "$2" "$1, after a bus reset that nobody restored" | corpus_lines "$1"
}
