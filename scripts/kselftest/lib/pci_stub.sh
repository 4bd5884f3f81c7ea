# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # answers in variables are for the callers
#
# The device under test as the stock kernel treats it: bound to pci-stub, which
# does nothing, so that the PCI core saves and restores alone.

PCI_STUB_DIR=/sys/bus/pci/drivers/pci-stub

# pci_stub_possible: false, with PCI_STUB_REASON, where there is no pci-stub.
pci_stub_possible() {
	PCI_STUB_REASON="no module pci-stub"
	[ -d "$PCI_STUB_DIR" ] || kmod_possible pci-stub
}

# pci_stub_bind: gives the device to pci-stub. pci_stub_unbind: from whatever driver it has back to
# ours.
pci_stub_bind() {
	[ -d "$PCI_STUB_DIR" ] || kmod_load pci-stub
	! bound "$KT_DEVICE" || driver_unbind "$KT_DEVICE"
	driver_override "$KT_DEVICE" pci-stub
	write_errno "$PCI_STUB_DIR/bind" "$KT_DEVICE"
	pci_driver "$KT_DEVICE"
	[ "$PCI_DRIVER" = pci-stub ]
}

# What the core has saved may be poison: it saves again what was written back.
pci_stub_unbind() {
	driver_unbind "$KT_DEVICE"
	regs_write_back "$KT_DEVICE" reference
	echo 1 > "$FAULT_FUNCTION/save"
	driver_override "$KT_DEVICE" "$DRIVER"
	driver_bind "$KT_DEVICE"
}

# first_save COMMAND...: runs it in peace and sets FIRST_SAVE to the number of the
# access with which the core's first save begins, SAVE_LENGTH to its accesses.
# Empty when there is none.
first_save() {
	fault_clear
	echo 1 > "$FAULT_FUNCTION/save"
	fault_counters
	SAVE_LENGTH=$ACCESSES
	fault_clear
	"$@" || :
	# The header, dword by dword, from 0x000 on.
	FIRST_SAVE=$(fault_record | awk '
		$2 == "r" && $3 == "0x000" && $4 == 4 { begin = NR; next }
		begin && NR == begin + 1 && !($2 == "r" && $3 == "0x004" && $4 == 4) { begin = 0 }
		begin && NR == begin + 2 {
			if ($2 == "r" && $3 == "0x008" && $4 == 4) { print begin - 1; exit }
			begin = 0
		}')
}
