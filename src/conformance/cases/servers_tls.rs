//! O3, O9, O10: servers whose TLS is broken, for a target with opportunistic TLS and for one that
//! requires it.

use super::{Heading, server};
use crate::conformance::case::{Case, Misbehaviour, ServerCheck, ServerScript, ServerStage};
use crate::conformance::judge::server::EHLO_DELAY;
use crate::fault::tls::TlsFault;

const EXTENSIONS: [&str; 4] = ["PIPELINING", "8BITMIME", "SIZE", "STARTTLS"];

pub(super) fn cases() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "delivered, with or without TLS; no bounce",
        source: "RFC 7435 §3; RFC 3207 §4",
        mandated: false,
    };
    let broken = [
        (
            heading("o9-expired", "an expired certificate"),
            Misbehaviour::BadCertificate(TlsFault::Expired),
        ),
        (
            heading("o9-self-signed", "a self-signed certificate"),
            Misbehaviour::BadCertificate(TlsFault::SelfSigned),
        ),
        (
            heading("o9-no-handshake", "STARTTLS accepted, then no valid handshake"),
            Misbehaviour::InvalidHandshake,
        ),
        (heading("o9-454", "454 to STARTTLS"), Misbehaviour::Reject("454 4.7.0 TLS not available")),
    ];
    let mut cases: Vec<Case> = broken
        .into_iter()
        .map(|(heading, how)| server(&heading, script(ServerStage::StartTls, how, usize::MAX)))
        .collect();
    cases.push(injection());
    cases.extend(required());
    let vanished = heading("o10-starttls-vanishes", "STARTTLS fails in the second attempt");
    let mut vanishing = script(
        ServerStage::EndOfData,
        Misbehaviour::ReplyAndClose("421 4.3.2 Service not available"),
        1,
    );
    vanishing
        .misbehaviour
        .push((ServerStage::StartTls, Misbehaviour::Reject("454 4.7.0 TLS not available")));
    cases.push(server(&vanished, vanishing));
    cases
}

/// For a target that is configured to require TLS.
fn required() -> Vec<Case> {
    let heading = |id, title| Heading {
        id,
        title,
        expected: "deferred: not sent without TLS, not bounced at once",
        source: "RFC 3207 §4, §4.1; RFC 8461 §5",
        mandated: false,
    };
    let rejection = Misbehaviour::Reject("454 4.7.0 TLS not available");
    let mut rejecting = script(ServerStage::StartTls, rejection, usize::MAX);
    let mut without = ServerScript {
        extensions: Some(vec!["PIPELINING", "8BITMIME", "SIZE"]),
        ..ServerScript::default()
    };
    let mut breaking = script(ServerStage::StartTls, Misbehaviour::InvalidHandshake, usize::MAX);
    for script in [&mut rejecting, &mut without, &mut breaking] {
        (script.check, script.requires_tls) = (ServerCheck::OnlyUnderTls, true);
    }
    vec![
        server(&heading("o9-required-454", "TLS is required, 454 to STARTTLS"), rejecting),
        server(
            &heading("o9-required-not-offered", "TLS is required, STARTTLS is not offered"),
            without,
        ),
        server(
            &heading(
                "o9-required-no-handshake",
                "TLS is required, no valid handshake after STARTTLS",
            ),
            breaking,
        ),
    ]
}

fn script(stage: ServerStage, misbehaviour: Misbehaviour, attempts: usize) -> ServerScript {
    ServerScript {
        extensions: Some(EXTENSIONS.to_vec()),
        misbehaviour: vec![(stage, misbehaviour)],
        attempts,
        check: ServerCheck::Delivered,
        ..ServerScript::default()
    }
}

fn injection() -> Case {
    let heading = Heading {
        id: "o3-reply-injection",
        title: "a reply to EHLO in the same segment as the 220 to STARTTLS",
        expected: "discarded: EHLO is sent after the handshake, and its reply awaited",
        source: "RFC 3207 §4.2; CVE-2021-38371",
        mandated: true,
    };
    let fake = "250-far.mailbench.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
    let mut injecting =
        script(ServerStage::StartTls, Misbehaviour::InjectPlaintext(fake), usize::MAX);
    injecting.misbehaviour.push((ServerStage::Ehlo, Misbehaviour::Delay(EHLO_DELAY)));
    injecting.check = ServerCheck::EhloAfterTls;
    server(&heading, injecting)
}
