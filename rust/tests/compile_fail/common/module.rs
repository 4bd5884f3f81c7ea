// SPDX-License-Identifier: GPL-2.0-only

// A module.

pub struct MyModule;

impl kernel::Module for MyModule {
    fn init(_module: &'static kernel::ThisModule) -> kernel::error::Result<Self> {
        Ok(Self)
    }
}

kernel::prelude::module! {
    type: MyModule,
    name: "my_driver",
    license: "GPL",
}
