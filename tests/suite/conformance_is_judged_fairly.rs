//! What a conformance case says of a target follows from what was heard and seen, and from nothing
//! that was not.

use mailbench::conformance::case::Question;
use mailbench::conformance::client::{Addresses, Heard};
use mailbench::conformance::finding::Verdict;
use mailbench::conformance::judge::{self, Facts};

fn reply(text: &str) -> Heard {
    Heard::Reply(format!("{text}\r\n"))
}

/// What is said where a client heard this and nothing arrived.
fn verdict(question: &Question, heard: &[Heard]) -> Verdict {
    let address = |who: &str| format!("{who}@obedient.test");
    let addresses = Addresses { from: address("from"), to: address("to"), other: address("other") };
    let facts = Facts { heard, addresses: &addresses, arrived: &[], alive: true };
    judge::client(question, &facts).verdict
}

/// A session up to STARTTLS at a server that offers it, and then this.
fn injected(then: &[Heard]) -> Verdict {
    let mut heard = vec![reply("220 here"), reply("250-here\r\n250 STARTTLS")];
    heard.extend_from_slice(then);
    verdict(&Question::Injected, &heard)
}

#[test]
fn who_gives_an_injecting_client_up_is_hardened_and_who_was_not_asked_is_untold() {
    let ready = reply("220 go ahead");
    let under_tls = |then| [ready.clone(), Heard::Secured, then];
    assert_eq!(injected(&under_tls(Heard::Silence)), Verdict::Conforms);
    assert_eq!(injected(&under_tls(reply("250 in.between"))), Verdict::Vulnerable);
    assert_eq!(injected(&under_tls(Heard::Closed)), Verdict::Hardened);
    assert_eq!(injected(&[ready, Heard::NotSecured]), Verdict::Hardened);
    assert_eq!(injected(&[reply("554 synchronization error")]), Verdict::Hardened);
    assert_eq!(injected(&[Heard::Silence]), Verdict::Untold);
    let offers_none = [reply("220 here"), reply("250 here"), reply("502 not here")];
    assert_eq!(verdict(&Question::Injected, &offers_none), Verdict::Untold);
}
