//! The `limit` fault: what counts against a limit, and when it is exceeded.
//!
//! The one stateful fault: its decisions follow the load, not the seed. The sink owns one
//! [`Limits`], passes it to every judgement and tells it when a session ends.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::judge::Moment;
use super::page::{
    At, Case, Effect, Keys, Page, Problem, Problems, Refinement, Stage, place, schema, some,
};
use crate::clock::Time;
use crate::grammar::checks::misplaced;
use crate::grammar::units::Rate;
use crate::probe::DestinationId;
use crate::smtp::reply::{EnhancedStatus, Reply};

/// A limit beyond which the sink answers 421.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Simultaneous sessions, over the whole sink (or of the rule's destination, once it is known).
    Connections(u32),
    /// A token bucket of `per_second` with a burst of one second (at least 1).
    Rate {
        /// Tokens a second.
        per_second: f64,
        /// One bucket a destination, or one for the rule.
        per_destination: bool,
    },
}

/// A limit beyond which the sink answers 421: `connections` or `rate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limit")]
pub struct Written {
    /// Simultaneous sessions.
    pub connections: Option<At<u32>>,
    /// So many a second, with a burst of one second.
    pub rate: Option<At<Rate>>,
    /// With rate: counted for each destination by itself. Default: for the rule as a whole.
    pub per: Option<At<Per>>,
}

/// What a rate limit is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each destination by itself.
    Destination,
}

impl Page for Limit {
    type Written = Written;

    const DOES: &'static str = "Answer 421 beyond a limit.";

    fn refinements() -> Vec<Refinement> {
        vec![
            ("Limit.connections", schema::from_to(1, u64::from(u32::MAX))),
            ("Limit", schema::one_of(&["connections", "rate"])),
            ("Limit", json!({ "dependentRequired": { "per": ["rate"] } })),
        ]
    }

    /// Sessions are counted where they begin.
    fn stage_meant(keys: &Keys, written: Option<Stage>) -> Option<Stage> {
        let places = keys.limit.as_ref().and_then(|limit| limit.value.connections.as_ref());
        written.or(places.map(|_| Stage::Connect))
    }

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        match stage {
            Stage::Content | Stage::EndOfData | Stage::Quit => {
                Err("what has come so far cannot be turned away: use an earlier stage")
            }
            _ => Ok(()),
        }
    }

    fn place_of_destination(keys: &Keys) -> Option<&Range<usize>> {
        keys.limit.as_ref().and_then(|limit| place(&limit.value.per))
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Limit> {
        let At { value: limit, span } = keys.limit.as_ref()?;
        if limit.connections.is_some() {
            misplaced([("per", place(&limit.per))], "`rate`", "leave it out", problems);
        }
        match (&limit.connections, &limit.rate) {
            (Some(connections), None) => Some(Limit::Connections(connections.value)),
            (None, Some(rate)) => {
                if rate.value.0 <= 0.0 {
                    problems.push(Problem::new(&rate.span, "a limit must be above 0"));
                }
                let per_destination = limit.per.is_some();
                Some(Limit::Rate { per_second: rate.value.0, per_destination })
            }
            _ => {
                problems.refuse(
                    span,
                    "a limit is of connections or of a rate",
                    "write `{ connections = 20 }` or `{ rate = \"50/s\", per = \"destination\" }`",
                );
                None
            }
        }
    }

    fn write(&self, keys: &mut Keys) {
        keys.limit = some(match self {
            Limit::Connections(connections) => {
                Written { connections: some(*connections), ..Written::default() }
            }
            Limit::Rate { per_second, per_destination } => Written {
                rate: some(Rate(*per_second)),
                per: per_destination.then(|| At::from(Per::Destination)),
                connections: None,
            },
        });
    }

    fn words(&self) -> String {
        match self {
            Limit::Connections(count) => format!("421 beyond {count} connections"),
            Limit::Rate { per_second, per_destination } => {
                let each = if *per_destination { " per destination" } else { "" };
                format!("421 beyond {per_second}/s{each}")
            }
        }
    }

    fn effect(&self, case: &mut Case<'_>) -> Option<Effect> {
        let Moment { session, destination, now, .. } = *case.moment;
        let by = Applicant { rule: case.number, session, destination, now };
        case.limits.exceeded(*self, by).map(Effect::Reply)
    }

    fn keeps_away(&self, _: bool) -> bool {
        true
    }
}

/// What has been used of every limit.
#[derive(Debug, Default)]
pub struct Limits {
    /// Sessions that hold a place under a rule.
    places: HashMap<u16, HashSet<u64>>,
    buckets: HashMap<(u16, Option<DestinationId>), Bucket>,
}

