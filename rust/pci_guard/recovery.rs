// SPDX-License-Identifier: GPL-2.0-only

//! What the guard shares with the drivers: the same files, by the same paths in the crate.

#[path = "../recovery/core_restore.rs"]
pub(crate) mod core_restore;
#[path = "../recovery/events.rs"]
pub(crate) mod events;
#[path = "../recovery/function.rs"]
pub(crate) mod function;
#[path = "../recovery/known_good.rs"]
pub(crate) mod known_good;
#[path = "../recovery/log.rs"]
pub(crate) mod log;
#[path = "../recovery/shown.rs"]
pub(crate) mod shown;
#[path = "../recovery/status.rs"]
pub(crate) mod status;
#[path = "../recovery/verify.rs"]
pub(crate) mod verify;
