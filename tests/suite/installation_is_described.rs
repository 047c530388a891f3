//! `mailbench --version --verbose` says what was built; `mailbench doctor` says what this machine
//! has, with versions, and how to get the rest.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::mailbench;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn version(arguments: &[&str]) -> Output {
    mailbench().args(arguments).output().expect("mailbench starts")
}

#[test]
fn version_is_one_line_and_verbose_adds_the_build() {
    let short = version(&["--version"]);
    assert_eq!(text(&short.stdout), concat!("mailbench ", env!("CARGO_PKG_VERSION"), "\n"));
    for arguments in [["--version", "--verbose"], ["--verbose", "-V"]] {
        let long = version(&arguments);
        assert_eq!(long.status.code(), Some(0));
        let long = text(&long.stdout);
        assert!(long.starts_with(&text(&short.stdout)), "{long}");
        let values = long.lines().skip(1).map(|line| line.split_once(": ").expect("name: value"));
        let values: Vec<(&str, &str)> = values.collect();
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let all = ["commit", "target", "profile", "compiler", "features", "linking", "allocator"];
        assert_eq!(names, all, "{long}");
        assert!(values[3].1.starts_with("rustc "), "{long}");
        let debug = if cfg!(debug_assertions) { "debug" } else { "release" };
        assert_eq!(values[2].1, debug, "{long}");
    }
}

#[test]
fn verbose_without_version_is_wrong_usage() {
    let ended = version(&["--verbose", "doctor"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("--verbose is only used with --version"));
    assert!(ended.stdout.is_empty());
}

/// `doctor --format json` with nothing on `PATH`, and packages unpacked in this folder.
fn doctor(prefix: &Path) -> Value {
    let mut command = mailbench();
    command.args(["doctor", "--format", "json"]);
    command.env("PATH", prefix.join("nothing")).env("MAILBENCH_MTA_PREFIX", prefix);
    let ended = command.output().expect("mailbench runs");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

fn row<'a>(all: &'a Value, needs: &str) -> &'a Value {
    let mut rows = all.as_array().expect("rows").iter();
    rows.find(|row| row["needs"] == needs).unwrap_or_else(|| panic!("no row {needs}"))
}

#[test]
fn doctor_says_where_it_looked_and_which_package_has_it() {
    let prefix = tempfile::tempdir().expect("a folder");
    let all = doctor(prefix.path());
    let strace = row(&all, "strace");
    // Nothing else is on the path of this test.
    assert_eq!(strace["ok"], false, "{strace}");
    assert_eq!(strace["remedy"], "apt install strace");
    let found = strace["found"].as_str().expect("words");
    assert!(found.contains(&prefix.path().display().to_string()), "{found}");
    for needs in [
        "root",
        "namespaces",
        "cgroup v2",
        "dovecot",
        "chromium",
        "exim",
        "haraka",
        "/dev/fuse",
        "mkfs.xfs",
    ] {
        assert!(row(&all, needs)["feature"].as_str().is_some_and(|it| !it.is_empty()), "{needs}");
    }
}

#[test]
fn doctor_finds_an_unpacked_mta_with_its_version() {
    let prefix = tempfile::tempdir().expect("a folder");
    let programs = prefix.path().join("usr/sbin");
    std::fs::create_dir_all(&programs).expect("a folder");
    for name in ["postfix", "postconf"] {
        let program = programs.join(name);
        std::fs::write(&program, "#!/bin/sh\necho 3.99.1\n").expect("written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("executable");
    }
    let all = doctor(prefix.path());
    let postfix = row(&all, "postfix");
    assert_eq!(postfix["ok"], true, "{postfix}");
    let found = postfix["found"].as_str().expect("words");
    assert_eq!(found, format!("3.99.1 {}", programs.join("postfix").display()));
    assert_eq!(postfix["remedy"], "");
}
