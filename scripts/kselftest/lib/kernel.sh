# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=busybox
#
# Which kernel this is, for tests of what kernels do differently.

# kernel_at_least VERSION PATCHLEVEL: true for Linux VERSION.PATCHLEVEL or later.
#
# 7.3 is the first that looks, once, before it saves for a reset
# (pci_dev_save_and_disable()), and before a function level reset (pcie_flr()).
kernel_at_least() {
	local release version rest patchlevel
	read -r release < /proc/sys/kernel/osrelease
	version=${release%%.*}
	rest=${release#*.}
	patchlevel=${rest%%[!0-9]*}
	[ "$version" -gt "$1" ] ||
		{ [ "$version" -eq "$1" ] && [ "$patchlevel" -ge "$2" ]; }
}
