//! Power cuts of the target's disk: what was synced stays, what was not is gone, an honest relay keeps
//! every `250`, controls that must lose do lose, and nothing stays mounted.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::nothing_outlives_mailbench::{targets, with};
use crate::support::{Lab, Ran, mailbench, pass_over, wait_until};

/// Every first attempt is deferred: accepted mail is in the queue when the power goes.
const QUEUED: &str = r#"
name = "power"
question = "Does a 250 survive?"
seed = 7
[target]
kind = "relay"
[target.disk]
size = "512MiB"
[target.retry]
schedule = "fixed"
first = "1s"
jitter = 0.0
give_up_after = "10m"
[load]
arrival = "constant"
rate = "60/s"
duration = "3s"
drain = "30s"
sessions = 10
[[destination]]
domain = "a.test"
[[fault]]
name = "greylist"
stage = "rcpt-to"
attempts = "1"
defer = "451 4.7.1 wait"
"#;

const CUT: &str = "[[chaos]]\nat = \"1500ms\"\npower_cut = { restart_after = \"100ms\", keep = \"";

/// Whether a disk can be made here; what it printed if it failed the test of itself.
fn can_lose_power(filesystem: &str) -> bool {
    let place = tempfile::tempdir().expect("a folder");
    let mut probe = mailbench();
    probe.args(["probe-disk", filesystem]).env("TMPDIR", place.path());
    let output = probe.output().expect("mailbench runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(devices(place.path()), 0, "a loop device is left");
    match output.status.code() {
        Some(0) => true,
        Some(106) => {
            pass_over(&format!("power cuts on {filesystem}"), stderr.trim());
            false
        }
        code => panic!("{filesystem}: {code:?}: {stderr}"),
    }
}

/// Loop devices over images below a folder.
fn devices(place: &Path) -> usize {
    let blocks = std::fs::read_dir("/sys/block").expect("block devices").flatten();
    let images = blocks
        .filter_map(|block| std::fs::read_to_string(block.path().join("loop/backing_file")).ok());
    let place = place.display().to_string();
    images.filter(|image| image.contains(&place)).count()
}

fn cut(keep: &str, more: &str) -> Ran {
    Lab::new(&format!("{QUEUED}{more}{CUT}{keep}\" }}\n")).run()
}

#[track_caller]
fn assert_lost(ran: &Ran) {
    ran.assert_code(97);
    assert!(ran.count("lost") > 0, "{ran}");
}

#[test]
fn a_disk_keeps_what_was_synced_and_loses_the_rest() {
    for filesystem in ["ext4", "xfs", "btrfs"] {
        can_lose_power(filesystem);
    }
}

#[test]
fn a_relay_that_syncs_keeps_every_250() {
    if !can_lose_power("ext4") {
        return;
    }
    for keep in ["none", "subset", "torn", "prefix"] {
        let ran = cut(keep, "");
        assert!(ran.count("accepted") > 50, "{keep}: {ran}");
        assert_eq!(ran.count("lost"), 0, "{keep}: {ran}");
        assert_eq!(ran.count("unaccounted"), 0, "{keep}: {ran}");
        assert_eq!(ran.count("duplicates_unexcused"), 0, "{keep}: {ran}");
        ran.assert_code(0);
    }
}

#[test]
fn a_relay_that_does_not_sync_loses_mail() {
    if can_lose_power("ext4") {
        assert_lost(&cut("none", "[target.delivery]\ndurability = \"none\"\n"));
    }
}

#[test]
fn a_disk_that_lies_makes_an_honest_relay_lose_mail() {
    if can_lose_power("ext4") {
        assert_lost(&cut("none", "[[chaos]]\nat = \"100ms\"\ndisk_lies = true\n"));
    }
}

#[test]
fn disk_and_device_go_when_mailbench_is_killed() {
    if !can_lose_power("ext4") {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let lab = Lab::new(QUEUED).env("TMPDIR", place.path());
    let mut run = lab.start();
    let mark = format!("MAILBENCH_DISK={}", place.path().display());
    let is_served = || !with("environ", &mark).is_empty() && !targets(place.path()).is_empty();
    wait_until("the target is on its disk", is_served);
    assert_eq!(devices(place.path()), 1);
    kill(Pid::from_raw(i32::try_from(run.id()).expect("an id")), Signal::SIGKILL).expect("killed");
    run.wait().expect("it ends");
    wait_until("the disk's process ends", || with("environ", &mark).is_empty());
    wait_until("the target ends", || targets(place.path()).is_empty());
    wait_until("the loop device goes", || devices(place.path()) == 0);
}

/// A campaign of one cut, written to `out`; run again there, it makes no further run.
fn campaign(lab: &Lab, more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let out = lab.folder().join("campaign");
    let mut command = mailbench();
    command
        .arg("durability")
        .arg(lab.folder().join("scenario.toml"))
        .args(["--cuts", "1", "--quiet", "--output"]);
    let output = command.arg(&out).args(more).output().expect("mailbench runs");
    let text = std::fs::read_to_string(out.join("durability.json"));
    let text = text.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn a_campaign_finds_the_guilty_and_not_the_honest() {
    if !can_lose_power("ext4") {
        return;
    }
    let honest = Lab::new(QUEUED);
    let (code, found) = campaign(&honest, &["--keep", "torn"]);
    assert_eq!((code, &found["lost"], &found["cuts"]), (Some(0), &0.into(), &1.into()), "{found}");
    assert_eq!((&found["filesystem"], &found["keep"]), (&"ext4".into(), &"torn".into()));
    let (accepted, bound) = (&found["acknowledged"], &found["upper_bound_95"]);
    let (accepted, bound) = (accepted.as_f64().expect("a count"), bound.as_f64().expect("a share"));
    assert!((bound - (1.0 - 0.05_f64.powf(1.0 / accepted))).abs() < 1e-9, "{found}");
    let (_, again) = campaign(&honest, &["--keep", "torn"]);
    assert_eq!(again["runs"], found["runs"], "what is known is not made again");

    let guilty = Lab::new(&format!("{QUEUED}[target.delivery]\ndurability = \"none\"\n"));
    let (code, found) = campaign(&guilty, &[]);
    assert_eq!((code, &found["cuts_losing"]), (Some(97), &1.into()), "{found}");
    assert!(found["lost"].as_u64() > Some(0), "{found}");
}

#[test]
fn a_target_that_is_not_started_by_mailbench_has_no_power_to_cut() {
    let lab = Lab::new(&QUEUED.replace("[target.disk]\nsize = \"512MiB\"\n", ""));
    let mut command = mailbench();
    command
        .arg("durability")
        .arg(lab.folder().join("scenario.toml"))
        .args(["--set", "target.kind=direct"]);
    let output = command.output().expect("mailbench runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(104), "{stderr}");
    assert!(stderr.contains("only a target that mailbench starts can lose its power"), "{stderr}");
}

#[test]
fn the_committed_durability_schema_is_current() {
    let schema = mailbench::report::durability::schema().expect("a schema");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/durability.schema.json");
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &schema).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("the schema is committed");
    assert!(committed == schema, "run MAILBENCH_BLESS=1 cargo test --test suite schema");
}
