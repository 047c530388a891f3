//! `mailbench doctor target` sends one message to each destination and one that must bounce, and
//! says of each what is wrong, in which key of `[target.changes]` a change is declared, and with which
//! exit code.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::rewriting::{self, Mail};
use crate::support::{Lab, free_address, mailbench};

/// What a first look came to.
struct Look {
    code: i32,
    said: Value,
    text: String,
}

type Act = fn(usize, Mail) -> Vec<Mail>;
type Return = fn(usize, &Mail, &str) -> Option<Mail>;

/// The embedded relay's small scenario against an MTA that does this to mail, and returns what was
/// rejected so.
fn look(act: Act, give_back: Return, queue: Option<&str>) -> Look {
    let sink = free_address();
    let target = rewriting::start(sink, Box::new(act), Box::new(give_back));
    let lab = Lab::small("");
    let script = lab.folder().join("empty");
    std::fs::write(&script, "#!/bin/sh\necho 0\n").expect("written");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("executable");
    let mut set = vec![
        "target.kind=external".to_owned(),
        format!("target.address={target}"),
        format!("sink.listen={sink}"),
    ];
    set.extend(queue.map(|command| format!("target.queue_command=[{command:?}]")));
    let mut command = mailbench();
    command.args(["doctor", "target", "scenario.toml", "--format", "json", "--wait", "3s"]);
    for change in &set {
        command.args(["--set", change]);
    }
    let ended = lab.prepare(command).output().expect("mailbench runs");
    let text = String::from_utf8_lossy(&[ended.stdout.clone(), ended.stderr].concat()).into_owned();
    let said = serde_json::from_slice(&ended.stdout).unwrap_or_default();
    Look { code: ended.status.code().unwrap_or(-1), said, text }
}

impl Look {
    #[track_caller]
    fn assert(&self, code: i32, reasons: &[&str]) {
        assert_eq!(self.code, code, "{}", self.text);
        let found = self.said["verdict"]["reasons"].as_array().cloned().unwrap_or_default();
        assert_eq!(found.len(), reasons.len(), "{}", self.text);
        for (found, wanted) in found.iter().zip(reasons) {
            let found = found.as_str().unwrap_or_default();
            assert!(found.contains(wanted), "{wanted:?}: {}", self.text);
        }
    }

