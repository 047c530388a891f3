//! The matrix: an MTA that does one thing to mail at a time, lawful or not, in the clear and under
//! TLS, is judged in exactly the class of that thing, with the exact count, without and with the
//! `[target.changes]` that declares it.
//!
//! `MAILBENCH_MATRIX=WORDS` runs only the cases whose name holds these words.

mod accounting;
mod alterations;
mod case;
mod copies;
mod damage;
mod envelopes;
mod headers;
mod messages;
mod notices;
mod transport;

use std::path::PathBuf;

use case::{Case, Variant};

use crate::second_reading::assert_agrees;
use crate::support::{Ran, side_by_side};

/// Runs at the same time: most of their time is waiting.
const AT_ONCE: usize = 8;

/// Runs all variants of these cases, and fails with a table of those that were judged otherwise.
#[track_caller]
fn judge(cases: &[Case]) {
    let wanted = std::env::var("MAILBENCH_MATRIX").unwrap_or_default();
    let cases = cases.iter().filter(|case| case.name.contains(&wanted));
    let variants = cases.flat_map(Case::variants);
    let mut wrong: Vec<String> =
        side_by_side(variants, AT_ONCE, Variant::check).into_iter().flatten().collect();
    wrong.sort();
    assert!(wrong.is_empty(), "{} judged otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_case_has_a_name_of_its_own_and_there_are_enough() {
    let lawful = [
        headers::lawful(),
        envelopes::lawful(),
        transport::lawful(),
        notices::lawful(),
        accounting::lawful(),
    ];
    let unlawful = [
        alterations::unlawful(),
        damage::unlawful(),
        copies::unlawful(),
        accounting::unlawful(),
        envelopes::unlawful(),
        notices::unlawful(),
    ];
    let (lawful, unlawful) = (lawful.concat(), unlawful.concat());
    assert!(lawful.len() >= 40, "{} lawful", lawful.len());
    assert!(unlawful.len() >= 25, "{} unlawful", unlawful.len());
    assert!(lawful.iter().all(|case| !case.fails()), "a lawful behaviour fails no run");
    assert!(unlawful.iter().all(Case::fails), "an unlawful behaviour fails each run");
    let mut names: Vec<&str> = lawful.iter().chain(&unlawful).map(|case| case.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn lawful_work_on_headers_and_encodings() {
    judge(&headers::lawful());
}

#[test]
fn rewritten_envelopes() {
    judge(&[envelopes::lawful(), envelopes::unlawful()].concat());
}

#[test]
fn lawful_ways_to_transport() {
    judge(&transport::lawful());
}

#[test]
fn notices_of_every_make() {
    judge(&[notices::lawful(), notices::unlawful()].concat());
}

#[test]
fn altered_content() {
    judge(&alterations::unlawful());
}

#[test]
fn copies_of_changed_content() {
    judge(&copies::unlawful());
}

/// What another program makes of the journals (`tests/truth`) is what the reports say, where content
/// was changed and where something came back.
#[test]
fn a_second_reading_finds_the_same() {
    let cases = [
        alterations::unlawful(),
        copies::unlawful(),
        notices::lawful(),
        notices::unlawful(),
        headers::lawful(),
        damage::unlawful(),
    ];
    let cases: Vec<Case> =
        cases.concat().into_iter().filter(|case| READ_AGAIN.contains(&case.name)).collect();
    assert_eq!(cases.len(), READ_AGAIN.len(), "each has such a name");
    let in_the_clear = |variant: &Variant<'_>| !variant.is_secured();
    let variants = cases.iter().flat_map(Case::variants).filter(in_the_clear);
    let runs: Vec<Ran> = side_by_side(variants, AT_ONCE, Variant::ran);
    let folders: Vec<PathBuf> = runs.iter().map(|ran| ran.path.clone()).collect();
    assert_agrees(&folders);
}

/// One of each kind.
const READ_AGAIN: [&str; 14] = [
    "subject tagged",
    "footer added to text",
    "author rewritten",
    "attachment stripped",
    "a copy cut short",
    "a copy as an attachment",
    "delivered as an attachment",
    "the last line cut off",
    "returned by qmail",
    "returned by a notice about the notice",
    "a vacation notice (RFC 3834)",
    "a notice of delay by Exim, then delivery",
    "a notice from the postmaster's own address",
    "bounced without a reason in qmail's form",
];

#[test]
fn damaged_content() {
    judge(&damage::unlawful());
}

#[test]
fn mail_lost_repeated_invented_or_misdirected() {
    judge(&[accounting::lawful(), accounting::unlawful()].concat());
}
