// SPDX-License-Identifier: GPL-2.0-only

//! What is written to the fault injector's debugfs files: never a panic, and a text that is taken
//! for a fault has the form of one, is within its bounds, and reads the same when it is written
//! again; one that is taken for a model can be accessed everywhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pci_recovery_guard::pci_fault::spec;

#[path = "../../tests/pci_fault/device.rs"]
mod device;
#[path = "../../tests/pci_fault/sound.rs"]
mod sound;

fuzz_target!(|text: &str| {
    if let Ok(mut model) = device::Presented::new(text) {
        for offset in (0..0x1000).step_by(4) {
            let value = model.read(offset, 4);
            model.write(offset, 4, !value);
        }
        model.reset_below();
        model.read(0x3c, 1);
    }
    let _ = (spec::number(text), spec::register(text));
    if let Some(devfn) = spec::devfn(text) {
        assert_eq!(spec::devfn(&spec::DevFn(devfn).to_string()), Some(devfn));
    }
    if let Some((domain, bus)) = spec::bus(text) {
        assert_eq!(
            spec::bus(&format!("{domain:x}:{bus:x}")),
            Some((domain, bus))
        );
    }
    match spec::parse(text) {
        Ok(fault) => {
            assert!(sound::has_the_form(text), "{text:?} is {fault:?}");
            assert!(sound::is_sound(&fault), "{text:?} is {fault:?}");
            assert_eq!(spec::parse(&fault.to_string()), Ok(fault));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
