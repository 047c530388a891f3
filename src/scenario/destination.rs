//! `[[destination]]`: domains, their weights, and which domains need no permission.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::sink::{Choice, Extension, SinkSpec, choose, offer_text};
use crate::grammar::at::{At, place, some};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::Count;
use crate::limits;
use crate::probe::BOUNCE_DOMAIN;

/// Domains under which no real mailbox lives (RFC 2606).
const RESERVED: [&str; 6] =
    ["test", "example", "invalid", "example.com", "example.net", "example.org"];

/// `[[destination]]`: a recipient domain.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Destination")]
pub(super) struct Written {
    /// Its domain.
    pub domain: At<String>,
    /// Its share of recipients, relative to the other weights. Default: 1.
    pub weight: Option<At<Count>>,
    /// Exactly what it offers. Default: what the sink does. This and the next two need an address
    /// of the sink for each destination (`sink.addresses`).
    pub extensions: Option<At<Vec<At<Extension>>>>,
    /// What it offers beside what the sink does.
    pub with: Option<At<Vec<At<Extension>>>>,
    /// What of that it does not offer.
    pub without: Option<At<Vec<At<Extension>>>>,
}

/// The domains of destinations, in their order.
pub(super) fn domains(destinations: &[Destination]) -> Vec<&str> {
    destinations.iter().map(|destination| destination.domain.as_str()).collect()
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Destination.domain", schema::domain()),
        ("Destination.weight", json!({ "exclusiveMinimum": 0 })),
    ]
}

/// One `[[destination]]`.
// What it serialises to goes into the tag of a plan, and stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Destination {
    /// Its domain, in lower case.
    pub domain: String,
    /// Its share of recipients, relative to the other weights.
    pub weight: f64,
    /// What it offers; `None`: what the sink does. No part of the plan.
    #[serde(skip)]
    pub extensions: Option<Vec<Extension>>,
}

pub(super) fn resolve(
    written: &[At<Written>],
    sink: &SinkSpec,
    problems: &mut Problems,
) -> Vec<Destination> {
    if written.len() > limits::DESTINATIONS {
        let many = written.len();
        problems.push(Problem::new(&written[0].span, format!("{many} destinations are too many")));
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut read = |one: &At<Written>| {
        let destination = destination(&one.value, sink, problems);
        if !seen.insert(destination.domain.clone()) {
            let what = format!("destination `{}` is defined twice", destination.domain);
            problems.push(Problem::new(&one.value.domain.span, what));
        }
        destination
    };
    written.iter().map(&mut read).collect()
}

/// Notes a scenario without any.
pub(super) fn check_any(destinations: &[Destination], problems: &mut Problems) {
    if destinations.is_empty() {
        problems.refuse(
            &(0..0),
            "the scenario has no destination",
            "add `[[destination]]` with `domain = \"a.test\"`",
        );
    }
}

fn destination(written: &Written, sink: &SinkSpec, problems: &mut Problems) -> Destination {
    let domain = written.domain.value.to_ascii_lowercase();
    let place = &written.domain.span;
    if !is_domain(&domain) {
        problems.refuse(
            place,
            format!("`{domain}` is not a domain"),
            "letters, digits and `-`, in parts joined by dots",
        );
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

fn choice(written: &Written) -> Choice<'_> {
    Choice { exactly: &written.extensions, with: &written.with, without: &written.without }
}

/// Notes destinations that are to offer something of their own where all share an address.
pub(super) fn check_one_offer(written: &[At<Written>], problems: &mut Problems) {
    for one in written {
        let Choice { exactly, with, without } = choice(&one.value);
        for span in [exactly, with, without].into_iter().filter_map(place) {
            let what = "here all destinations share one address of the sink, and one offer";
            let help = "write `addresses = \"per-destination\"` in [sink] and route the target to \
                        them, or choose for all destinations in [sink]";
            problems.refuse(span, what, help);
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

impl From<&Destination> for Written {
    fn from(destination: &Destination) -> Written {
        Written {
            domain: At::from(destination.domain.clone()),
            weight: some(Count(destination.weight)),
            extensions: destination.extensions.as_deref().map(offer_text),
            with: None,
            without: None,
        }
    }
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
