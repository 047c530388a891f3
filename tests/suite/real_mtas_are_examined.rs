//! Real MTAs pass the cases of the conformance examination that only they can be told of: to demand
//! TLS, whom not to trust, a second host, and to offer STARTTLS. One of them does not survive a case,
//! which is a finding.

use std::fs::read_dir;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, is_here};
use crate::support::mailbench as program;

/// Cases that the embedded relay cannot be told of.
const ASKED: [&str; 4] =
    ["i21-open-relay", "o9-required-454", "o9-required-not-offered", "o15-first-host-down"];

/// Played where STARTTLS is offered.
const OFFERED: &str = "i3-starttls-injection";

/// Verdict and observation of each of these cases.
fn examine(promise: &Promise, cases: &[&str]) -> Vec<(String, String, String)> {
    examine_with(&mut program(), promise, cases)
}

fn examine_with(
    command: &mut Command,
    promise: &Promise,
    cases: &[&str],
) -> Vec<(String, String, String)> {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/conformance.toml");
    let kind = format!("target.kind={}", promise.kind);
    command.args(["conformance", scenario, "--set", &kind, "--format", "json"]);
    for case in cases {
        command.args(["--case", case]);
    }
    let output = command.output().expect("mailbench runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let examination: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let rows = examination["rows"].as_array().expect("rows").iter();
    rows.map(|row| (text(row, "id"), text(row, "verdict"), text(row, "observed"))).collect()
}

/// All conform, but for those that this kind cannot be told.
fn passes(promise: &Promise, untold: &[&str]) {
    if !is_here(promise) {
        return;
    }
    let rows = examine(promise, &ASKED);
    assert_eq!(rows.len(), ASKED.len(), "{rows:#?}");
    for (id, verdict, observed) in rows {
        let expected = if untold.contains(&id.as_str()) { "untold" } else { "conforms" };
        assert_eq!(verdict, expected, "{}: {id}: {observed}", promise.kind);
    }
}

/// It is played, and commands that came before the handshake are dropped.
fn offers_tls(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let rows = examine(promise, &[OFFERED]);
    let expected = "what was said before the handshake was dropped";
    let [(_, verdict, observed)] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!((verdict.as_str(), observed.as_str()), ("conforms", expected), "{}", promise.kind);
}

#[test]
fn postfix_drops_what_came_before_tls() {
    offers_tls(&POSTFIX);
}

#[test]
fn exim_drops_what_came_before_tls() {
    offers_tls(&EXIM);
}

#[test]
fn haraka_drops_what_came_before_tls() {
    offers_tls(&HARAKA);
}

/// OpenSMTPD refuses STARTTLS with something behind it (`Pipelining not supported`), and closes.
#[test]
fn opensmtpd_breaks_off_where_something_came_before_tls() {
    if is_here(&OPENSMTPD) {
        let rows = examine(&OPENSMTPD, &[OFFERED]);
        let [(_, verdict, observed)] = rows.as_slice() else { panic!("{rows:#?}") };
        let expected = ("hardened", "given up: the handshake failed");
        assert_eq!((verdict.as_str(), observed.as_str()), expected);
    }
}

#[test]
fn postfix_does_as_it_is_told() {
    passes(&POSTFIX, &[]);
}

#[test]
fn exim_does_as_it_is_told() {
    passes(&EXIM, &[]);
}

#[test]
fn haraka_does_as_it_is_told() {
    passes(&HARAKA, &[]);
}

#[test]
fn opensmtpd_does_as_it_is_told() {
    passes(&OPENSMTPD, &["o15-first-host-down"]);
}

/// OpenSMTPD 6.8 takes LF.LF for the end of data, but no command that came with the next one.
#[test]
fn a_target_that_takes_no_commands_at_once_is_smuggled_to_line_by_line() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let rows = examine(&OPENSMTPD, &["i1-lf-dot-lf"]);
    let verdicts: Vec<(&str, &str)> =
        rows.iter().map(|(id, verdict, _)| (id.as_str(), verdict.as_str())).collect();
    let expected = [("i1-lf-dot-lf", "hardened"), ("i1-lf-dot-lf-split", "vulnerable")];
    assert_eq!(verdicts, expected, "{rows:#?}");
}

/// OpenSMTPD 6.8 ends with a double free; the next case finds it alive again.
#[test]
fn a_target_that_a_case_brings_down_is_started_again() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let rows = examine(&OPENSMTPD, &["o9-no-handshake", "o9-454", "i21-null-sender"]);
    let verdicts: Vec<(&str, &str)> =
        rows.iter().map(|(id, verdict, _)| (id.as_str(), verdict.as_str())).collect();
    let expected =
        [("i21-null-sender", "conforms"), ("o9-no-handshake", "violates"), ("o9-454", "conforms")];
    assert_eq!(verdicts, expected, "{rows:#?}");
    assert!(rows[1].2.contains("the target ended: ") && rows[1].2.contains("started again"));
}

/// Without the engine that keeps its key it cannot offer STARTTLS, and is examined all the same.
#[test]
fn opensmtpd_without_its_engine_is_examined_but_for_tls() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let prefix = std::env::var_os("MAILBENCH_MTA_PREFIX").map(PathBuf::from).expect("a prefix");
    let folder = tempfile::tempdir().expect("a folder");
    link_but("engines-3", &prefix, folder.path());
    let mut command = program();
    command.env("MAILBENCH_MTA_PREFIX", folder.path());
    let rows = examine_with(&mut command, &OPENSMTPD, &[OFFERED, "i21-open-relay"]);
    let verdicts: Vec<&str> = rows.iter().map(|(_, verdict, _)| verdict.as_str()).collect();
    assert_eq!(verdicts, ["untold", "conforms"], "{rows:#?}");
}

/// Links to everything in a folder, down to the folders of libraries, but for what is called so.
fn link_but(left_out: &str, from: &Path, to: &Path) {
    for entry in read_dir(from).expect("a folder").flatten() {
        let (name, place) = (entry.file_name(), to.join(entry.file_name()));
        let is_on_the_way = ["usr", "lib"].iter().any(|way| name == *way)
            || name.to_string_lossy().ends_with("-gnu");
        if is_on_the_way && entry.path().is_dir() {
            std::fs::create_dir(&place).expect("a folder");
            link_but(left_out, &entry.path(), &place);
        } else if name != left_out {
            symlink(entry.path(), place).expect("a link");
        }
    }
}
