//! Where and when a `[[fault]]` holds: destination, stage, time, attempts, odds.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{Action, Keys};
use crate::grammar::at::{At, place, some};
use crate::grammar::diagnosis::{Problem, Problems, suggest};
use crate::grammar::units::{Share, Timespan};
use crate::probe::DestinationId;
use crate::smtp::stage::Stage;

/// Where and when a rule holds. Everything named must match.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// The one destination it is limited to.
    pub destination: Option<DestinationId>,
    /// The stage at which it strikes.
    pub stage: Stage,
    /// Offsets into the measured period, start included, end not.
    pub during: Option<Window>,
    /// Attempt numbers it is limited to.
    pub attempts: Option<Attempts>,
    /// How often it strikes where all else matches.
    pub odds: Odds,
}

/// A span of time, as offsets into the measured period; start included, end not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First moment inside.
    pub start: Duration,
    /// First moment after.
    pub end: Duration,
}

impl Window {
    /// Whether `at` lies inside.
    #[must_use]
    pub fn contains(self, at: Duration) -> bool {
        self.start <= at && at < self.end
    }
}

/// A range of attempt numbers, both ends included; attempts count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Least.
    pub first: u32,
    /// Greatest; `None`: every later one too.
    pub last: Option<u32>,
}

impl Attempts {
    /// Whether attempt number `attempt` is in the range.
    #[must_use]
    pub fn contains(self, attempt: u32) -> bool {
        self.first <= attempt && self.last.is_none_or(|last| attempt <= last)
    }
}

/// A probability as parts per billion, so that "10 %" is exactly one in ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds(pub u32);

impl Odds {
    /// Always.
    pub const ALWAYS: Odds = Odds(1_000_000_000);
}

/// Attempt numbers as text; a single number may stand bare.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct AttemptsText(pub String);

impl JsonSchema for AttemptsText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttemptsText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "attempt numbers such as 1, \"1\", \"2..\" or \"..3\"",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                {
                    "type": "string",
                    "pattern": r"^\s*0*[1-9][0-9]{0,9}\s*(\.\.(\s*0*[1-9][0-9]{0,9}\s*)?)?$|^\.\.\s*0*[1-9][0-9]{0,9}\s*$",
                },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for AttemptsText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl serde::de::Visitor<'_> for TextOrNumber {
            type Value = AttemptsText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attempt numbers such as \"1\", \"2..\" or \"..3\"")
            }
            fn visit_i64<E>(self, number: i64) -> Result<AttemptsText, E> {
                Ok(AttemptsText(number.to_string()))
            }
            fn visit_str<E>(self, text: &str) -> Result<AttemptsText, E> {
                Ok(AttemptsText(text.to_owned()))
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

/// Where and when the rule of these keys holds, among destinations of these domains.
pub(super) fn resolve(fault: &At<Keys>, domains: &[&str], problems: &mut Problems) -> Scope {
    let At { value: fault, span } = fault;
    let stage = Action::stage(fault);
    if stage.is_none() {
        problems.refuse(
            span,
            "the fault has no stage",
            "write at which stage it strikes, such as `stage = \"rcpt-to\"`",
        );
    }
    Scope {
        destination: destination(fault, domains, problems),
        stage: stage.unwrap_or(Stage::RcptTo),
        during: fault.during.as_ref().and_then(|during| window(during, problems)),
        attempts: fault.attempts.as_ref().and_then(|text| {
            let read = attempts(&text.value.0);
            if read.is_none() {
                problems.push(not_attempts(&text.span, &text.value.0));
            }
            read
        }),
        odds: odds(fault, problems),
    }
}

/// A scope among destinations of these domains, as written.
pub(super) fn write(scope: &Scope, domains: &[&str]) -> Keys {
    let domain =
        |id: DestinationId| domains.get(usize::from(id.0)).map(|it| At::from(String::from(*it)));
    Keys {
        destination: scope.destination.and_then(domain),
        stage: some(scope.stage),
        during: scope.during.map(|window| At::from(window_text(window))),
        attempts: scope.attempts.map(|it| At::from(AttemptsText(attempts_text(it)))),
        odds: some(Share(f64::from(scope.odds.0) / f64::from(Odds::ALWAYS.0))),
        ..Keys::default()
    }
}

fn destination(fault: &Keys, domains: &[&str], problems: &mut Problems) -> Option<DestinationId> {
    let written = fault.destination.as_ref()?;
    let domain = written.value.to_ascii_lowercase();
    let index = domains.iter().position(|known| *known == domain);
    if index.is_none() {
        let what = format!("`{}` is not a destination of this scenario", written.value);
        problems.refuse(&written.span, what, suggest(&domain, domains.iter().copied()));
    }
    index.and_then(|index| u16::try_from(index).ok()).map(DestinationId)
}

/// `START..END`, offsets into the measured period.
pub fn window(written: &At<String>, problems: &mut Problems) -> Option<Window> {
    let refuse = |what: String| {
        Problem::new(&written.span, what)
            .help("write offsets into the measured period: \"10s..20s\"")
    };
    let parts = written.value.split_once("..");
    let read = |text: &str| text.trim().parse::<Timespan>().ok();
    let window = parts.and_then(|(start, end)| {
        let start = if start.trim().is_empty() { Duration::ZERO } else { read(start)?.0 };
        Some(Window { start, end: read(end)?.0 })
    });
    match window {
        None => problems.push(refuse(format!("`{}` is not a span of time", written.value))),
        Some(Window { start, end }) if start >= end => {
            problems.push(refuse(format!("`{}` is empty", written.value)));
        }
        Some(_) => {}
    }
    window
}

/// A window, as written.
pub fn window_text(window: Window) -> String {
    format!("{}..{}", Timespan(window.start), Timespan(window.end))
}

/// `N`, `N..`, `..M` or `N..M`, both ends included.
fn attempts(text: &str) -> Option<Attempts> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
    let (first, last) = match text.split_once("..") {
        None => (number(text)?, Some(number(text)?)),
        Some((first, "")) => (number(first)?, None),
        Some(("", last)) => (1, Some(number(last)?)),
        Some((first, last)) => (number(first)?, Some(number(last)?)),
    };
    Some(Attempts { first, last }).filter(|_| last.is_none_or(|last| first <= last))
}

