//! A user's own messages and a user's own arrivals: sent as they are, and accounted for.

use std::path::Path;
use std::process::Command;

use mailbench::plan::Plan;
use mailbench::probe::content::Verifier;
use mailbench::scenario;

use crate::support::{Lab, Ran, SMALL};

const PLAIN: &str = "From: a@a.test\nTo: b@b.test\nSubject: one\n\nHello\n.\n..x\n";
const LATIN: &str = "From: a@a.test\nBcc: secret@b.test\nSubject: two\nMIME-Version: 1.0\n\
    Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\ncaf\u{e9}\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

#[test]
fn a_corpus_arrives_byte_for_byte() {
    let lab =
        Lab::new(&SMALL.replace(
            "size = \"2KiB\"",
            "parts = \"corpus\"\ncorpus = \"mail/*.eml\"\nrecipients = 2",
        ));
    write(lab.folder(), "mail/1.eml", PLAIN);
    write(lab.folder(), "mail/2.eml", LATIN);
    let ran = lab.run();
    ran.assert_code(0);
    assert_eq!(ran.count("delivered"), 240);
    assert_eq!(ran.count("corrupted"), 0);
    judges_alone(&ran);
}

#[test]
fn every_file_of_a_corpus_is_used_and_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "mail/1.eml", PLAIN);
    write(folder.path(), "mail/2.eml", LATIN);
    let text = "[load]\nrate = \"50/s\"\nduration = \"1s\"\nwarm_up = \"0s\"\n[message]\n\
        parts = \"corpus\"\ncorpus = \"mail/*.eml\"\n[[destination]]\ndomain = \"a.test\"\n";
    write(folder.path(), "s.toml", text);
    let path = folder.path().join("s.toml");
    let plan = || Plan::new(&scenario::load(&path, &[]).expect("valid").scenario, None);
    let one = plan();
    let texts: Vec<Vec<u8>> = one.offers().map(|offer| one.text(&offer)).collect();
    for (offer, text) in one.offers().zip(&texts) {
        assert_eq!(offer.size, text.len() as u64);
        let mut verifier = Verifier::new();
        verifier.feed(text);
        let check = verifier.finish().ok().expect("as it was sent");
        assert_eq!((check.message, check.changes), (Some(offer.message), vec![]));
        let text = String::from_utf8_lossy(text).into_owned();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.ends_with("Hello\r\n.\r\n..x\r\n") || text.ends_with("caf\u{e9}\r\n"));
    }
    let subject = |text: &&Vec<u8>| String::from_utf8_lossy(text).contains("Subject: one");
    let ones = texts.iter().filter(subject).count();
    assert!(ones > 5 && ones < texts.len() - 5, "{ones} of {}", texts.len());
    let again: Vec<Vec<u8>> = one.offers().map(|offer| plan().text(&offer)).collect();
    assert_eq!(texts, again);
    let tag = one.identity().tag.clone();
    write(folder.path(), "mail/2.eml", PLAIN);
    assert_ne!(plan().identity().tag, tag, "another corpus is another plan");
}

#[test]
fn a_trace_is_offered_as_it_was() {
    let load = SMALL.split("[message]").next().expect("a load");
    let load = load.replace(
        "arrival = \"constant\"\nrate = \"60/s\"",
        "arrival = \"trace\"\ntrace = \"t/mail.csv\"",
    );
    let load = load.replace("warm_up = \"500ms\"\nduration = \"2s\"\n", "");
    let lab = Lab::new(&format!("{load}[[destination]]\ndomain = \"one.test\"\n"));
    let rows: String = (0..100)
        .map(|n| {
            format!(
                "{}.{:02},{},{}\n",
                n / 50,
                n % 50 * 2,
                1000 + 10 * n,
                ["one.test", "two.test one.test"][n % 2]
            )
        })
        .collect();
    write(lab.folder(), "t/mail.csv", &format!("time,size,destinations\n{rows}"));
    let ran = lab.run();
    ran.assert_code(0);
    assert_eq!((ran.count("offered"), ran.count("delivered")), (150, 150));
    let report = ran.report();
    let names: Vec<&str> = report["destinations"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["domain"].as_str())
        .collect();
    assert_eq!(names, ["one.test", "two.test"]);
    judges_alone(&ran);
}

#[test]
fn a_plan_of_a_trace_has_its_times_sizes_and_destinations() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "mail.csv",
        "time,size,destinations\n0,5000,a.test\n1.5,100,b.test a.test\n2,6000,c.test\n",
    );
    write(folder.path(), "s.toml", "[load]\narrival = \"trace\"\ntrace = \"mail.csv\"\n");
    let path = folder.path().join("s.toml");
    let loaded = scenario::load(&path, &[]).expect("valid");
    let plan = Plan::new(&loaded.scenario, None);
    let offers: Vec<_> = plan.offers().collect();
    let dues: Vec<f64> = offers.iter().filter_map(|it| it.due).map(|it| it.as_secs_f64()).collect();
    assert_eq!(dues, [0.0, 1.5, 2.0]);
    let to: Vec<Vec<u16>> =
        offers.iter().map(|it| it.recipients.iter().map(|to| to.0).collect()).collect();
    assert_eq!(to, [vec![0], vec![1, 0], vec![2]]);
    assert_eq!((offers[0].size, offers[2].size), (5000, 6000));
    assert!(offers[1].size > 100, "no message is smaller than its headers");
    let cut = scenario::load(&path, &["load.duration=1s".parse().expect("a pair")]);
    assert_eq!(Plan::new(&cut.expect("valid").scenario, None).offers().count(), 1);
    let real = folder.path().join("mail.csv");
    std::fs::write(real, "time,destinations\n0,gmail.com\n").expect("written");
    let loaded = scenario::load(&path, &[]).expect("valid");
    let error = scenario::check_domains(&loaded, &[]).expect_err("a real domain").to_string();
    assert!(error.contains("gmail.com"), "{error}");
}