/// Who asks for a place or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// Number of the rule.
    pub rule: u16,
    /// Ordinal of the session.
    pub session: u64,
    /// The destination, where it is known.
    pub destination: Option<DestinationId>,
    /// Now.
    pub now: Time,
}

impl Limits {
    /// Takes a place or a token; the 421 when there is none left. A session keeps its place until
    /// [`Limits::session_ended`], so that one let in is not turned away later.
    pub fn exceeded(&mut self, limit: Limit, by: Applicant) -> Option<Reply> {
        match limit {
            Limit::Connections(most) => {
                let places = self.places.entry(by.rule).or_default();
                let free = places.len() < most as usize;
                if !places.contains(&by.session) && !free {
                    return Some(refusal("Too many connections, try again later"));
                }
                places.insert(by.session);
                None
            }
            Limit::Rate { per_second, per_destination } => {
                let key = (by.rule, by.destination.filter(|_| per_destination));
                let bucket = self.buckets.entry(key).or_insert(Bucket::full(per_second, by.now));
                let taken = bucket.take(per_second, by.now);
                (!taken).then(|| refusal("Too much mail, try again later"))
            }
        }
    }

    /// Gives back the places of a session that ended.
    pub fn session_ended(&mut self, session: u64) {
        for places in self.places.values_mut() {
            places.remove(&session);
        }
    }
}

/// 421 with 4.7.0, "other or undefined security status" (RFC 3463 §3.8), as large receivers do.
fn refusal(text: &str) -> Reply {
    Reply::new(421, Some(EnhancedStatus { class: 4, subject: 7, detail: 0 }), text)
}

/// A token bucket with a burst of one second, at least one token.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Time,
}

impl Bucket {
    fn full(per_second: f64, now: Time) -> Bucket {
        Bucket { tokens: per_second.max(1.0), filled_at: now }
    }

    fn take(&mut self, per_second: f64, now: Time) -> bool {
        let gained = now.since(self.filled_at).min(Duration::from_secs(3600)).as_secs_f64();
        self.tokens = (self.tokens + gained * per_second).min(per_second.max(1.0));
        // Two sessions may report their moments in either order; time never runs backwards here.
        self.filled_at = self.filled_at.max(now);
        let taken = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(taken));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applicant(session: u64, destination: u16, millis: u64) -> Applicant {
        let now = Time::from_offset(Duration::from_millis(millis));
        Applicant { rule: 0, session, destination: Some(DestinationId(destination)), now }
    }

    #[test]
    fn sessions_beyond_the_limit_are_turned_away_and_places_come_back() {
        let mut limits = Limits::default();
        let mut asks =
            |session| limits.exceeded(Limit::Connections(2), applicant(session, 0, 0)).is_some();
        assert_eq!([1, 2, 3, 1, 2].map(&mut asks), [false, false, true, false, false]);
        limits.session_ended(1);
        let mut asks =
            |session| limits.exceeded(Limit::Connections(2), applicant(session, 0, 0)).is_some();
        assert_eq!([3, 1].map(&mut asks), [false, true]);
    }

    #[test]
    fn a_rate_lets_a_burst_of_one_second_through_and_then_its_rate() {
        let rate = Limit::Rate { per_second: 10.0, per_destination: true };
        let mut limits = Limits::default();
        let let_in = |limits: &mut Limits, destination, millis| {
            (0..100)
                .filter(|_| limits.exceeded(rate, applicant(1, destination, millis)).is_none())
                .count()
        };
        assert_eq!(let_in(&mut limits, 0, 0), 10);
        assert_eq!(let_in(&mut limits, 1, 0), 10, "each destination has its own bucket");
        assert_eq!(let_in(&mut limits, 0, 500), 5);
        assert_eq!(let_in(&mut limits, 0, 400), 0, "an earlier moment brings no tokens");
        assert_eq!(let_in(&mut limits, 0, 60_000), 10, "never more than a second's worth");
    }

    #[test]
    fn a_slow_rate_still_lets_one_through() {
        let rate = Limit::Rate { per_second: 0.5, per_destination: false };
        let mut limits = Limits::default();
        let mut asks = |(destination, millis)| {
            limits.exceeded(rate, applicant(1, destination, millis)).map(|reply| reply.code)
        };
        assert_eq!(
            [(0, 0), (1, 0), (0, 1000), (1, 2000)].map(&mut asks),
            [None, Some(421), Some(421), None]
        );
    }
}
