// SPDX-License-Identifier: GPL-2.0-only

// A driver in a module, for the tests to add callbacks to. It is included, not a module of its own:
// `#[vtable]` looks for what `module!` declares in the crate root.

pub struct MyDriver;

pub struct Data {
    pub recovery: kernel::sync::Arc<pci_recovery::recovery::Recovery>,
}

pci_recovery::pci_device_table!(
    PCI_TABLE,
    <MyDriver as kernel::pci::Driver>::IdInfo,
    [(pci_recovery::pci::device_id(0x1234, 0x11e8), ())]
);

impl kernel::pci::Driver for MyDriver {
    type IdInfo = ();
    type Data<'bound> = Data;

    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        dev: &'bound kernel::pci::Device<kernel::device::Core<'_>>,
        _info: pci_recovery::pci::ProbeInfo<'bound, Self::IdInfo>,
    ) -> impl pin_init::PinInit<Data, kernel::error::Error> + 'bound {
        pci_recovery::recovery::Recovery::new(dev, pci_recovery::recovery::FirstSave::AsIs)
            .map(|recovery| Data { recovery })
    }
}

include!("module.rs");
