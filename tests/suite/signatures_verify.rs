//! DKIM signatures are verified by a program that is not ours (dkimpy), whatever the key, and mail
//! that is signed is accounted for like any other.

use std::path::{Path, PathBuf};
use std::process::Command;

use mailbench::plan::Plan;
use mailbench::scenario;

use crate::other_readers_agree::read;
use crate::support::{Lab, SMALL, mailbench};

/// The small scenario with this as its `[message]`.
fn signed(message: &str, dkim: &str) -> String {
    let [before, after] = SMALL.split("size = \"2KiB\"").collect::<Vec<_>>()[..] else {
        panic!("one size");
    };
    format!("{before}size = \"3KiB\"\n{message}\n[message.dkim]\n{dkim}\n{after}")
}

fn written(folder: &Path, name: &str, text: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

/// What the verifier says of messages of the scenario, and of one that was changed under way.
#[track_caller]
fn assert_verified(folder: &Path, scenario: &str) {
    let path = written(folder, "s.toml", scenario.as_bytes());
    let loaded = scenario::load(&path, &[]).expect("a scenario");
    let plan = Plan::new(&loaded.scenario, Some("nonce".to_owned()));
    let (name, record) = plan.dkim_record().expect("it signs");
    let dns = written(folder, "dns", format!("{name}.\n{record}\n").as_bytes());
    let text = |at: usize| plan.text(&plan.offers().nth(at).expect("an offer"));
    // What a relay does: trace before it, a field folded anew.
    let mut relayed = b"Received: by relay.test\r\n".to_vec();
    let folded =
        String::from_utf8(text(1)).expect("UTF-8").replace("\r\nSubject: ", "\r\nSubject:\r\n ");
    relayed.extend_from_slice(folded.as_bytes());
    let changed = String::from_utf8(text(2)).expect("UTF-8").replace("Subject: ", "Subject: Re: ");
    let mut cut = text(3);
    cut.truncate(cut.len() - 20);
    let texts = [text(0), relayed, changed.into_bytes(), cut];
    let files: Vec<PathBuf> = (0..)
        .zip(&texts)
        .map(|(at, text): (usize, _)| written(folder, &format!("{at}.eml"), text))
        .collect();
    let arguments: Vec<&Path> = std::iter::once(&dns).chain(&files).map(PathBuf::as_path).collect();
    let Some(verdicts) = read("dkim", &arguments) else { return };
    assert_eq!(verdicts, serde_json::json!([true, true, false, false]), "{record}");
}

#[test]
fn a_key_made_from_the_seed() {
    let folder = tempfile::tempdir().expect("a folder");
    for message in ["", "encoding = \"utf8\"", "parts = \"mixed\"\nencoding = \"8bit\""] {
        assert_verified(folder.path(), &signed(message, ""));
    }
}

#[test]
fn keys_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for (algorithm, file) in [("RSA", "rsa.pem"), ("ED25519", "ed25519.pem")] {
        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-algorithm", algorithm, "-out", file]).current_dir(folder.path());
        let made = openssl.output();
        if !made.is_ok_and(|output| output.status.success()) {
            return crate::support::skip("openssl", "it does not make keys");
        }
        let dkim = format!("key = \"{file}\"\ndomain = \"signer.test\"\nselector = \"k1\"");
        assert_verified(folder.path(), &signed("", &dkim));
    }
}

#[test]
fn a_key_from_the_environment_is_in_no_file_of_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key").serialize_pem();
    let path = written(folder.path(), "s.toml", signed("", "key_env = \"SIGNING\"").as_bytes());
    let mut command = mailbench();
    command.arg("check").arg(&path).env("SIGNING", &key);
    let output = command.output().expect("mailbench runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let record = "# mailbench._domainkey.bounce.mailbench.test. IN TXT \"v=DKIM1; k=ed25519; p=";
    assert!(said.contains(record), "{said}");
    let secret = key.lines().nth(1).expect("a line of it");
    assert!(!said.contains(secret), "{said}");
    let output = mailbench().arg("check").arg(&path).output().expect("mailbench runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(104), "{said}");
    assert!(said.contains("no key in `SIGNING`: environment variable not found"), "{said}");
}

#[test]
fn signed_mail_is_accounted_for() {
    let ran = Lab::new(&signed("recipients = 2", "")).run();
    ran.assert_code(0);
    assert_eq!((ran.count("delivered"), ran.count("corrupted")), (240, 0), "{ran}");
    let report = mailbench().arg("report").arg(&ran.path).output().expect("mailbench runs");
    // 96: a busy machine spoiled the instrument, which is not what is asked here.
    assert!(matches!(report.status.code(), Some(0 | 96)), "a stored run is judged again");
}
