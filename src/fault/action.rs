//! The list of faults: [`Action`] is one of them, [`Keys`] has the keys of all.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defer::Defer;
use super::delay::Delay;
use super::disconnect::Disconnect;
use super::garble::Garble;
use super::judge::Verdict;
use super::limit::Limit;
use super::page::{Case, Page};
use super::refuse::Refuse;
use super::reject::Reject;
use super::scope::AttemptsText;
use super::script::Script;
use super::stall::Stall;
use super::throttle::Throttle;
use super::tls::TlsFault as Tls;
use crate::grammar::at::{At, place};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::Refinement;
use crate::grammar::units::{ByteCount, Share};
use crate::smtp::stage::Stage;

/// Makes of the list of faults the keys of a `[[fault]]`, the action that one of them is, and the
/// delegation to the pages.
macro_rules! faults {
    ($($key:ident: $Fault:ident $({ $(#[doc = $doc:literal])* $beside:ident: $Beside:ty })?,)+) => {
        /// `[[fault]]`: what goes wrong at a destination. Exactly one of `delay` … `tls`.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(rename = "Fault")]
        pub struct Keys {
            /// Its name in reports. Default: `fault-1` and so on.
            pub name: Option<At<String>>,
            /// The one destination it is limited to. Default: every destination. Before stage rcpt-to only
            /// for targets that mailbench starts, which come to an address of the sink for each.
            pub destination: Option<At<String>>,
            /// The stage of the dialogue at which it strikes.
            pub stage: Option<At<Stage>>,
            /// Offsets into the measured period, such as `10s..20s`. Default: the whole run.
            pub during: Option<At<String>>,
            /// Attempt numbers, such as `1`, `2..` or `..3`. Default: every attempt.
            pub attempts: Option<At<AttemptsText>>,
            /// How often it strikes where all else matches. Default: 1.
            pub odds: Option<At<Share>>,
            $(
                #[schemars(description = <$Fault as Page>::DOES)]
                pub $key: Option<At<<$Fault as Page>::Written>>,
                $($(#[doc = $doc])* pub $beside: Option<At<$Beside>>,)?
            )+
        }

        /// What a rule does.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Action {
            $(#[doc = concat!("`", stringify!($key), "`")] $Fault($Fault),)+
        }

        impl Action {
            /// The keys that name an action.
            pub(super) const KEYS: &[&str] = &[$(stringify!($key)),+];

            /// What the schema of the keys adds to their types.
            pub(super) fn refinements() -> Vec<Refinement> {
                [$($Fault::refinements()),+].concat()
            }

            /// The stage that is meant by the one that is written, if one is.
            pub(super) fn stage(keys: &Keys) -> Option<Stage> {
                let stage = keys.stage.as_ref().map(|stage| stage.value);
                $(let stage = if keys.$key.is_some() { $Fault::stage_meant(keys, stage) } else { stage };)+
                stage
            }

            /// The actions that are written: key and place.
            pub(super) fn written(keys: &Keys) -> Vec<(&'static str, &Range<usize>)> {
                let places = [$(place(&keys.$key)),+];
                Self::KEYS.iter().zip(places).filter_map(|(key, place)| Some((*key, place?))).collect()
            }

            /// Notes what is written beside an action that is not there, or at another stage.
            pub(super) fn check_beside(keys: &Keys, stage: Stage, problems: &mut Problems) {
                $($Fault::check_beside(keys, stage, problems);)+
            }

            /// Where an action counts attempts.
            pub(super) fn place_of_attempts(keys: &Keys) -> Option<&Range<usize>> {
                [$(place(&keys.$key).filter(|_| $Fault::COUNTS_ATTEMPTS)),+].into_iter().flatten().next()
            }

            /// Where an action asks for the destination.
            pub(super) fn place_of_destination(keys: &Keys) -> Option<&Range<usize>> {
                [$($Fault::place_of_destination(keys)),+].into_iter().flatten().next()
            }

            /// The action of the key that is there, if it can happen at this stage.
            pub(super) fn read(keys: &Keys, stage: Stage, problems: &mut Problems) -> Option<Action> {
                $(if let Some(place) = place(&keys.$key) {
                    if let Err(help) = $Fault::can_happen(stage) {
                        let what = format!("`{}` cannot happen at stage {stage}", stringify!($key));
                        problems.refuse(place, what, help);
                    }
                    return $Fault::read(keys, problems).map(Action::$Fault);
                })+
                None
            }

            /// Writes its keys.
            pub(super) fn write(&self, keys: &mut Keys) {
                match self { $(Action::$Fault(fault) => fault.write(keys),)+ }
            }

            /// What it does, in the words of a report.
            #[must_use]
            pub fn words(&self) -> String {
                match self { $(Action::$Fault(fault) => fault.words(),)+ }
            }

            /// Adds what it does to the verdict.
            pub(super) fn strike(&self, case: &mut Case<'_>, verdict: &mut Verdict) {
                match self { $(Action::$Fault(fault) => fault.strike(case, verdict),)+ }
            }

            /// Whether it can end a session before a probe is named. `early`: its stage is before
            /// MAIL.
            #[must_use]
            pub fn keeps_away(&self, early: bool) -> bool {
                match self { $(Action::$Fault(fault) => fault.keeps_away(early),)+ }
            }

            /// Whether `simulate` has a model of what it makes of a target.
            #[must_use]
            pub fn is_simulated(&self) -> bool {
                match self { $(Action::$Fault(_) => $Fault::SIMULATED,)+ }
            }
        }
    };
}

faults! {
    delay: Delay,
    defer: Defer,
    reject: Reject,
    disconnect: Disconnect {
        /// With disconnect at stage content: after so many bytes of content.
        after_bytes: ByteCount
    },
    stall: Stall,
    throttle: Throttle,
    garble: Garble,
    refuse: Refuse,
    limit: Limit,
    script: Script,
    tls: Tls,
}
