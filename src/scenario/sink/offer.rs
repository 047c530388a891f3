//! What is offered: `extensions`, or `with` and `without`, of `[sink]` and of each `[[destination]]`.

use std::ops::Range;

use super::{Engine, Extension, SinkSpec};
use crate::fault::rule::{Action, Rule};
use crate::grammar::at::{At, place};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::scenario::destination::Destination;

/// The keys by which what is offered is chosen.
pub(in crate::scenario) struct Choice<'a> {
    pub(in crate::scenario) exactly: &'a Option<At<Vec<At<Extension>>>>,
    pub(in crate::scenario) with: &'a Option<At<Vec<At<Extension>>>>,
    pub(in crate::scenario) without: &'a Option<At<Vec<At<Extension>>>>,
}

/// What is chosen, on top of what is offered `otherwise`; `None`: nothing is.
pub(in crate::scenario) fn choose(
    choice: &Choice<'_>,
    engine: Engine,
    otherwise: &[Extension],
    problems: &mut Problems,
) -> Option<Vec<Extension>> {
    let Choice { exactly, with, without } = choice;
    if let Some(exactly) = exactly {
        for (name, key) in [("with", with), ("without", without)] {
            if let Some(span) = place(key) {
                problems.refuse(
                    span,
                    format!("`{name}` beside `extensions`"),
                    "`extensions` says all that is offered: leave one out",
                );
            }
        }
        check(exactly, engine, problems);
        return Some(exactly.value.iter().map(|one| one.value).collect());
    }
    if with.is_none() && without.is_none() {
        return None;
    }
    let mut chosen = otherwise.to_vec();
    for extension in with.iter().flat_map(|with| &with.value) {
        add(&mut chosen, extension.value);
    }
    for extension in without.iter().flat_map(|without| &without.value) {
        chosen.retain(|one| *one != extension.value);
    }
    // A server that offers SMTPUTF8 must offer 8BITMIME (RFC 6531 §3.1): clients count on it.
    let named = with.iter().flat_map(|with| &with.value).any(|it| it.value == Extension::SmtpUtf8);
    if !chosen.contains(&Extension::EightBitMime) && !named {
        chosen.retain(|one| *one != Extension::SmtpUtf8);
    }
    with.iter().for_each(|with| check(with, engine, problems));
    Some(chosen)
}

pub(super) fn add(extensions: &mut Vec<Extension>, extension: Extension) {
    if !extensions.contains(&extension) {
        extensions.push(extension);
    }
}

fn check(written: &At<Vec<At<Extension>>>, engine: Engine, problems: &mut Problems) {
    for one in written.value.iter().filter(|one| !engine.reads(one.value)) {
        problems.push(samotop(&one.span, one.value.keyword()));
    }
}

pub(super) fn samotop(place: &Range<usize>, what: &str) -> Problem {
    let problem = Problem::new(place, format!("the samotop engine cannot read {what}"));
    problem.help("use `engine = \"native\"`")
}

/// TLS can only break where it is offered: a fault of it brings the offer with it.
pub(in crate::scenario) fn offer_what_breaks(
    rules: &[Rule],
    sink: &mut SinkSpec,
    destinations: &mut [Destination],
) {
    let breaks = |rule: &&Rule| matches!(rule.action, Action::Tls(_));
    for rule in rules.iter().filter(breaks).filter(|_| !sink.implicit_tls) {
        let named = rule.scope.destination.map(|id| usize::from(id.0));
        let common = sink.extensions.clone();
        match named.and_then(|number| destinations.get_mut(number)) {
            Some(one) => add(one.extensions.get_or_insert(common), Extension::StartTls),
            None => {
                add(&mut sink.extensions, Extension::StartTls);
                let own = destinations.iter_mut().filter_map(|one| one.extensions.as_mut());
                own.for_each(|own| add(own, Extension::StartTls));
            }
        }
    }
}

/// Exactly these, as written.
pub(in crate::scenario) fn offer_text(offered: &[Extension]) -> At<Vec<At<Extension>>> {
    At::from(offered.iter().copied().map(At::from).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use crate::scenario::model::Extension::{self, EightBitMime, SmtpUtf8};

    /// Whether these are offered by `[sink]` with this line, and by a destination with it.
    fn offered(line: &str) -> [[bool; 2]; 2] {
        let text = format!(
            "name = \"x\"\n[load]\nrate = \"1/s\"\nduration = \"1s\"\n[sink]\n{line}\n\
             [[destination]]\ndomain = \"a.test\"\n{line}\n"
        );
        let scenario = crate::scenario::parse("x.toml", &text, &[]).expect("a scenario").scenario;
        let own = scenario.destinations[0].extensions.clone().expect("its own");
        let has = |all: &[Extension]| [EightBitMime, SmtpUtf8].map(|one| all.contains(&one));
        [has(&scenario.sink.extensions), has(&own)]
    }

    #[test]
    fn smtputf8_goes_with_8bitmime() {
        for (line, expected) in [
            ("without = [\"SIZE\"]", [true, true]),
            ("without = [\"SMTPUTF8\"]", [true, false]),
            ("without = [\"8BITMIME\"]", [false, false]),
            ("with = [\"SMTPUTF8\"]\nwithout = [\"8BITMIME\"]", [false, true]),
            ("extensions = [\"SMTPUTF8\"]", [false, true]),
        ] {
            assert_eq!(offered(line), [expected; 2], "{line}");
        }
    }
}
