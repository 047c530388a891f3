//! What mailbench starts ends with it, hooks and start commands included, also when it is killed before
//! the target greeted. Its folders are closed to others, its files never follow a symbolic link.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::an_external_target_is_handled_by_its_commands::Own;
use crate::nothing_outlives_mailbench::{folders, with};
use crate::support::{Lab, mailbench, wait_until};

/// Processes that sleep for so long: a number that no other test uses.
fn sleeping(seconds: &str) -> Vec<i32> {
    with("cmdline", &format!("sleep\0{seconds}\0"))
}

#[test]
fn a_target_that_has_not_greeted_yet_ends_with_a_killed_mailbench() {
    let (own, place) = (Own::new(), tempfile::tempdir().expect("a folder"));
    let start = "[\"sh\", \"-c\", \"setsid sleep 86311 & exec sleep 86311\"]";
    let lab = own.lab("").set("target.start_command", start).env("TMPDIR", place.path());
    let mut run = lab.start();
    wait_until("it is started", || sleeping("86311").len() == 2);
    run.kill().expect("killed");
    run.wait().expect("its end");
    wait_until("all of it is gone", || sleeping("86311").is_empty());
    wait_until("its folder is gone", || folders(place.path()) == 0);
}

#[test]
fn what_a_hook_leaves_behind_ends_with_the_run() {
    let hook = "[[chaos]]\nat = \"300ms\"\nrun = [\"sh\", \"-c\", \"sleep 86312 & exit 0\"]\n";
    let ran = Lab::small(hook).run();
    ran.assert_code(0);
    assert_eq!(ran.report()["chaos"][0]["what"], "run");
    wait_until("it is gone", || sleeping("86312").is_empty());
}

#[test]
fn a_hook_ends_with_a_killed_mailbench() {
    let hook = "[[chaos]]\nat = \"100ms\"\nrun = [\"sh\", \"-c\", \"setsid sleep 86313\"]\n";
    let lab = Lab::small(hook).set("load.duration", "10s");
    let mut run = lab.start();
    wait_until("it runs", || !sleeping("86313").is_empty());
    run.kill().expect("killed");
    run.wait().expect("its end");
    wait_until("it is gone", || sleeping("86313").is_empty());
}

#[test]
fn a_hangup_ends_a_run_as_sigterm_does() {
    let lab = Lab::small("").set("load.duration", "60s");
    let run = lab.start();
    let journal = lab.path().join("journal.bin");
    wait_until("mail flows", || std::fs::metadata(&journal).is_ok_and(|it| it.len() > 20_000));
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGHUP).expect("told");
    let ran = lab.finish(run);
    ran.assert_code(105);
    assert_eq!(ran.count("accepted"), ran.count("delivered") + ran.count("unconfirmed"));
}

#[test]
fn bytes_of_any_kind_on_a_target_s_stdout_do_not_end_it() {
    let own = Own::new();
    let noise = "printf 'no \\377\\376 text\\n'; head -c 3000000 /dev/zero | tr '\\0' a";
    let words = own.words().join(" ");
    let more = "(while sleep 0.1; do printf '\\377\\n' || exit 1; done) &";
    let start = own.script("start.sh", &format!("{noise}\n{more}\nexec {words}"));
    let ran = own.lab("").set("target.start_command", &format!("[{start:?}]")).run();
    ran.assert_code(0);
    let log = std::fs::read(ran.path.join("target.log")).expect("its log");
    assert!(log.len() > 3_000_000, "{} bytes", log.len());
    assert!(log.windows(2).filter(|pair| *pair == b"\xff\n").count() > 10, "it went on printing");
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("it is there").permissions().mode() & 0o777
}

/// The one folder of a target below `place`.
fn folder(place: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(place).ok()?.flatten().map(|entry| entry.path());
    entries.find(|path| path.join("owner").exists())
}

#[test]
fn the_mail_of_a_run_is_private() {
    let place = tempfile::tempdir().expect("a folder");
    let lab = Lab::small("").env("TMPDIR", place.path());
    let run = lab.start();
    let queue = || Some(folder(place.path())?.join("queue/queue.sqlite")).filter(|it| it.exists());
    wait_until("it has a queue", || queue().is_some());
    let (folder, queue) = (folder(place.path()).expect("a folder"), queue().expect("a queue"));
    let modes = [folder.as_path(), queue.parent().expect("its folder")].map(mode);
    let file = mode(&queue);
    lab.finish(run).assert_code(0);
    assert_eq!((modes, file), ([0o700, 0o700], 0o600));
}

#[test]
fn an_examination_names_its_owner_as_a_run_does() {
    let place = tempfile::tempdir().expect("a folder");
    let lab = Lab::small("");
    let mut command = mailbench();
    command.args(["conformance", "scenario.toml"]).current_dir(lab.folder());
    command.env("TMPDIR", place.path()).stdout(std::process::Stdio::null());
    let mut examination = command.spawn().expect("started");
    wait_until("its folder has an owner", || folder(place.path()).is_some());
    let owner = std::fs::read_to_string(folder(place.path()).expect("a folder").join("owner"));
    assert!(owner.expect("its owner").starts_with(&format!("{} ", examination.id())));
    examination.kill().expect("killed");
    examination.wait().expect("its end");
    wait_until("its folder is gone", || folder(place.path()).is_none());
}

#[test]
fn a_symbolic_link_in_the_run_folder_is_not_followed() {
    for name in ["scenario.toml", "target.log"] {
        let lab = Lab::small("");
        let victim = lab.folder().join("victim");
        std::fs::write(&victim, "precious").expect("written");
        std::fs::create_dir(lab.path()).expect("created");
        symlink(&victim, lab.path().join(name)).expect("linked");
        let ran = lab.run();
        assert!(matches!(ran.code, 2 | 106), "{name}: {ran}");
        assert!(ran.stderr.contains("symbolic link"), "{name}: {ran}");
        let victim = ran.path.parent().expect("the lab").join("victim");
        assert_eq!(std::fs::read_to_string(victim).expect("read"), "precious", "{name}");
    }
}
