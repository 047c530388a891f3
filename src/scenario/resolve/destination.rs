//! `[[destination]]`: domains, their weights, and which domains need no permission.

use super::place;
use super::sink::{Choice, choose};
use crate::limits;
use crate::probe::BOUNCE_DOMAIN;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Destination, SinkSpec};

/// Domains under which no real mailbox lives (RFC 2606).
const RESERVED: [&str; 6] =
    ["test", "example", "invalid", "example.com", "example.net", "example.org"];

pub(super) fn destinations(
    written: &[At<file::Destination>],
    sink: &SinkSpec,
    problems: &mut Problems,
) -> Vec<Destination> {
    if written.len() > limits::DESTINATIONS {
        let many = written.len();
        problems.push(Problem::new(&written[0].span, format!("{many} destinations are too many")));
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut read = |one: &At<file::Destination>| {
        let destination = destination(&one.value, sink, problems);
        if !seen.insert(destination.domain.clone()) {
            let what = format!("destination `{}` stands twice", destination.domain);
            problems.push(Problem::new(&one.value.domain.span, what));
        }
        destination
    };
    written.iter().map(&mut read).collect()
}

/// Notes a scenario without any.
pub(super) fn check_any(destinations: &[Destination], problems: &mut Problems) {
    if destinations.is_empty() {
        let problem = Problem::new(&(0..0), "the scenario has no destination");
        problems.push(problem.help("add `[[destination]]` with `domain = \"a.test\"`"));
    }
}

fn destination(
    written: &file::Destination,
    sink: &SinkSpec,
    problems: &mut Problems,
) -> Destination {
    let domain = written.domain.value.to_ascii_lowercase();
    let place = &written.domain.span;
    if !is_domain(&domain) {
        let problem = Problem::new(place, format!("`{domain}` is not a domain"));
        problems.push(problem.help("letters, digits and `-`, in parts joined by dots"));
    } else if domain == BOUNCE_DOMAIN {
        problems.push(Problem::new(place, format!("`{domain}` is where bounces return to")));
    }
    let weight = written.weight.as_ref().map_or(1.0, |weight| weight.value.0);
    if let Some(at) = &written.weight
        && !(weight > 0.0 && weight.is_finite())
    {
        problems.push(Problem::new(&at.span, "a weight must be above 0"));
    }
    let choice = choice(written);
    let extensions = choose(&choice, sink.engine, &sink.extensions, problems);
    Destination { domain, weight, extensions }
}

fn choice(written: &file::Destination) -> Choice<'_> {
    Choice { exactly: &written.extensions, with: &written.with, without: &written.without }
}

/// Notes destinations that are to offer something of their own where all share an address.
pub(super) fn check_one_offer(written: &[At<file::Destination>], problems: &mut Problems) {
    for one in written {
        let Choice { exactly, with, without } = choice(&one.value);
        for span in [exactly, with, without].into_iter().filter_map(place) {
            let what = "here all destinations share one address of the sink, and one offer";
            let help = "write `addresses = \"per-destination\"` in [sink] and route the target to \
                        them, or choose for all destinations in [sink]";
            problems.push(Problem::new(span, what).help(help));
        }
    }
}

/// Domain of RFC 5321 §4.1.2 in lower case, at most 255 octets (§4.5.3.1.2), labels at most 63.
pub(super) fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 255 && text.split('.').all(label)
}

/// Whether `domain` is one of `domains` or lies under one.
fn is_under<'a>(domain: &str, domains: impl IntoIterator<Item = &'a str>) -> bool {
    domains.into_iter().any(|parent| {
        let parent = parent.trim_start_matches('.').to_ascii_lowercase();
        domain.strip_suffix(&parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Whether mail for `domain` may be planned: it is reserved, or the user allowed it.
pub(crate) fn is_reserved(domain: &str, allowed: &[String]) -> bool {
    is_under(domain, RESERVED) || is_under(domain, allowed.iter().map(String::as_str))
}

/// The reserved domains, for people.
pub(crate) fn reserved_domains() -> String {
    RESERVED.map(|domain| format!(".{domain}")).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_reserved_by_whole_labels() {
        for domain in ["a.test", "test", "b.example.com", "example.org", "x.invalid"] {
            assert!(is_reserved(domain, &[]), "{domain}");
        }
        for domain in ["atest", "gmail.com", "badexample.com", "example.com.evil", "test.de"] {
            assert!(!is_reserved(domain, &[]), "{domain}");
        }
        assert!(is_reserved("mx.corp.de", &["corp.de".to_owned()]));
        assert!(!is_reserved("mxcorp.de", &["corp.de".to_owned()]));
        assert!(!is_reserved("gmail.com", &[String::new()]));
    }

    #[test]
    fn domains_are_letters_digits_hyphens() {
        for domain in ["a", "a.test", "xn--a-b.test", "1.2"] {
            assert!(is_domain(domain), "{domain}");
        }
        for domain in ["", ".", "a..b", "-a.b", "a-.b", "a b", "ä.test", "a@b", "a\r\nb"] {
            assert!(!is_domain(domain), "{domain}");
        }
    }
}
