// SPDX-License-Identifier: GPL-2.0-only

//! What is decided without asking the function: the vote, and what may be done to it meanwhile.

use kernel::prelude::*;

use crate::{
    guard::Refusal,
    pci::{
        ChannelState,
        ErsResult, //
    },
    recovery::status::Health,
};

/// Every state of a channel.
const CHANNELS: [ChannelState; 3] = [
    ChannelState::Normal,
    ChannelState::Frozen,
    ChannelState::PermanentFailure,
];

#[kunit_tests(pci_recovery_health)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_a_normal_channel_may_recover() {
        assert_eq!(
            Health::on_error(ChannelState::Normal),
            (Health::Recovering, ErsResult::CanRecover)
        );
    }

    #[test]
    fn an_error_that_froze_the_channel_needs_a_reset() {
        assert_eq!(
            Health::on_error(ChannelState::Frozen),
            (Health::Recovering, ErsResult::NeedReset)
        );
    }

    #[test]
    fn a_permanent_failure_loses_the_function() {
        assert_eq!(
            Health::on_error(ChannelState::PermanentFailure),
            (Health::Lost, ErsResult::Disconnect)
        );
    }

    #[test]
    fn resume_ends_a_recovery_and_finds_no_lost_function() {
        assert_eq!(Health::Intact.on_resume(), Health::Ok);
        assert_eq!(Health::Recovering.on_resume(), Health::Lost);
        assert_eq!(Health::Ok.on_resume(), Health::Ok);
        assert_eq!(Health::Lost.on_resume(), Health::Lost);
    }

    #[test]
    fn only_a_function_that_is_well_is_saved() {
        assert_eq!(Health::Ok.check_save(), Ok(()));
        assert_eq!(Health::Recovering.check_save(), Err(Refusal::Recovering));
        assert_eq!(Health::Lost.check_save(), Err(Refusal::Recovering));
    }

    #[test]
    fn no_save_between_any_error_and_its_end() {
        for channel in CHANNELS {
            let (health, _) = Health::on_error(channel);
            assert_eq!(health.check_save(), Err(Refusal::Recovering));
        }
        // Nor of one that was found intact, before the recovery is over.
        assert_eq!(Health::Intact.check_save(), Err(Refusal::Recovering));
        assert_eq!(Health::Intact.on_resume().check_save(), Ok(()));
        // And not after one that did.
        let (health, _) = Health::on_error(ChannelState::PermanentFailure);
        assert_eq!(health.on_resume().check_save(), Err(Refusal::Recovering));
    }

    #[test]
    fn a_frozen_channel_is_not_touched_during_a_recovery() {
        assert_eq!(
            Health::Recovering.check_channel(ChannelState::Frozen),
            Err(Refusal::Frozen)
        );
        assert_eq!(
            Health::Intact.check_channel(ChannelState::Frozen),
            Err(Refusal::Frozen)
        );
        assert_eq!(
            Health::Recovering.check_channel(ChannelState::Normal),
            Ok(())
        );
    }

    #[test]
    fn a_channel_that_stayed_frozen_keeps_nobody_from_bringing_it_back() {
        // The core leaves it frozen after a recovery that failed.
        assert_eq!(Health::Lost.check_channel(ChannelState::Frozen), Ok(()));
        assert_eq!(Health::Ok.check_channel(ChannelState::Frozen), Ok(()));
    }

    #[test]
    fn a_second_error_decides_anew() {
        // A frozen channel that then fails for good: nothing of the first vote is left.
        let (health, _) = Health::on_error(ChannelState::Frozen);
        assert_eq!(health, Health::Recovering);
        let (health, vote) = Health::on_error(ChannelState::PermanentFailure);
        assert_eq!((health, vote), (Health::Lost, ErsResult::Disconnect));
        assert_eq!(health.check_channel(ChannelState::Frozen), Ok(()));
    }

    #[test]
    fn names_are_those_of_the_status_file() {
        assert_eq!(Health::Ok.as_str(), "ok");
        assert_eq!(Health::Recovering.as_str(), "recovering");
        assert_eq!(Health::Intact.as_str(), "recovering");
        assert_eq!(Health::Lost.as_str(), "lost");
    }
}
