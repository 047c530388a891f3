//! Conformance cases that need settings only a real MTA has: TLS required for a domain, an untrusted
//! client, a second host, STARTTLS offered. OpenSMTPD exits during a case, which is a finding.

use std::fs::read_dir;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, is_here};
use crate::support::mailbench as program;

/// Cases whose settings the embedded relay does not have.
const CONFIGURED: [&str; 4] =
    ["i21-open-relay", "o9-required-454", "o9-required-not-offered", "o15-first-host-down"];

/// Needs a target that offers STARTTLS.
const NEEDS_STARTTLS: &str = "i3-starttls-injection";

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
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let rows = report["rows"].as_array().expect("rows").iter();
    rows.map(|row| (text(row, "id"), text(row, "verdict"), text(row, "observed"))).collect()
}

/// All conform, except those whose settings this kind does not have.
fn passes(promise: &Promise, skipped: &[&str]) {
    if !is_here(promise) {
        return;
    }
    let rows = examine(promise, &CONFIGURED);
    assert_eq!(rows.len(), CONFIGURED.len(), "{rows:#?}");
    for (id, verdict, observed) in rows {
        let expected = if skipped.contains(&id.as_str()) { "skipped" } else { "conforms" };
        assert_eq!(verdict, expected, "{}: {id}: {observed}", promise.kind);
    }
}

/// STARTTLS is offered, and commands sent before the handshake are discarded.
fn discards_plaintext(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let rows = examine(promise, &[NEEDS_STARTTLS]);
    let expected = "commands sent before the handshake were discarded";
    let [(_, verdict, observed)] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!((verdict.as_str(), observed.as_str()), ("conforms", expected), "{}", promise.kind);
}

#[test]
fn postfix_discards_plaintext_before_tls() {
    discards_plaintext(&POSTFIX);
}

#[test]
fn exim_discards_plaintext_before_tls() {
    discards_plaintext(&EXIM);
}

#[test]
fn haraka_discards_plaintext_before_tls() {
    discards_plaintext(&HARAKA);
}

/// OpenSMTPD rejects STARTTLS with more commands after it (`Pipelining not supported`) and closes.
#[test]
fn opensmtpd_aborts_on_plaintext_before_tls() {
    if is_here(&OPENSMTPD) {
        let rows = examine(&OPENSMTPD, &[NEEDS_STARTTLS]);
        let [(_, verdict, observed)] = rows.as_slice() else { panic!("{rows:#?}") };
        let expected = ("hardened", "aborted: TLS handshake failed");
        assert_eq!((verdict.as_str(), observed.as_str()), expected);
    }
}

#[test]
fn postfix_conforms_as_configured() {
    passes(&POSTFIX, &[]);
}

#[test]
fn exim_conforms_as_configured() {
    passes(&EXIM, &[]);
}

#[test]
fn haraka_conforms_as_configured() {
    passes(&HARAKA, &[]);
}

#[test]
fn opensmtpd_conforms_as_configured() {
    passes(&OPENSMTPD, &["o15-first-host-down"]);
}

/// OpenSMTPD 6.8 accepts LF.LF as the end of data, but no command that came together with the next.
#[test]
fn smuggling_without_pipelining_is_detected() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let rows = examine(&OPENSMTPD, &["i1-lf-dot-lf"]);
    let verdicts: Vec<(&str, &str)> =
        rows.iter().map(|(id, verdict, _)| (id.as_str(), verdict.as_str())).collect();
    let expected = [("i1-lf-dot-lf", "hardened"), ("i1-lf-dot-lf-split", "vulnerable")];
    assert_eq!(verdicts, expected, "{rows:#?}");
}

/// OpenSMTPD 6.8 exits with a double free and is restarted for the next case.
#[test]
fn target_that_exits_during_a_case_is_restarted() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let rows = examine(&OPENSMTPD, &["o9-no-handshake", "o9-454", "i21-null-sender"]);
    let verdicts: Vec<(&str, &str)> =
        rows.iter().map(|(id, verdict, _)| (id.as_str(), verdict.as_str())).collect();
    let expected =
        [("i21-null-sender", "conforms"), ("o9-no-handshake", "violates"), ("o9-454", "conforms")];
    assert_eq!(verdicts, expected, "{rows:#?}");
    assert!(rows[1].2.contains("the target exited: ") && rows[1].2.contains("restarted"));
}

/// Without the OpenSSL engine for its key it cannot offer STARTTLS; only those cases are skipped.
#[test]
fn opensmtpd_without_its_engine_skips_the_starttls_cases() {
    if !is_here(&OPENSMTPD) {
        return;
    }
    let prefix = std::env::var_os("MAILBENCH_MTA_PREFIX").map(PathBuf::from).expect("a prefix");
    let folder = tempfile::tempdir().expect("a folder");
    link_except("engines-3", &prefix, folder.path());
    let mut command = program();
    command.env("MAILBENCH_MTA_PREFIX", folder.path());
    let rows = examine_with(&mut command, &OPENSMTPD, &[NEEDS_STARTTLS, "i21-open-relay"]);
    let verdicts: Vec<&str> = rows.iter().map(|(_, verdict, _)| verdict.as_str()).collect();
    assert_eq!(verdicts, ["skipped", "conforms"], "{rows:#?}");
}

/// Links to everything in a folder, down to the folders of libraries, except one name.
fn link_except(left_out: &str, from: &Path, to: &Path) {
    for entry in read_dir(from).expect("a folder").flatten() {
        let (name, place) = (entry.file_name(), to.join(entry.file_name()));
        let is_on_the_way = ["usr", "lib"].iter().any(|way| name == *way)
            || name.to_string_lossy().ends_with("-gnu");
        if is_on_the_way && entry.path().is_dir() {
            std::fs::create_dir(&place).expect("a folder");
            link_except(left_out, &entry.path(), &place);
        } else if name != left_out {
            symlink(entry.path(), place).expect("a link");
        }
    }
}
