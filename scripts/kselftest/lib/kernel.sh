# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Which kernel this is, for tests of what kernels do differently.

# kernel_at_least VERSION PATCHLEVEL: is it Linux VERSION.PATCHLEVEL or later?
#
# 7.3 is the first that looks, once, before it saves for a reset
# (pci_dev_save_and_disable()), and before a function level reset (pcie_flr()).
kernel_at_least() {
	read -r ka_release < /proc/sys/kernel/osrelease
	ka_version=${ka_release%%.*}
	ka_rest=${ka_release#*.}
	ka_patchlevel=${ka_rest%%[!0-9]*}
	[ "$ka_version" -gt "$1" ] ||
		{ [ "$ka_version" -eq "$1" ] && [ "$ka_patchlevel" -ge "$2" ]; }
}
