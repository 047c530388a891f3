//! The list of acts: [`Act`] is one of them, [`Keys`] has the keys of all.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::disk_full::DiskFull;
use super::disk_lies::DiskLies;
use super::disk_slow::DiskSlow;
use super::kill::Kill;
use super::page::{Page, Reach};
use super::pause::Pause;
use super::power_cut::PowerCut;
use super::restart::Restart;
use super::run::Run;
use super::section::When;
use crate::grammar::at::{At, place};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::Refinement;

/// Makes of the list of acts the keys of a `[[chaos]]`, the act that one of them is, and the
/// delegation to the pages.
macro_rules! acts {
    ($($key:ident: $Act:ident,)+) => {
        /// `[[chaos]]`: something happens to the target itself. Exactly one of `kill` … `disk_lies`.
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(rename = "Chaos")]
        pub struct Keys {
            /// Offset into the measured period, or a table for again and again.
            pub at: At<When>,
            $(
                #[schemars(description = <$Act as Page>::DOES)]
                pub $key: Option<At<<$Act as Page>::Written>>,
            )+
        }

        /// What happens to the target.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Act {
            $(#[doc = concat!("`", stringify!($key), "`")] $Act($Act),)+
        }

        /// An act without its settings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ActKind {
            $(#[doc = concat!("`", stringify!($key), "`")] $Act,)+
        }

        impl Keys {
            /// No act yet.
            pub(super) fn at(at: When) -> Keys {
                Keys { at: At::from(at), $($key: None),+ }
            }

            /// The acts that are written: key and place.
            pub(super) fn acts(&self) -> Vec<(&'static str, &Range<usize>)> {
                let places = [$(place(&self.$key)),+];
                Act::KEYS.iter().zip(places).filter_map(|(key, place)| Some((*key, place?))).collect()
            }
        }

        impl Act {
            /// The keys that name an act.
            pub(super) const KEYS: &[&str] = &[$(stringify!($key)),+];

            /// What the schema of the keys adds to their types.
            pub(super) fn refinements() -> Vec<Refinement> {
                [$($Act::refinements()),+].concat()
            }

            /// The act of the key that is there.
            pub(super) fn read(keys: &Keys, problems: &mut Problems) -> Option<Act> {
                $(if keys.$key.is_some() {
                    return $Act::read(keys, problems).map(Act::$Act);
                })+
                None
            }

            /// Writes its keys.
            pub(super) fn write(&self, keys: &mut Keys) {
                match self { $(Act::$Act(act) => act.write(keys),)+ }
            }

            /// What it needs that this target has not, and a way out.
            pub(super) fn lacks(&self, target: &Reach) -> Option<(&'static str, &'static str)> {
                match self { $(Act::$Act(act) => act.lacks(target),)+ }
            }

            /// Which it is.
            #[must_use]
            pub fn kind(&self) -> ActKind {
                match self { $(Act::$Act(_) => ActKind::$Act,)+ }
            }
        }

        impl ActKind {
            /// Its key in a scenario, which is also what reports call it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(ActKind::$Act => stringify!($key),)+ }
            }

            /// The act of this key.
            #[must_use]
            pub fn of(key: &str) -> Option<ActKind> {
                [$(ActKind::$Act),+].into_iter().find(|kind| kind.name() == key)
            }

            /// What was done, in the words of a report.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(ActKind::$Act => $Act::DONE,)+ }
            }

            /// Whether it is done to a target, and not beside it.
            pub(super) fn needs_target(self) -> bool {
                match self { $(ActKind::$Act => $Act::NEEDS_TARGET,)+ }
            }

            /// Whether the target is down, or stands still, for a while.
            #[must_use]
            pub fn takes_down(self) -> bool {
                match self { $(ActKind::$Act => $Act::TAKES_DOWN,)+ }
            }

            /// Whether it is done to processes that must be known.
            #[must_use]
            pub fn needs_processes(self) -> bool {
                match self { $(ActKind::$Act => $Act::NEEDS_PROCESSES,)+ }
            }
        }
    };
}

acts! {
    kill: Kill,
    pause: Pause,
    restart: Restart,
    run: Run,
    power_cut: PowerCut,
    disk_full: DiskFull,
    disk_slow: DiskSlow,
    disk_lies: DiskLies,
}