/// A range of attempt numbers, as written.
fn attempts_text(attempts: Attempts) -> String {
    match attempts.last {
        Some(last) if last == attempts.first => last.to_string(),
        Some(last) => format!("{}..{last}", attempts.first),
        None => format!("{}..", attempts.first),
    }
}

fn not_attempts(span: &Range<usize>, text: &str) -> Problem {
    Problem::new(span, format!("`{text}` is no range of attempt numbers"))
        .help("attempts count from 1; write \"1\", \"2..\" or \"..3\"")
}

/// Odds in parts per billion.
fn odds(fault: &Keys, problems: &mut Problems) -> Odds {
    let Some(written) = &fault.odds else { return Odds::ALWAYS };
    let share = written.value.0;
    if !(0.0..=1.0).contains(&share) {
        problems.refuse(
            &written.span,
            format!("odds of {share} are impossible"),
            "from 0 (never) to 1 (always), or \"25%\"",
        );
    }
    Odds((share * f64::from(Odds::ALWAYS.0)).round() as u32)
}

/// Attempts are known from the message that MAIL names; QUIT is about none.
pub(super) fn check_attempts_known(fault: &Keys, stage: Stage, problems: &mut Problems) {
    if !(Stage::MailFrom..Stage::Quit).contains(&stage) {
        let keys =
            [("attempts", place(&fault.attempts)), ("script", Action::place_of_attempts(fault))];
        let help = "attempts are of a message: use a stage from mail-from to end-of-data";
        not_known_yet(keys, stage, help, problems);
    }
}

/// Where the sink has one address for all destinations, one is known from RCPT on, and QUIT is
/// about none.
pub(super) fn check_destination_known(fault: &Keys, stage: Stage, problems: &mut Problems) {
    if !(Stage::RcptTo..Stage::Quit).contains(&stage) {
        let keys = [
            ("destination", place(&fault.destination)),
            ("per", Action::place_of_destination(fault)),
        ];
        let help = "here all destinations share one address of the sink, and one is known by its \
                    recipients: use a stage from rcpt-to to end-of-data, or write `addresses = \
                    \"per-destination\"` in [sink] and route the target to them";
        not_known_yet(keys, stage, help, problems);
    }
}

/// Notes those of `keys` that are there.
fn not_known_yet(
    keys: [(&str, Option<&Range<usize>>); 2],
    stage: Stage,
    help: &str,
    problems: &mut Problems,
) {
    for (key, span) in keys {
        let Some(span) = span else { continue };
        let what = format!("`{key}` is not known before stage {stage}");
        problems.refuse(span, what, help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_attempt_ranges() {
        let range = |first, last| Some(Attempts { first, last });
        assert_eq!(attempts("1"), range(1, Some(1)));
        assert_eq!(attempts("2.."), range(2, None));
        assert_eq!(attempts("..3"), range(1, Some(3)));
        assert_eq!(attempts("2..4"), range(2, Some(4)));
        for text in ["", "0", "..", "4..2", "x", "-1", "1...3", "0..2"] {
            assert_eq!(attempts(text), None, "{text}");
        }
    }
}
