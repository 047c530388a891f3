//! Mail from the null reverse-path is accounted for: it is delivered like any other, and where it is
//! refused it may be dropped (RFC 5321 §6.1), which is no loss and keeps no run waiting.

use crate::an_external_target_is_handled_by_its_commands::Own;
use crate::real_mtas::{self, Promise, is_here};
use crate::support::{Lab, SMALL};

const STRICT: &str = r#"
[[fault]]
name = "unknown users"
destination = "two.test"
stage = "rcpt-to"
odds = 0.4
reject = "550 5.1.1 No such user"
"#;

fn null_sender(kind: &str, share: &str, more: &str) -> Lab {
    let message = format!("size = \"2KiB\"\nnull_sender = \"{share}\"");
    let scenario = SMALL.replace("size = \"2KiB\"", &message);
    Lab::new(&format!("{scenario}{more}")).set("target.kind", kind)
}

fn drops_what_is_refused(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let ran = null_sender(promise.kind, "50%", STRICT).run();
    ran.assert_code(0);
    let (dropped, bounced) = (ran.count("null_sender_discarded"), ran.count("bounced"));
    assert!(dropped > 3 && bounced > 3, "{ran}");
    assert_eq!(ran.count("delivered") + dropped + bounced, ran.count("accepted"), "{ran}");
    assert_eq!(ran.count("accepted"), 120, "{ran}");
    let report = ran.report();
    assert_eq!(report["queue"]["proved_empty"], true, "{ran}");
    assert_eq!(report["queue"]["backlog_end"], 0, "{ran}");
    let drained = report["queue"]["drain_time_s"].as_f64().expect("it drained");
    assert!(drained < 10.0, "{drained}");
    assert_eq!(report["latency"]["e2e_response"]["censored"], 0, "a drop is no late arrival");
}

#[test]
fn the_relay_drops_what_is_refused() {
    drops_what_is_refused(&real_mtas::RELAY);
}

#[test]
fn postfix_drops_what_is_refused() {
    drops_what_is_refused(&real_mtas::POSTFIX);
}

#[test]
fn it_is_delivered_and_greylisted_like_any_other() {
    let greylist = "[[fault]]\nname = \"greylist\"\nstage = \"rcpt-to\"\nattempts = \"1\"\n\
        defer = \"451 4.7.1 later\"\n";
    let ran = null_sender("relay", "100%", greylist).run();
    ran.assert_code(0);
    assert_eq!((ran.count("accepted"), ran.count("delivered")), (120, 120), "{ran}");
    assert!(ran.report()["faults"][0]["struck"].as_u64() >= Some(120), "{ran}");
}

/// It cannot be asked for its queue, and waits for longer than the sink must be quiet to be taken
/// as done with: what it still has to deliver is waited for all the same.
#[test]
fn a_target_that_cannot_be_asked_is_given_the_time_it_needs() {
    let own = Own::new();
    let settings = tempfile::NamedTempFile::new().expect("a file");
    let retry = "[retry]\nschedule = \"fixed\"\nfirst = \"5s\"\njitter = 0.0\n";
    std::fs::write(settings.path(), retry).expect("written");
    let mut words = own.words();
    words.extend(["--settings".to_owned(), settings.path().display().to_string()]);
    let greylist =
        "[[fault]]\nstage = \"rcpt-to\"\nattempts = \"1\"\ndefer = \"451 4.7.1 later\"\n";
    let ran = null_sender("external", "50%", greylist)
        .set("target.address", &own.address)
        .set("target.start_command", &format!("{words:?}"))
        .set("sink.listen", &own.sink)
        .set("load.warm_up", "0s")
        .set("load.duration", "1s")
        .run();
    assert_eq!((ran.count("accepted"), ran.count("delivered")), (60, 60), "{ran}");
}
