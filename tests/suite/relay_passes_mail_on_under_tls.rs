//! The embedded relay's deliveries: under TLS where it is to be had, and what becomes of mail where
//! it breaks, as the scenario wants it.

use std::time::Duration;

use mailbench::scenario::model::OnwardTls;

use crate::relay_actors::{Client, settings, start};
use crate::secured::{Certificate, Talk};
use crate::support::{Lab, Ran};

const OFFER: (&str, &str) = ("EHLO", "250-hop.test\r\n250 STARTTLS\r\n");
const GREETING: (&str, &str) = ("", "220 hop.test\r\n");

/// One mail after EHLO.
const TAKEN: [(&str, &str); 4] = [
    ("MAIL", "250 ok\r\n"),
    ("RCPT", "250 ok\r\n"),
    ("DATA", "354 go on\r\n"),
    ("content", "250 ok\r\n"),
];

/// What a hop hears that talks so to as many connections, when a mail is handed to the relay.
async fn conversation(tls: OnwardTls, clear: Talk, secured: Talk, connections: usize) -> String {
    let served = Certificate::new().serve(clear, secured, connections).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), served.address);
    settings.delivery.tls = tls;
    let (relay, _running) = start(&settings);
    let mut client = Client::connect(relay).await.expect("a session");
    let reply = client.send("<me@x.test>", &["a@y.test"], "Subject: t\r\n\r\nx").await;
    assert!(reply.expect("a reply").starts_with("250"));
    let ended = tokio::time::timeout(Duration::from_secs(20), served.ended).await;
    ended.expect("in time").expect("the hop received what it was due").received
}

#[tokio::test]
async fn mail_goes_under_tls_where_it_is_offered() {
    let clear = vec![GREETING, OFFER, ("STARTTLS", "220 go\r\n")];
    let secured = [&[("EHLO", "250 hop.test\r\n")][..], &TAKEN].concat();
    for tls in [OnwardTls::May, OnwardTls::Encrypt] {
        let conversation = conversation(tls, clear.clone(), secured.clone(), 1).await;
        let asked = conversation.find("STARTTLS").expect("asked for");
        assert!(asked < conversation.find("MAIL FROM").expect("mail came"), "{conversation}");
    }
}

#[tokio::test]
async fn mail_goes_in_the_clear_where_tls_is_refused_or_not_wanted() {
    let refusing = [&[GREETING, OFFER, ("STARTTLS", "454 not now\r\n")][..], &TAKEN].concat();
    assert!(conversation(OnwardTls::May, refusing, Vec::new(), 1).await.contains("MAIL FROM"));
    let unasked = [&[GREETING, OFFER][..], &TAKEN].concat();
    assert!(!conversation(OnwardTls::None, unasked, Vec::new(), 1).await.contains("STARTTLS"));
}

#[tokio::test]
async fn mail_that_must_be_encrypted_waits_where_tls_is_refused() {
    let refusing = vec![GREETING, OFFER, ("STARTTLS", "454 not now\r\n")];
    let conversation = conversation(OnwardTls::Encrypt, refusing, Vec::new(), 3).await;
    assert_eq!(conversation.matches("STARTTLS").count(), 3);
    assert!(!conversation.contains("MAIL"), "{conversation}");
}

/// Each mail costs its first connection, so that none lives on from before the fault.
const SHORT_LIVED: &str = "\n[[fault]]\nname = \"bye\"\ndestination = \"one.test\"\n\
    stage = \"end-of-data\"\nattempts = \"1\"\ndefer = \"421 4.3.2 bye\"\n";

/// A run in which something befalls TLS at one of two destinations.
fn ran(fault: &str, tls: &str) -> Ran {
    let before =
        "[sink]\ntls = \"starttls\"\n[[fault]]\nname = \"tls\"\ndestination = \"one.test\"\n";
    let lab = Lab::small(&format!("{before}{fault}{SHORT_LIVED}"));
    lab.set("target.delivery.tls", tls).set("load.drain", "5s").run()
}

fn struck(ran: &Ran) -> u64 {
    ran.report()["faults"][0]["struck"].as_u64().expect("a count")
}

#[test]
fn all_mail_arrives_whatever_becomes_of_tls() {
    for fault in [
        "stage = \"starttls\"\ntls = \"expired\"",
        "stage = \"starttls\"\ntls = \"self-signed\"",
        "stage = \"ehlo\"\ntls = \"not-offered\"",
        "stage = \"starttls\"\ndefer = \"454 4.7.0 not now\"",
        "stage = \"starttls\"\ndisconnect = \"rst\"",
    ] {
        let ran = ran(fault, "may");
        ran.assert_code(0);
        assert_eq!((ran.count("accepted"), ran.count("delivered")), (120, 120), "{fault}\n{ran}");
        assert!(struck(&ran) > 0, "{fault}\n{ran}");
    }
}

#[test]
fn tls_that_is_not_wanted_is_not_asked_for() {
    let ran = ran("stage = \"starttls\"\ndisconnect = \"rst\"", "none");
    ran.assert_code(0);
    assert_eq!((ran.count("delivered"), struck(&ran)), (120, 0), "{ran}");
}

#[test]
fn mail_that_finds_no_tls_and_must_is_pending_and_not_lost() {
    for fault in [
        "stage = \"ehlo\"\ntls = \"not-offered\"",
        "stage = \"starttls\"\ntls = \"handshake-stall\"",
        "stage = \"starttls\"\ndisconnect = \"rst\"",
    ] {
        let ran = ran(fault, "encrypt");
        let one = &ran.report()["destinations"][0];
        assert_eq!(
            (&one["domain"], &one["counts"]["delivered"]),
            (&"one.test".into(), &0.into()),
            "{ran}"
        );
        assert_eq!(ran.count("lost"), 0, "{fault}\n{ran}");
        assert!(ran.count("pending") > 0, "{fault}\n{ran}");
    }
}
