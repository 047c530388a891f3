//! Mail with UTF-8 in addresses and headers (SMTPUTF8) is accounted for like any other; a next hop
//! that does not offer it gets none, and the bounce is no fault of the target's.

use crate::real_mtas::{self, Promise, is_here};
use crate::support::{Lab, Ran, SMALL};

/// A third destination that withholds it.
const MORE: &str = r#"
[[destination]]
domain = "plain.test"
without = ["SMTPUTF8"]
[[fault]]
name = "unknown users"
destination = "two.test"
stage = "rcpt-to"
odds = 0.3
reject = "550 5.1.1 No such user"
"#;

fn utf8(kind: &str, more: &str) -> Lab {
    let message = "size = \"2KiB\"\nencoding = \"utf8\"\nparts = \"alternative\"";
    let scenario = SMALL.replace("size = \"2KiB\"", message);
    Lab::new(&format!("{scenario}{more}")).set("target.kind", kind)
}

/// What became of the measured mail to a destination.
fn of(ran: &Ran, domain: &str, count: &str) -> u64 {
    let report = ran.report();
    let all = report["destinations"].as_array().expect("destinations");
    let one = all.iter().find(|one| one["domain"] == domain).expect("the destination");
    one["counts"][count].as_u64().unwrap_or_else(|| panic!("no {count} in {one}"))
}

fn relays(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let ran = utf8(promise.kind, MORE).run();
    ran.assert_code(0);
    assert_eq!(ran.count("accepted"), 120, "{ran}");
    let plain = of(&ran, "plain.test", "accepted");
    assert!(plain > 10, "{ran}");
    assert_eq!(of(&ran, "plain.test", "bounced"), plain, "no attempt, but a bounce\n{ran}");
    assert_eq!(of(&ran, "one.test", "delivered"), of(&ran, "one.test", "accepted"), "{ran}");
    let (delivered, bounced) = (of(&ran, "two.test", "delivered"), of(&ran, "two.test", "bounced"));
    assert!(delivered > 10 && bounced > 3, "its bounces come back to a sender in UTF-8\n{ran}");
    assert_eq!(delivered + bounced, of(&ran, "two.test", "accepted"), "{ran}");
}

#[test]
fn it_arrives_straight_at_the_sink() {
    let ran = utf8("direct", "").set("smtp.dsn.orcpt", "true").run();
    ran.assert_code(0);
    assert_eq!((ran.count("accepted"), ran.count("delivered")), (120, 120), "{ran}");
    let scenario = std::fs::read_to_string(ran.path.join("scenario.toml")).expect("as resolved");
    assert!(scenario.contains("encoding = \"utf8\""), "{scenario}");
}

#[test]
fn the_relay_relays_it_and_returns_what_cannot_go_on() {
    relays(&real_mtas::RELAY);
}

#[test]
fn postfix_relays_it_and_returns_what_cannot_go_on() {
    relays(&real_mtas::POSTFIX);
}

/// OpenSMTPD does not offer it: that is said before any load.
#[test]
fn a_target_that_does_not_offer_it_is_refused_in_words() {
    if !is_here(&real_mtas::OPENSMTPD) {
        return;
    }
    let ran = utf8("opensmtpd", "").run();
    ran.assert_code(106);
    assert!(ran.stderr.contains("SMTPUTF8"), "{ran}");
}

/// Exim gives such mail an address in ASCII, which is another user's, for a next hop that does not
/// offer it: its content is recognised, and the address is a violation.
#[test]
fn exim_relays_it_and_an_address_that_it_mangles_is_a_violation() {
    if !is_here(&real_mtas::EXIM) {
        return;
    }
    let ran = utf8("exim", MORE).set("load.drain", "5s").run();
    ran.assert_code(97);
    let plain = of(&ran, "plain.test", "accepted");
    let wrong = |name: &str| (of(&ran, "plain.test", name), ran.count(name));
    assert_eq!(wrong("readdressed_violations"), (plain, plain), "{ran}");
    assert_eq!((ran.count("lost"), ran.count("phantom")), (0, 0), "{ran}");
    assert_eq!(of(&ran, "one.test", "delivered"), of(&ran, "one.test", "accepted"), "{ran}");
    assert!(of(&ran, "two.test", "bounced") > 3, "{ran}");
}

#[test]
fn haraka_relays_it_and_returns_what_cannot_go_on() {
    relays(&real_mtas::HARAKA);
}
