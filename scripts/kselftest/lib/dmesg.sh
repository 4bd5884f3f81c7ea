# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# The kernel log since a mark: what a test's callers expect there, and damage.

# The texts of lib/damage, as one regular expression.
DMESG_DAMAGE=
while IFS= read -r dm_text; do
	case $dm_text in
	'' | '#'*) ;;
	*) DMESG_DAMAGE="${DMESG_DAMAGE:+$DMESG_DAMAGE|}$dm_text" ;;
	esac
done < "$KT_DIR/lib/damage"

# dmesg_mark TEXT: writes a unique line into the kernel log. Sets DMESG_MARK.
dmesg_mark() {
	uptime_cs
	DMESG_MARK="kselftest $1 pid $$ at $UPTIME_CS"
	printf 'pci_recovery %s\n' "$DMESG_MARK" > /dev/kmsg
}

# dmesg_since MARK: prints what came after it; everything when it is no longer
# in the buffer, because then all of it is newer.
dmesg_since() {
	dmesg | awk -v mark="$1" '
		index($0, mark) { found = 1; n = 0; next }
		{ line[n++] = $0 }
		END { for (i = 0; i < n; i++) print line[i] }
	'
}

# dmesg_damage MARK: prints the lines of damage since the mark; true if none. What
# matches KT_FORGIVEN, from a line `# forgiven: REGEX` of the test's head, is none.
dmesg_damage() {
	! dmesg_since "$1" | grep -E "$DMESG_DAMAGE" | grep -vE "${KT_FORGIVEN:-^$}"
}
