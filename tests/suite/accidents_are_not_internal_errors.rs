//! What the system refuses (a full or read-only disk, no descriptor left, a stdout that is full or
//! closed) ends no command as a bug: it says what was refused and keeps the verdict it had reached.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{SMALL, mailbench, pass_over};

/// Without a target, so that a run takes a second.
const DIRECT: &str = "name = \"direct\"\n[target]\nkind = \"direct\"\n[load]\nrate = \"50/s\"\n\
                      warm_up = \"0s\"\nduration = \"500ms\"\ndrain = \"5s\"\n[[destination]]\n\
                      domain = \"a.test\"\n";

const LOG: &str = "Nov 30 10:00:00 mx postfix/smtpd[1]: ABCDEF1234: client=h[192.0.2.1]\n\
                   Nov 30 10:00:00 mx postfix/qmgr[1]: ABCDEF1234: from=<a@b.test>, size=1234, nrcpt=1 \
                   (queue active)\nNov 30 10:00:01 mx postfix/smtp[2]: ABCDEF1234: to=<u@d.test>, \
                   relay=r[192.0.2.2]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n";

/// Every command, in a form that ends by itself or at once after a signal.
const COMMANDS: [&str; 24] = [
    "run direct.toml --output out --quiet",
    "run direct.toml --output out --history h2.jsonl",
    "run small.toml --output out",
    "report stored",
    "report stored --format html --output page.html",
    "report stored/report.json --format json",
    "compare stored stored --allow inconclusive",
    "history h.jsonl",
    "history h.jsonl --check --allow inconclusive",
    "check direct.toml small.toml",
    "plan direct.toml",
    "plan direct.toml --format csv",
    "trace mail.log",
    "trace mail.log --output t.csv",
    "capacity model.toml --simulate --quick --no-curve --trial 1 --max-rate 20 --output c",
    "conformance --list",
    "simulate model.toml --output sim",
    "doctor",
    "routes external.toml",
    "relay --listen 127.0.0.1:0 --relay-to 127.0.0.1:9 --queue q",
    "sink --listen 127.0.0.1:0 --journal j.bin",
    "init new.toml",
    "completions bash",
    "man --output pages",
];

/// Commands that last, or measure for half a minute: only with what stops them before.
const LONG: [&str; 3] =
    ["calibrate --output cal.json", "conformance small.toml", "doctor target small.toml --wait 1s"];

