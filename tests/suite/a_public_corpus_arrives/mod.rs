//! 2,500 messages as they lie in public archives and mailboxes, every oddity of their header
//! sections and bodies by name, pass through every kind of target: what MTAs do to such mail is
//! permitted, and nothing of it is taken for damage.
//!
//! The corpus is made here, the same each time (`corpus`).

mod corpus;

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, RELAY, is_here};
use crate::support::{Lab, Ran};

const SCENARIO: &str = r#"
name = "public"
seed = 5
[target.retry]
give_up_after = "10m"
[load]
warm_up = "0s"
arrival = "constant"
rate = "200/s"
messages = 2500
drain = "60s"
sessions = 20
[message]
parts = "corpus"
corpus = "mail/*"
[[destination]]
domain = "one.test"
[[destination]]
domain = "two.test"
"#;

/// `changes`: what this kind of target does to some of this mail, by the names of reports.
fn arrives(promise: &Promise, changes: &[&str]) {
    arrives_as(promise, SCENARIO, changes);
}

fn arrives_as(promise: &Promise, scenario: &str, changes: &[&str]) {
    if !is_here(promise) {
        return;
    }
    let lab = Lab::new(scenario).set("target.kind", promise.kind);
    corpus::write(lab.folder());
    assert_unharmed(&lab.run(), promise.kind, changes);
}

/// Delivered, all of it, with permitted changes at most.
fn assert_unharmed(ran: &Ran, kind: &str, expected: &[&str]) {
    let report = ran.report();
    let changes = report["correctness"]["changes"].as_array().cloned().unwrap_or_default();
    let harmful = changes.iter().filter(|it| it["level"] != "permitted");
    let harmful: Vec<String> = harmful.map(ToString::to_string).collect();
    assert!(harmful.is_empty(), "{kind}: {}", harmful.join("\n"));
    let seen = |change: &&str| changes.iter().any(|it| it["kind"] == **change);
    let unseen: Vec<&&str> = expected.iter().filter(|change| !seen(change)).collect();
    assert!(unseen.is_empty(), "{kind}: {unseen:?} were to be seen among {changes:?}");
    for class in ["corrupted", "altered", "lost", "phantom", "refused", "bounced"] {
        assert_eq!(ran.count(class), 0, "{kind}: {class}\n{ran}");
    }
    assert_eq!(ran.count("delivered"), 2500, "{kind}\n{ran}");
    ran.assert_code(0);
}

#[test]
fn straight_to_the_sink() {
    arrives(&Promise { kind: "direct", ..RELAY }, &[]);
}

#[test]
fn through_the_embedded_relay() {
    arrives(&RELAY, &[]);
}

#[test]
fn through_postfix() {
    arrives(&POSTFIX, &["completed", "header-form", "address-completed", "header-dropped"]);
}

/// Half of it to a next hop without 8BITMIME, for which 8-bit parts are encoded anew (RFC 6152 §3).
#[test]
fn through_postfix_to_where_only_seven_bits_are_taken() {
    let two = "domain = \"two.test\"\n";
    let scenario =
        SCENARIO.replace(two, &[two, "without = [\"8BITMIME\", \"SMTPUTF8\"]\n"].concat());
    arrives_as(&POSTFIX, &scenario, &["reencoded", "mime-headers"]);
}

#[test]
fn through_exim() {
    arrives(&EXIM, &["header-dropped"]);
}

#[test]
fn through_opensmtpd() {
    arrives(&OPENSMTPD, &["completed", "address-completed"]);
}

#[test]
fn through_haraka() {
    arrives(&HARAKA, &["completed", "header-added", "header-dropped"]);
}
