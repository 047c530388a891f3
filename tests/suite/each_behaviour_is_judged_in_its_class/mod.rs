//! The matrix: an MTA that does one thing to mail at a time, lawful or not, in the clear and under
//! TLS, is judged in exactly the class of that thing, with the exact count, without and with the
//! `[target.changes]` that declares it.
//!
//! `MAILBENCH_MATRIX=WORDS` runs only the cases whose name holds these words.

mod accounting;
mod alterations;
mod case;
mod damage;
mod envelopes;
mod headers;
mod messages;
mod notices;
mod transport;

use std::sync::Mutex;

use case::{Case, Variant};

/// Runs at the same time: most of their time is waiting.
const AT_ONCE: usize = 8;

/// Runs all variants of these cases, and fails with a table of those that were judged otherwise.
#[track_caller]
fn judge(cases: &[Case]) {
    let wanted = std::env::var("MAILBENCH_MATRIX").unwrap_or_default();
    let cases = cases.iter().filter(|case| case.name.contains(&wanted));
    let left: Vec<Variant<'_>> = cases.flat_map(Case::variants).collect();
    let (left, wrong) = (Mutex::new(left), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(variant) = left.lock().expect("a list").pop() else { return };
                    let row = variant.check();
                    wrong.lock().expect("a list").extend(row);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("a list");
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
fn damaged_content() {
    judge(&damage::unlawful());
}

#[test]
fn mail_lost_repeated_invented_or_misdirected() {
    judge(&[accounting::lawful(), accounting::unlawful()].concat());
}