    /// What became of the message to each destination, and of the bounce.
    fn outcomes(&self) -> Vec<String> {
        let destinations = self.said["destinations"].as_array().cloned().unwrap_or_default();
        let all = destinations.iter().chain([&self.said["bounce"]]);
        all.map(|one| one["outcome"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn declared(&self) -> Vec<String> {
        let all = self.said["declare"].as_array().cloned().unwrap_or_default();
        let line = |one: &Value| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            format!("{} = {}", text("key"), text("value"))
        };
        all.iter().map(line).collect()
    }
}

/// A program that prints the length of an empty queue.
const EMPTY: Option<&str> = Some("./empty");

fn unchanged(_number: usize, mail: Mail) -> Vec<Mail> {
    vec![mail]
}

/// A delivery status notification (RFC 3464).
fn dsn(_number: usize, mail: &Mail, reply: &str) -> Option<Mail> {
    let (sender, recipient) = (&mail.sender, &mail.recipients[0]);
    let text = format!(
        "From: <postmaster@rewriting.test>\r\nTo: <{sender}>\r\nSubject: failed\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n\
         Sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; rewriting.test\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n\
         Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; {reply}\r\n\r\n--b--\r\n"
    );
    Some(Mail { sender: String::new(), recipients: vec![sender.clone()], text })
}

fn no_dsn(_number: usize, _mail: &Mail, _reply: &str) -> Option<Mail> {
    None
}

#[test]
fn a_target_that_is_ready_for_a_run_passes() {
    let look = look(unchanged, dsn, EMPTY);
    look.assert(0, &[]);
    assert_eq!(look.outcomes(), ["arrived", "arrived", "arrived"]);
    assert!(look.declared().is_empty(), "{}", look.text);
}

#[test]
fn mail_that_does_not_arrive_names_its_route() {
    let lose = |number: usize, mail: Mail| if number == 1 { Vec::new() } else { vec![mail] };
    let look = look(lose, dsn, EMPTY);
    look.assert(106, &["two.test: accepted, and did not arrive: route two.test to 127."]);
    assert_eq!(look.outcomes(), ["arrived", "not-arrived", "arrived"]);
}

#[test]
fn a_bounce_that_does_not_arrive_names_its_domain() {
    let look = look(unchanged, no_dsn, EMPTY);
    look.assert(106, &["route bounce.mailbench.test to 127."]);
    assert_eq!(look.outcomes(), ["arrived", "arrived", "not-arrived"]);
}

#[test]
fn damaged_content_fails() {
    let cut = |_: usize, mut mail: Mail| {
        mail.text.truncate(mail.text.len() - 200);
        mail.text += "\r\n";
        vec![mail]
    };
    let look = look(cut, dsn, EMPTY);
    let damaged = "content was damaged on its way";
    look.assert(97, &[damaged, damaged]);
    assert_eq!(look.outcomes(), ["damaged", "damaged", "arrived"]);
}

#[test]
fn changes_of_the_envelope_name_their_keys() {
    let alias = |number: usize, mut mail: Mail| {
        if number < 2 {
            let (_, domain) = mail.recipients[0].rsplit_once('@').expect("an address");
            mail.recipients = vec![format!("sales@{domain}")];
        }
        vec![mail]
    };
    assert_eq!(look(alias, dsn, EMPTY).declared(), ["recipient = \"alias\""]);
    let copy = |number: usize, mail: Mail| {
        let recipients = vec!["archive@one.test".to_owned()];
        let copy = Mail { recipients, ..mail.clone() };
        if number == 0 { vec![mail, copy] } else { vec![mail] }
    };
    let copied = look(copy, dsn, EMPTY);
    assert_eq!(copied.declared(), ["copies = [\"archive@one.test\"]"], "{}", copied.text);
    assert_eq!(copied.code, 97, "{}", copied.text);
}

#[test]
fn changes_of_content_name_their_keys() {
    let tag = |_: usize, mut mail: Mail| {
        mail.text = mail.text.replacen("Subject: ", "Subject: [list] ", 1);
        vec![mail]
    };
    let tagged = look(tag, dsn, EMPTY);
    assert_eq!(tagged.declared(), ["subject = true"], "{}", tagged.text);
    assert_eq!(tagged.outcomes(), ["changed", "changed", "arrived"]);
    assert_eq!(tagged.code, 97, "{}", tagged.text);
    let footer = |_: usize, mut mail: Mail| {
        mail.text += "-- \r\nThis mail is confidential.\r\n";
        vec![mail]
    };
    let added = look(footer, dsn, EMPTY);
    assert_eq!(added.declared(), ["footer = true"], "{}", added.text);
    // What the standards permit is said, and is no failure.
    let traced = |_: usize, mut mail: Mail| {
        mail.text = mail.text.replacen("Subject: ", "X-Scanned: yes\r\nSubject: ", 1);
        vec![mail]
    };
    let permitted = look(traced, dsn, EMPTY);
    permitted.assert(0, &[]);
    assert_eq!(permitted.said["changes"][0]["kind"], "header-added", "{}", permitted.text);
}

#[test]
fn a_queue_that_is_not_known_proves_nothing() {
    let unknown = look(unchanged, dsn, None);
    unknown.assert(96, &["name `target.queue_command`"]);
    let broken = look(unchanged, dsn, Some("./no-such-program"));
    broken.assert(96, &["the queue cannot be read: the queue command `./no-such-program` failed"]);
}

#[test]
fn what_a_machine_lacks_comes_with_a_way_to_get_it() {
    let ended = mailbench().args(["doctor", "--format", "json"]).output().expect("mailbench runs");
    assert_eq!(ended.status.code(), Some(0));
    let needs: Vec<Value> = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert!(needs.iter().any(|need| need["needs"] == "postfix"));
    for need in needs {
        let remedy = need["remedy"].as_str().unwrap_or_default();
        assert_eq!(need["ok"].as_bool(), Some(remedy.is_empty()), "{need}");
    }
}