/// A folder with all that the commands read.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a folder"));
        let model =
            format!("{DIRECT}[simulate]\nservice = \"1ms\"\n").replace("direct\"", "relay\"");
        let external = DIRECT
            .replace("\"direct\"\n[load]", "\"external\"\naddress = \"127.0.0.1:9\"\n[load]")
            + "[sink]\nlisten = \"127.0.0.1:2526\"\n";
        let texts = [
            ("direct.toml", DIRECT),
            ("small.toml", SMALL),
            ("model.toml", &model),
            ("external.toml", &external),
            ("mail.log", LOG),
        ];
        for (name, text) in texts {
            std::fs::write(place.path().join(name), text).expect("written");
        }
        let words = ["run", "direct.toml", "--output", "stored", "--history", "h.jsonl", "--quiet"];
        let stored = mailbench().args(words).current_dir(place.path()).output().expect("it runs");
        assert!(place.path().join("stored/report.json").exists(), "{}", said(&stored));
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A command within surroundings that a script makes, in which it is `"$@"`. Minutes are the end of
    /// it; what waits for a signal gets one after a second.
    fn within(&self, script: &str, command: &str) -> Output {
        let lasts = command.starts_with("relay") || command.starts_with("sink");
        let patience = if lasts { ["-s", "INT", "1"] } else { ["-s", "KILL", "200"] };
        let mut outer = Command::new("sh");
        outer.args(["-c", script, "sh", "timeout"]).args(patience);
        outer.arg(mailbench().get_program()).args(command.split(' '));
        outer.current_dir(self.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        outer.env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_ACTIONS");
        outer.output().expect("it runs")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That it ended as it may: no bug, no panic, no hanging, no scenario that is called wrong.
#[track_caller]
fn assert_no_bug(accident: &str, command: &str, output: &Output) {
    let (code, said) = (output.status.code(), said(output));
    // 124: it served until the signal.
    let may = matches!(code, Some(0 | 2 | 96..=99 | 105 | 106 | 124));
    assert!(may, "{accident}: {command}: {:?} {said}", output.status);
    for word in ["panicked", "a bug", "backtrace"] {
        assert!(!said.contains(word), "{accident}: {command}: {said}");
    }
    if matches!(code, Some(2 | 106)) {
        assert!(!said.trim().is_empty(), "{accident}: {command}: it says nothing");
    }
}

#[test]
fn a_stdout_that_is_full_or_closed() {
    let place = Place::new();
    let verdict = |command| place.within("exec \"$@\"", command).status.code();
    for (accident, script) in [
        ("full stdout", "exec \"$@\" >/dev/full"),
        ("closed stdout", "exec \"$@\" >&-"),
        ("all closed", "exec \"$@\" <&- >&- 2>/dev/full"),
    ] {
        for command in COMMANDS {
            let output = place.within(script, command);
            if accident != "all closed" {
                assert_no_bug(accident, command, &output);
            }
            let code = output.status.code();
            assert!(
                !matches!(code, None | Some(1 | 101 | 104 | 134)),
                "{accident}: {command}: {code:?}"
            );
            for left in ["out", "c", "sim", "q", "pages"] {
                let _it_may_not_be_there = std::fs::remove_dir_all(place.path().join(left));
            }
            for left in ["new.toml", "j.bin"] {
                let _it_may_not_be_there = std::fs::remove_file(place.path().join(left));
            }
        }
    }
    // A verdict that was reached stays.
    let missed = "report stored --quiet";
    let before = verdict(missed);
    for script in ["exec \"$@\" >&-", "exec \"$@\" 2>&-"] {
        assert_eq!(place.within(script, missed).status.code(), before, "{script}");
    }
}

#[test]
fn no_descriptor_left() {
    let place = Place::new();
    for descriptors in [4, 6, 9, 13, 18] {
        let script = format!("ulimit -n {descriptors}; exec \"$@\"");
        for command in COMMANDS.into_iter().chain(LONG) {
            let output = place.within(&script, command);
            assert_no_bug(&format!("{descriptors} descriptors"), command, &output);
        }
    }
}

/// In a mount namespace of its own, with the place copied to a disk of 200 KiB that is full, or to one
/// that is read-only; temporary files and the user's own go there, too.
#[test]
fn a_disk_that_is_full_or_read_only() {
    let place = Place::new();
    let disk = tempfile::tempdir().expect("a folder");
    let make = format!(
        "d='{}'; mount -t tmpfs -o size=1m,mode=755 none \"$d\" && cp -r . \"$d\" && cd \"$d\" || exit 77; \
         export TMPDIR=\"$d\" HOME=\"$d\" XDG_STATE_HOME=\"$d\"; ",
        disk.path().display()
    );
    let full = format!("{make} cat /dev/zero >zero 2>/dev/null; exec \"$@\"");
    let read_only = format!("{make} mount -o remount,ro \"$d\" || exit 77; exec \"$@\"");
    for (accident, script) in [("full disk", full), ("read-only disk", read_only)] {
        for command in COMMANDS.into_iter().chain(LONG) {
            let script =
                format!("exec unshare -m sh -c '{}' sh \"$@\"", script.replace('\'', "'\\''"));
            let output = place.within(&script, command);
            if output.status.code() == Some(77) || said(&output).contains("unshare failed") {
                return pass_over("full and read-only disks", "a mount namespace needs root");
            }
            assert_no_bug(accident, command, &output);
        }
    }
}

#[test]
fn a_file_that_the_system_keeps_back_is_no_wrong_scenario() {
    let place = Place::new();
    let ended = |script: &str, command: &str| {
        let output = place.within(script, command);
        (output.status.code(), said(&output))
    };
    // No permission: of its own memory a process may read nothing at this place (EIO).
    let of_memory = "ln -sf /proc/self/mem mem.toml; exec \"$@\"";
    for command in [
        "check mem.toml",
        "run mem.toml",
        "plan mem.toml",
        "check direct.toml --set message.dkim.key=\"mem.toml\"",
    ] {
        let (code, said) = ended(of_memory, command);
        assert_eq!(code, Some(106), "{command}: {said}");
        assert!(said.contains("Input/output error"), "{command}: {said}");
    }
    for command in [
        "check nowhere.toml",
        "check .",
        "run direct.toml/below",
        "check direct.toml --set load.rate=\"x\"",
    ] {
        let (code, said) = ended("exec \"$@\"", command);
        assert_eq!(code, Some(104), "{command}: {said}");
    }
}
