# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the steps of set-up, the programs that setup.sh runs with their
# output in the file $SETUP_LOG.

unreachable='Temporary failure resolving|Could not resolve|Network is unreachable|Could not connect to|Cannot initiate the connection'

# retry CMD...: a mirror in the middle of a sync answers with errors for a while.
retry() {
	local try seen what

	for try in 1 2 3; do
		seen=$(wc -l <"$SETUP_LOG")
		if "$@"; then
			return
		fi
		what=$(tail -n "+$((seen + 1))" "$SETUP_LOG" | grep -aoE -m 1 "($unreachable).*" || true)
		[ -z "$what" ] || die "no network, or no mirror there ($what): connect this machine, or name a mirror in PCI_RECOVERY_MIRROR"
		[ "$try" = 3 ] || {
			say "try $try of 3 failed; again in $((20 * try)) s"
			sleep $((20 * try))
		}
	done
	return 1
}