/// A stored run is judged without what it was made from.
fn judges_alone(ran: &Ran) {
    let stored = tempfile::tempdir().expect("a folder");
    let stored = stored.path().join("run");
    std::fs::rename(&ran.path, &stored).or_else(|_| copy(&ran.path, &stored)).expect("moved");
    let output = crate::support::mailbench()
        .args(["report", "--format", "json"])
        .arg(&stored)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let kept = std::fs::read_to_string(stored.join("report.json")).expect("a report");
    assert_eq!(String::from_utf8_lossy(&output.stdout), kept, "{said}");
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Lines of Postfix about one message; its seconds, size and recipients.
fn postfix(n: u32, size: u32, recipients: &[String]) -> String {
    let at = format!("Nov 24 21:25:{n:02} mx postfix");
    let tried =
        recipients.iter().map(|to| format!("{at}/smtp[1]: A{n}: to=<{to}>, status=sent (x)\n"));
    format!(
        "{at}/smtpd[9]: A{n}: client=a.test[192.0.2.1]\n\
         {at}/qmgr[9]: A{n}: from=<s@a.test>, size={size}, nrcpt=1 (queue active)\n{}\
         {at}/qmgr[9]: A{n}: removed\n",
        tried.collect::<String>(),
    )
}

/// Runs `mailbench trace` in a folder: its standard output, and what it says beside.
fn trace(folder: &Path, arguments: &[&str], key: &str) -> (String, String) {
    let mut command = crate::support::mailbench();
    command.current_dir(folder).arg("trace").args(arguments).args(["--key-env", "TRACE_KEY"]);
    let output = command.env("TRACE_KEY", key).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).expect("text"), said)
}

#[test]
fn a_mail_log_becomes_a_trace_that_can_be_offered() {
    let lab = Lab::new("");
    let log: String =
        (0..20).map(|n| postfix(n, 3000 + n, &[format!("x@real{}.com", n % 3)])).collect();
    write(lab.folder(), "mail.log", &log);
    let (made, said) = trace(lab.folder(), &["mail.log"], "k");
    assert!(said.starts_with("20 messages to 3 dest"), "{said}");
    assert!(!made.contains("real") && made.lines().count() == 21, "{made}");
    assert_eq!(made, trace(lab.folder(), &["mail.log"], "k").0);
    assert_ne!(made, trace(lab.folder(), &["mail.log"], "other").0);
    write(lab.folder(), "mail.csv", &made);
    write(lab.folder(), "s.toml", "[load]\narrival = \"trace\"\ntrace = \"mail.csv\"\n");
    let loaded = scenario::load(&lab.folder().join("s.toml"), &[]).expect("valid");
    scenario::check_domains(&loaded, &[]).expect("reserved domains only");
    let plan = Plan::new(&loaded.scenario, None);
    let sizes: Vec<u64> = plan.offers().map(|offer| offer.size).collect();
    assert_eq!(sizes, (3000..3020).collect::<Vec<u64>>());
    assert_eq!(loaded.scenario.destinations.len(), 3);
}

#[test]
fn rotated_logs_are_unpacked_and_read_in_order_of_time() {
    let lab = Lab::new("");
    let part = |from: u32| -> String {
        (from..from + 5).map(|n| postfix(n, 3000 + n, &[format!("x@real{}.com", n % 3)])).collect()
    };
    write(lab.folder(), "mail.log", &part(10));
    for (name, text) in [("mail.log.1", part(5)), ("mail.log.2", part(0))] {
        write(lab.folder(), name, &text);
    }
    for (program, name) in [("gzip", "mail.log.2"), ("xz", "mail.log.1")] {
        let packed = Command::new(program).arg(name).current_dir(lab.folder()).status();
        assert!(packed.expect("it runs").success(), "{program}");
    }
    let files = ["mail.log", "mail.log.1.xz", "mail.log.2.gz"];
    let (made, said) = trace(lab.folder(), &files, "k");
    let sizes: Vec<&str> = made.lines().skip(1).filter_map(|row| row.split(',').nth(1)).collect();
    let expected: Vec<String> = (3000..3015).map(|size| size.to_string()).collect();
    assert_eq!(sizes, expected);
    assert!(said.contains("in order of their first line"), "{said}");
}

#[test]
fn what_trace_writes_check_takes_and_what_is_no_mail_log_is_named() {
    let lab = Lab::new("");
    let many: Vec<String> = (0..1500).map(|n| format!("u{n}@d{n}.example")).collect();
    write(lab.folder(), "mail.log", &postfix(0, 1000, &many));
    let (made, said) = trace(lab.folder(), &["mail.log"], "k");
    assert!(said.contains("1 messages have more recipients"), "{said}");
    write(lab.folder(), "mail.csv", &made);
    write(lab.folder(), "s.toml", "[load]\narrival = \"trace\"\ntrace = \"mail.csv\"\n");
    let loaded = scenario::load(&lab.folder().join("s.toml"), &[]).expect("valid");
    assert_eq!(loaded.scenario.destinations.len(), 1500);

    let sendmail = "Nov 24 10:00:00 mx sm-mta[1]: 3A: from=<s@a.test>, size=1, mailer=esmtp\n";
    write(lab.folder(), "sendmail.log", sendmail);
    let mut command = crate::support::mailbench();
    let output = command.current_dir(lab.folder()).args(["trace", "sendmail.log"]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("looks like a log of Sendmail"), "{said}");
    assert!(said.contains("1 of other programs"), "{said}");
}
