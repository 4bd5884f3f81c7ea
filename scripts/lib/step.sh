# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the steps of set-up, the programs that setup.sh runs with their
# output in the file $SETUP_LOG.

unreachable='does not have a Release file|Temporary failure resolving|Could not resolve|Network is unreachable|Could not connect to|Cannot initiate the connection'

# retry CMD...: a mirror in the middle of a sync answers with errors for a while.
retry() {
	local try log what

	for try in 1 2 3; do
		log=$(wc -l <"$SETUP_LOG")
		if "$@"; then
			return
		fi
		# Some failures are the same the next time.
		log=$(tail -n "+$((log + 1))" "$SETUP_LOG")
		[[ $log != *'No space left on device'* ]] || die "the disk is full: make room"
		what=$(grep -aoE -m 1 "($unreachable).*" <<<"$log" || true)
		[ -z "$what" ] || die "the Debian mirror is out of reach ($what): connect this machine to the network, or name a mirror in PCI_RECOVERY_MIRROR"
		[ "$try" = 3 ] || {
			say "try $try of 3 failed; again in $((20 * try)) s"
			sleep $((20 * try))
		}
	done
	return 1
}
