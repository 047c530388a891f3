//! O3, O9, O10: a server whose TLS is not what it seems, to a target that uses TLS where it is
//! offered and asks for no more.

use super::{Heading, server};
use crate::conformance::case::{Asked, Case, Manner, Moment, Strike};
use crate::conformance::judge::server::EHLO_DELAY;
use crate::fault::tls::TlsFault;

const OFFER: [&str; 4] = ["PIPELINING", "8BITMIME", "SIZE", "STARTTLS"];

pub(super) fn cases() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "delivered, under TLS or in the clear; not returned",
        source: "RFC 7435 §3; RFC 3207 §4",
        mandated: false,
    };
    let strikes = [
        (heading("o9-expired", "an expired certificate"), Strike::Certificate(TlsFault::Expired)),
        (
            heading("o9-self-signed", "a self-signed certificate"),
            Strike::Certificate(TlsFault::SelfSigned),
        ),
        (heading("o9-no-handshake", "STARTTLS, then what is no handshake"), Strike::BadHandshake),
        (heading("o9-454", "454 to STARTTLS"), Strike::Refuse("454 4.7.0 TLS not available")),
    ];
    let mut cases: Vec<Case> = strikes
        .into_iter()
        .map(|(heading, strike)| server(&heading, manner(Moment::StartTls, strike, usize::MAX)))
        .collect();
    cases.push(injection());
    cases.extend(required());
    let gone = heading("o10-starttls-vanishes", "STARTTLS is gone at the second try");
    let mut vanishing = manner(Moment::Dot, Strike::Farewell("421 4.3.2 Not now"), 1);
    vanishing.strikes.push((Moment::StartTls, Strike::Refuse("454 4.7.0 TLS not available")));
    cases.push(server(&gone, vanishing));
    cases
}

/// To a target that was told to speak TLS or not at all.
fn required() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "put off: not sent in the clear, not returned at once",
        source: "RFC 3207 §4, §4.1; RFC 8461 §5",
        mandated: false,
    };
    let refusal = Strike::Refuse("454 4.7.0 TLS not available");
    let mut refusing = manner(Moment::StartTls, refusal, usize::MAX);
    let mut silent =
        Manner { offer: Some(vec!["PIPELINING", "8BITMIME", "SIZE"]), ..Manner::default() };
    let mut breaking = manner(Moment::StartTls, Strike::BadHandshake, usize::MAX);
    for manner in [&mut refusing, &mut silent, &mut breaking] {
        (manner.asked, manner.secured) = (Asked::OnlySecured, true);
    }
    vec![
        server(&heading("o9-required-454", "TLS is demanded, 454 to STARTTLS"), refusing),
        server(
            &heading("o9-required-not-offered", "TLS is demanded, STARTTLS is not offered"),
            silent,
        ),
        server(
            &heading("o9-required-no-handshake", "TLS is demanded, STARTTLS leads to no handshake"),
            breaking,
        ),
    ]
}

fn manner(moment: Moment, strike: Strike, tries: usize) -> Manner {
    Manner {
        offer: Some(OFFER.to_vec()),
        strikes: vec![(moment, strike)],
        tries,
        asked: Asked::Delivered,
        ..Manner::default()
    }
}

fn injection() -> Case {
    let heading = Heading {
        id: "o3-reply-injection",
        title: "a reply to EHLO in the same segment as the go-ahead for TLS",
        expected: "dropped: EHLO is said again after the handshake, and its reply awaited",
        source: "RFC 3207 §4.2; CVE-2021-38371",
        mandated: true,
    };
    let fake = "250-far.mailbench.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
    let mut injecting = manner(Moment::StartTls, Strike::Inject(fake), usize::MAX);
    injecting.strikes.push((Moment::Ehlo, Strike::Wait(EHLO_DELAY)));
    injecting.asked = Asked::Anew;
    server(&heading, injecting)
}
