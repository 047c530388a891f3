//! MTAs that mailbench does not know, as external targets by their recipe pages: mail, bounces, an
//! outage of one destination, SIGKILL and SIGSTOP end in the right verdict, and nothing of them is
//! left behind, stopped or running.
//!
//! One that is not on this machine is passed over with a line that says so, unless
//! `MAILBENCH_REQUIRE_CLIENTS=1`.

use crate::recipes::{CHASQUID, COURIER, EXIM, POSTFIX, Recipe, SENDMAIL};
use crate::support::{Lab, Ran};

/// One destination greylists, the other one has unknown users and, as the page says, is down.
const FAULTS: &str = r#"
[[fault]]
name = "greylist"
destination = "one.test"
stage = "rcpt-to"
attempts = "1"
defer = "451 4.7.1 Greylisted"
[[fault]]
name = "unknown users"
destination = "two.test"
stage = "rcpt-to"
odds = 0.3
reject = "550 5.1.1 No such user"
"#;

const KILL: &str = "[[chaos]]\nat = \"1s\"\nkill = { restart_after = \"500ms\" }\n";
const PAUSE: &str = "[[chaos]]\nat = \"1s\"\npause = \"1200ms\"\n";

/// As short as the promises allow.
fn short(lab: Lab) -> Lab {
    lab.set("load.warm_up", "500ms").set("load.duration", "4s").set("message.size", "2KiB")
}

fn without_outage(lab: Lab) -> Lab {
    // Beyond the load.
    short(lab).set("fault.outage.during", "1h..2h")
}

/// Every accepted recipient ended as delivered or bounced, and that is proved.
#[track_caller]
fn assert_accounted(ran: &Ran) {
    ran.assert_code(0);
    assert_eq!(ran.report()["queue"]["proved_empty"], true, "{ran}");
    let ended = ["delivered", "unconfirmed", "bounced"].map(|class| ran.count(class));
    assert_eq!(ran.count("accepted"), ended.iter().sum::<u64>(), "{ran}");
    assert!(ran.count("accepted") > 0, "{ran}");
}

/// A first look finds nothing wrong; without a route for bounces it says so.
fn doctor(recipe: Recipe, table: &str) {
    let Some(followed) = recipe.follow("") else { return };
    let (code, said) = followed.doctor(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("one.test  arrived after"), "{said}");
    followed.edit(table, |text| {
        let lines = text.lines().filter(|line| !line.starts_with("bounce.mailbench.test"));
        lines.map(|line| format!("{line}\n")).collect()
    });
    let (code, said) = followed.doctor(&["--wait", "6s"]);
    assert_eq!(code, 106, "{said}");
    assert!(said.contains("route bounce.mailbench.test to 127.0.0.1:"), "{said}");
}

/// Deferrals, rejections and an outage of one destination in one run.
fn faults(recipe: Recipe) {
    let Some(followed) = recipe.follow(FAULTS) else { return };
    let ran = followed.run(|lab| short(lab).set("fault.outage.during", "1s..3s"));
    assert_accounted(&ran);
    let struck = |fault: usize| ran.report()["faults"][fault]["struck"].as_u64().unwrap_or(0);
    assert!((0..3).all(|fault| struck(fault) > 0), "{ran}");
    assert!(ran.count("bounced") > 0, "{ran}");
    assert_eq!(ran.count("bounced"), rejected(&ran), "every rejection came back\n{ran}");
}

/// Probes of the measured period that were rejected.
fn rejected(ran: &Ran) -> u64 {
    let places = ran.report()["destinations"].as_array().cloned().unwrap_or_default();
    let count = |place: &serde_json::Value, name: &str| place["counts"][name].as_u64().unwrap_or(0);
    places
        .iter()
        .map(|place| {
            count(place, "accepted") - count(place, "delivered") - count(place, "unconfirmed")
        })
        .sum()
}

fn chaos(recipe: Recipe, act: &str, what: &str) {
    chaos_allowing(recipe, (act, what), &[]);
}

fn chaos_allowing(recipe: Recipe, (act, what): (&str, &str), allowed: &[&str]) {
    let Some(followed) = recipe.follow(act) else { return };
    // On a busy machine an MTA takes seconds to start.
    let ran = followed.run(|lab| {
        let lab = without_outage(lab).set("load.duration", "8s");
        allowed.iter().fold(lab, |lab, class| lab.arg("--allow").arg(class))
    });
    assert_accounted(&ran);
    let struck = &ran.report()["chaos"][0];
    assert_eq!(struck["what"], what, "{ran}");
    assert!(struck["first_delivery_s"].as_f64().is_some(), "mail flowed again\n{ran}");
    if what == "kill" {
        assert!(ran.count("not_sent") > 0, "it was away for 500 ms\n{ran}");
    }
}

#[test]
fn sendmail_passes_a_first_look() {
    doctor(SENDMAIL, "mailertable");
}

#[test]
fn sendmail_keeps_mail_through_faults_and_an_outage() {
    faults(SENDMAIL);
}

/// Sendmail removes the content of a message before its envelope: killed between the two, it sends a
/// further copy whose content is `<<< No Message Collected >>>`.
#[test]
fn sendmail_keeps_mail_when_killed() {
    chaos_allowing(SENDMAIL, (KILL, "kill"), &["altered"]);
}

#[test]
fn sendmail_keeps_mail_when_paused() {
    chaos(SENDMAIL, PAUSE, "pause");
}

#[test]
fn courier_passes_a_first_look() {
    doctor(COURIER, "esmtproutes");
}

#[test]
fn courier_keeps_mail_through_faults_and_an_outage() {
    faults(COURIER);
}

#[test]
fn courier_keeps_mail_when_killed() {
    chaos(COURIER, KILL, "kill");
}

#[test]
fn courier_keeps_mail_when_paused() {
    chaos(COURIER, PAUSE, "pause");
}

#[test]
fn chasquid_passes_a_first_look() {
    let Some(followed) = CHASQUID.follow("") else { return };
    let (code, said) = followed.doctor(&[]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn chasquid_keeps_mail_through_faults_and_an_outage() {
    faults(CHASQUID);
}

#[test]
fn chasquid_keeps_mail_when_killed() {
    chaos(CHASQUID, KILL, "kill");
}

#[test]
fn chasquid_keeps_mail_when_paused() {
    chaos(CHASQUID, PAUSE, "pause");
}

#[test]
fn postfix_with_settings_of_ones_own_passes_a_first_look() {
    doctor(POSTFIX, "transport");
}

#[test]
fn exim_with_settings_of_ones_own_keeps_mail_through_faults_and_an_outage() {
    faults(EXIM);
}
