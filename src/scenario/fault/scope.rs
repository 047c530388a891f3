//! Where and when a `[[fault]]` holds: destination, stage, time, attempts, odds.

use std::ops::Range;
use std::time::Duration;

use super::Written;
use super::action::natural_stage;
use crate::fault::rule::{Attempts, Odds, Scope, Window};
use crate::probe::DestinationId;
use crate::scenario::at::{At, place};
use crate::scenario::destination::Destination;
use crate::scenario::diagnosis::{Problem, Problems, suggest};
use crate::scenario::units::Timespan;
use crate::smtp::stage::Stage;

pub(super) fn resolve(
    fault: &At<Written>,
    destinations: &[Destination],
    problems: &mut Problems,
) -> Scope {
    let At { value: fault, span } = fault;
    // STARTTLS is withheld where it would be offered, whichever of the two stages was written.
    let written = fault.stage.as_ref().map(|stage| stage.value);
    let tls = fault.tls.as_ref().filter(|_| matches!(written, Some(Stage::Ehlo | Stage::Starttls)));
    let stage = match tls {
        Some(tls) => Some(tls.value.stage()),
        None => written.or_else(|| natural_stage(fault)),
    };
    if stage.is_none() {
        problems.refuse(
            span,
            "the fault has no stage",
            "write at which stage it strikes, such as `stage = \"rcpt-to\"`",
        );
    }
    Scope {
        destination: destination(fault, destinations, problems),
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

fn destination(
    fault: &Written,
    destinations: &[Destination],
    problems: &mut Problems,
) -> Option<DestinationId> {
    let written = fault.destination.as_ref()?;
    let domain = written.value.to_ascii_lowercase();
    let index = destinations.iter().position(|destination| destination.domain == domain);
    if index.is_none() {
        let what = format!("`{}` is not a destination of this scenario", written.value);
        let known = destinations.iter().map(|destination| destination.domain.as_str());
        problems.refuse(&written.span, what, suggest(&domain, known));
    }
    index.and_then(|index| u16::try_from(index).ok()).map(DestinationId)
}

/// `START..END`, offsets into the measured period.
pub(in crate::scenario) fn window(written: &At<String>, problems: &mut Problems) -> Option<Window> {
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
pub(in crate::scenario) fn window_text(window: Window) -> String {
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
pub(super) fn attempts_text(attempts: Attempts) -> String {
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
fn odds(fault: &Written, problems: &mut Problems) -> Odds {
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
pub(super) fn check_attempts_known(fault: &Written, stage: Stage, problems: &mut Problems) {
    if !(Stage::MailFrom..Stage::Quit).contains(&stage) {
        let keys = [("attempts", place(&fault.attempts)), ("script", place(&fault.script))];
        let help = "attempts are of a message: use a stage from mail-from to end-of-data";
        not_known_yet(keys, stage, help, problems);
    }
}

/// Where the sink has one address for all destinations, one is known from RCPT on, and QUIT is
/// about none.
pub(super) fn check_destination_known(fault: &Written, stage: Stage, problems: &mut Problems) {
    if !(Stage::RcptTo..Stage::Quit).contains(&stage) {
        let keys = [
            ("destination", place(&fault.destination)),
            ("per", fault.limit.as_ref().and_then(|limit| place(&limit.value.per))),
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
