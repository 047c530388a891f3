//! Mail whose envelope is rewritten on its way is followed by what is left of its identity: nothing
//! that arrived whole is lost or a phantom, whatever was done to sender and recipient; copies name
//! their recipient; mail of an earlier run is foreign.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::rewriting::{self, Mail};
use crate::second_reading::assert_agrees;
use crate::support::{Lab, Ran, free_address};

/// Messages of a run: a second at this rate.
const MESSAGES: u64 = 60;

fn lab(target: SocketAddr, sink: SocketAddr) -> Lab {
    Lab::small("")
        .set("target.kind", "external")
        .set("target.address", &target.to_string())
        .set("target.queue_command", r#"["echo", "0"]"#)
        .set("sink.listen", &sink.to_string())
        .set("load.warm_up", "0s")
        .set("load.duration", "1s")
}

/// A lab whose target does this to each message.
fn doing(act: impl Fn(usize, Mail) -> Vec<Mail> + Send + Sync + 'static) -> Lab {
    let sink = free_address();
    lab(rewriting::start(sink, Box::new(act), Box::new(|_, _, _| None)), sink)
}

/// Local-part and domain.
fn parts(address: &str) -> (&str, &str) {
    address.rsplit_once('@').expect("an address")
}

fn srs(sender: &str) -> String {
    let (local, domain) = parts(sender);
    format!("SRS0=Ab1x=QT={domain}={local}@forwarder.test")
}

/// What is lawful without a declaration, by turns; the first leaves it as it is.
const LAWFUL: usize = 10;

fn lawfully(number: usize, mut mail: Mail) -> Mail {
    let (local, domain) = parts(&mail.sender);
    let sender = match number % LAWFUL {
        1 => srs(&mail.sender),
        2 => format!("SRS1=Zz9y=first.test==Ab1x=QT={domain}={local}@second.test"),
        3 => format!("prvs=0123456789={}", mail.sender),
        4 => format!("list-bounces+{local}={domain}@list.test"),
        _ => mail.sender.clone(),
    };
    mail.sender = sender;
    for recipient in &mut mail.recipients {
        let (local, domain) = parts(recipient);
        *recipient = match number % LAWFUL {
            5 => format!("mb@{domain}"),
            6 => format!("{}@{domain}", local.replace('+', "-")),
            7 => format!("{}@{domain}", local.to_uppercase()),
            8 => format!("\"{}\"@{domain}", local.replace('+', "\\+")),
            9 => format!("{local}@{}", domain.to_uppercase()),
            _ => recipient.clone(),
        };
    }
    mail
}

/// Asserts the exit code, and that another program reads the journal alike.
#[track_caller]
fn assert_judged(ran: &Ran, code: i32) {
    ran.assert_code(code);
    assert_agrees(std::slice::from_ref(&ran.path));
}

#[track_caller]
fn assert_all_delivered(ran: &Ran, readdressed: u64) {
    assert_judged(ran, 0);
    assert_eq!(ran.count("delivered"), MESSAGES, "{ran}");
    assert_eq!(ran.count("readdressed"), readdressed, "{ran}");
    for wrong in ["lost", "phantom", "misrouted", "corrupted", "copied", "duplicates", "foreign"] {
        assert_eq!(ran.count(wrong), 0, "{wrong}\n{ran}");
    }
    assert_eq!(ran.timed("e2e_response"), MESSAGES, "{ran}");
    assert_eq!(ran.report()["correctness"]["verdict"], "valid", "{ran}");
}

#[test]
fn what_standard_practice_makes_of_an_envelope_is_no_violation() {
    let ran = doing(|number, mail| vec![lawfully(number, mail)]).run();
    // Quoting and the case of a domain change nothing; as much is left as it is.
    assert_all_delivered(&ran, MESSAGES / 10 * 7);
}

/// The same for messages that begin elsewhere in the turn, so that the preflight is rewritten, too.
#[test]
fn the_preflight_is_followed_through_every_form() {
    for form in [1, 3, 4, 5, 6] {
        let ran = doing(move |_, mail| vec![lawfully(form, mail)]).set("load.rate", "20/s").run();
        assert_judged(&ran, 0);
        assert_eq!((ran.count("delivered"), ran.count("readdressed")), (20, 20), "{form}: {ran}");
        assert!(ran.stderr.contains("[target.changes]"), "{ran}");
    }
}

/// Neither sender nor recipient is left: content alone says whose it is.
fn unrecognisably(_: usize, mut mail: Mail) -> Vec<Mail> {
    mail.sender = "owner@list.test".to_owned();
    for recipient in &mut mail.recipients {
        *recipient = format!("everyone@{}", parts(recipient).1);
    }
    vec![mail]
}

#[test]
fn content_alone_is_enough_and_undeclared_it_is_a_violation_of_its_own() {
    let ran = doing(unrecognisably).run();
    assert_judged(&ran, 97);
    assert_eq!((ran.count("lost"), ran.count("phantom"), ran.count("copied")), (0, 0, 0), "{ran}");
    assert_eq!(ran.count("delivered"), MESSAGES, "{ran}");
    assert_eq!(ran.count("readdressed_violations"), MESSAGES, "{ran}");
    let violation = ran.report()["correctness"]["violations"][0].clone();
    assert_eq!(violation["class"], "readdressed");
    let evidence = violation["evidence"].to_string();
    assert!(evidence.contains("owner@list.test") && evidence.contains("everyone@"), "{evidence}");
    assert!(
        ran.stderr.contains("sender = \"any\"") && ran.stderr.contains("recipient = \"alias\"")
    );
}

#[test]
fn declared_it_is_none() {
    let ran = doing(unrecognisably)
        .set("target.changes.sender", "any")
        .set("target.changes.recipient", "alias")
        .run();
    assert_all_delivered(&ran, MESSAGES);
    assert!(!ran.stderr.contains("[target.changes]"), "{ran}");
}

/// Two recipients a message, the subaddress of both taken off: they share one address where they go to
/// the same destination.
#[test]
fn several_recipients_are_identified_by_elimination() {
    let split = |_: usize, mail: Mail| -> Vec<Mail> {
        let one = |recipient: &String| {
            let recipients = vec![format!("mb@{}", parts(recipient).1)];
            Mail { recipients, ..mail.clone() }
        };
        mail.recipients.iter().map(one).collect()
    };
    let ran = doing(split).set("message.recipients", "3").set("load.rate", "20/s").run();
    assert_all_delivered(&ran, MESSAGES);
}

/// An archive gets a copy of everything, before the recipient does.
fn archiving(_: usize, mail: Mail) -> Vec<Mail> {
    let archive = Mail { recipients: vec!["archive@one.test".to_owned()], ..mail.clone() };
    vec![archive, mail]
}

#[test]
fn a_copy_names_its_recipient_and_is_a_violation_unless_declared() {
    let ran = doing(archiving).run();
    assert_judged(&ran, 97);
    let counts = ["delivered", "copied", "copied_violations"].map(|name| ran.count(name));
    assert_eq!(counts, [MESSAGES; 3], "{ran}");
    for none in ["phantom", "duplicates", "readdressed", "lost"] {
        assert_eq!(ran.count(none), 0, "{none}\n{ran}");
    }
    let violation = ran.report()["correctness"]["violations"][0].clone();
    assert_eq!(violation["class"], "copied");
    assert!(violation["evidence"].to_string().contains("<archive@one.test>"), "{violation}");
    assert!(ran.stderr.contains("copies = [\"archive@one.test\"]"), "{ran}");
    let ran = doing(archiving).set("target.changes.copies", r#"["archive@one.test"]"#).run();
    assert_judged(&ran, 0);
    assert_eq!((ran.count("copied"), ran.count("copied_violations")), (MESSAGES, 0), "{ran}");
}

/// An archive is no excuse for a loss: of three messages one reaches the archive only.
#[test]
fn a_loss_is_one_though_an_archive_got_the_message() {
    let losing = |number: usize, mail: Mail| -> Vec<Mail> {
        let both = archiving(number, mail);
        both.into_iter().take(if number % 3 == 2 { 1 } else { 2 }).collect()
    };
    for declared in ["[]", r#"["archive@one.test"]"#] {
        let ran = doing(losing).set("target.changes.copies", declared).run();
        assert_judged(&ran, 97);
        assert_eq!((ran.count("lost"), ran.count("copied")), (MESSAGES / 3, MESSAGES), "{ran}");
    }
}

/// An alias for two: one stands for the recipient, the other is a copy.
#[test]
fn an_alias_for_two_is_one_delivery_and_one_copy() {
    let alias = |_: usize, mail: Mail| -> Vec<Mail> {
        let to = |user: &str| {
            let changed = |to: &String| format!("{user}@{}", parts(to).1);
            Mail { recipients: mail.recipients.iter().map(changed).collect(), ..mail.clone() }
        };
        vec![to("alice"), to("bob")]
    };
    let ran = doing(alias).run();
    assert_judged(&ran, 97);
    let counts = ["delivered", "readdressed", "copied"].map(|name| ran.count(name));
    assert_eq!(counts, [MESSAGES; 3], "{ran}");
    let declared = doing(alias)
        .set("target.changes.recipient", "alias")
        .set("target.changes.copies", r#"["alice@one.test", "alice@two.test"]"#)
        .run();
    declared.assert_code(0);
}

/// A run whose mail is kept for the next one, and that next one.
fn replayed(
    share: &str,
    act: impl Fn(usize, Mail, Vec<Mail>) -> Vec<Mail> + Send + Sync + 'static,
) -> Ran {
    static KEPT: Mutex<Vec<(PathBuf, Vec<Mail>)>> = Mutex::new(Vec::new());
    let key = tempfile::tempdir().expect("a folder").path().to_owned();
    let keep = key.clone();
    let first = doing(move |_, mail| {
        let mut kept = KEPT.lock().expect("kept");
        match kept.iter_mut().find(|(of, _)| *of == keep) {
            Some((_, mails)) => mails.push(mail.clone()),
            None => kept.push((keep.clone(), vec![mail.clone()])),
        }
        vec![mail]
    });
    first.set("message.null_sender", share).run().assert_code(0);
    let earlier = KEPT.lock().expect("kept").iter().find(|(of, _)| *of == key).cloned();
    let (_, earlier) = earlier.expect("mail");
    let second = doing(move |number, mail| {
        // The preflight is this run's own.
        let earlier = earlier.get(number).filter(|_| number > 0).cloned();
        act(number, mail, earlier.into_iter().collect())
    });
    second.set("message.null_sender", share).run()
}

#[test]
fn mail_of_an_earlier_run_hides_no_loss() {
    for share in ["0%", "100%"] {
        let ran = replayed(share, |number, mail, earlier| match number {
            0 => vec![mail],
            _ => earlier,
        });
        assert_judged(&ran, 97);
        assert_eq!(ran.count("lost"), MESSAGES, "null senders {share}\n{ran}");
        assert_eq!((ran.count("foreign"), ran.count("phantom")), (MESSAGES, 0), "{ran}");
        assert_eq!(ran.count("delivered"), 0, "{ran}");
    }
}

#[test]
fn what_was_left_over_is_foreign_and_fails_nothing() {
    for share in ["0%", "100%"] {
        let ran = replayed(share, |_, mail, mut earlier| {
            earlier.push(mail);
            earlier
        });
        assert_judged(&ran, 0);
        assert_eq!(ran.count("delivered"), MESSAGES, "null senders {share}\n{ran}");
        assert_eq!((ran.count("foreign"), ran.count("phantom")), (MESSAGES, 0), "{ran}");
        assert_eq!(ran.count("duplicates"), 0, "{ran}");
        assert!(ran.stdout.contains("earlier run"), "{ran}");
    }
}

/// A queue that is never empty is said before the load.
#[test]
fn a_queue_that_is_not_empty_is_said_before_the_load() {
    let ran = doing(|_, mail| vec![mail])
        .set("target.queue_command", r#"["echo", "5"]"#)
        .set("load.drain", "1s")
        .run();
    assert!(ran.stderr.contains("queue holds 5 messages from before this run"), "{ran}");
}

/// A content of another probe at a probe's address stays misrouted, however the sender reads.
#[test]
fn mail_of_one_probe_at_another_is_misrouted() {
    let swapping = |number: usize, mut mail: Mail| -> Vec<Mail> {
        if number % 30 == 10 {
            let (local, domain) = parts(&mail.recipients[0]);
            let other: u64 = local[3..].parse().expect("a number");
            mail.recipients[0] = format!("mb+{}@{domain}", other + 1);
        }
        mail.sender = srs(&mail.sender);
        vec![mail]
    };
    let ran = doing(swapping).run();
    assert_judged(&ran, 97);
    assert_eq!((ran.count("misrouted"), ran.count("lost")), (2, 0), "{ran}");
    assert_eq!(ran.count("delivered"), MESSAGES - 2, "{ran}");
}
