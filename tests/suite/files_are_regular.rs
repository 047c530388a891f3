//! Files that the user names are regular and bounded, and problems without number are counted: no
//! device, FIFO or endless list takes the machine's time or memory.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mailbench::clock::Clock;
use nix::sys::stat::Mode;

use crate::support::mailbench;

const SCENARIO: &str = "name = \"t\"\n[load]\nrate = \"20/s\"\nduration = \"1s\"\n[[destination]]\n\
                        domain = \"a.test\"\n";

/// How long the slowest of these may take beside other tests on two cores.
const SOON: Duration = Duration::from_secs(30);

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        place.write("ok.toml", SCENARIO);
        nix::unistd::mkfifo(&place.path("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Exit code and stderr; its memory is bounded, so that what has no end fails the test.
    fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        let clock = Clock::start();
        let program = mailbench().get_program().to_owned();
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 4000000; exec timeout 60 \"$@\"", "sh"])
            .arg(program)
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("ran");
        let took = clock.now().offset();
        assert!(took < SOON, "{words:?} took {took:?}");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn devices_and_fifos_are_refused_wherever_a_file_is_named() {
    let place = Place::new();
    for (file, what) in [("/dev/zero", "character device"), ("fifo", "FIFO"), (".", "directory")] {
        let set = |key: &str| format!("{key}=\"{file}\"");
        let (trace, corpus, key) =
            (set("load.trace"), set("message.corpus"), set("message.dkim.key"));
        let authority = set("smtp.tls_ca");
        place.write(
            "trace.toml",
            &SCENARIO.replace("rate = \"20/s\"\nduration = \"1s\"", "arrival = \"trace\""),
        );
        let cases: &[&[&str]] = &[
            &["check", file],
            &["check", "--set", &trace, "trace.toml"],
            &["check", "--set", &corpus, "--set", "message.parts=\"corpus\"", "ok.toml"],
            &["check", "--set", &key, "ok.toml"],
            &["run", "--set", &authority, "--set", "smtp.tls=\"starttls\"", "ok.toml"],
            &["run", "--baseline", file, "ok.toml"],
            &["compare", file, file],
            &["report", file],
            &["history", file],
            &["trace", file],
            &["simulate", "--from", file, "ok.toml"],
            &["relay", "--queue", "q", "--relay-to", "127.0.0.1:9", "--settings", file],
        ];
        for words in cases {
            if file == "."
                && ["run", "compare", "report", "history", "simulate"].contains(&words[0])
            {
                continue; // a folder of a run or of a history may be named
            }
            let (code, said) = place.run(words);
            // A file of certificates is read when the traffic begins.
            let late = words.contains(&authority.as_str());
            assert!(
                matches!(code, Some(2 | 104)) || (late && code == Some(106)),
                "{words:?}: {code:?} {said}"
            );
            // A pattern of a corpus passes over folders.
            let folder_of_corpus = file == "." && words.contains(&corpus.as_str());
            assert!(said.contains(what) || folder_of_corpus, "{words:?}: {said}");
        }
    }
}

#[test]
fn problems_without_number_are_counted_and_take_linear_time() {
    let place = Place::new();
    let many = |line: &dyn Fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let keys = many(&|n| format!("k{n} = 1\n"));
    let cases = [
        ("unknown keys", keys.clone() + SCENARIO, Some("and 19980 more problems")),
        ("syntax", SCENARIO.to_owned() + &many(&|_| "= =\n".to_owned()), Some("more problems")),
        (
            "thresholds",
            format!("{SCENARIO}[thresholds]\n{}", many(&|n| format!("lost{n} = \"== 0\"\n"))),
            Some("more problems"),
        ),
        (
            "destinations",
            SCENARIO.to_owned() + &many(&|n| format!("[[destination]]\ndomain = \"d{n}.real\"\n")),
            Some("more problems"),
        ),
        (
            "twice",
            SCENARIO.to_owned() + &many(&|_| "[[destination]]\ndomain = \"a.test\"\n".to_owned()),
            Some("more problems"),
        ),
        (
            "segments",
            format!(
                "name = \"s\"\n[load]\n{}[[destination]]\ndomain = \"a.test\"\n",
                many(&|_| "[[load.segment]]\nrate = \"5/s\"\nduration = \"1s\"\n".to_owned())
            ),
            None,
        ),
    ];
    for (name, text, more) in cases {
        place.write("many.toml", &text);
        let (code, said) = place.run(&["check", "many.toml"]);
        assert_eq!(code, Some(if more.is_some() { 104 } else { 0 }), "{name}: {said}");
        assert!(more.is_none_or(|more| said.contains(more)), "{name}: {said}");
        assert!(said.len() < 64 * 1024, "{name}: {} bytes are shown", said.len());
    }
}

#[test]
fn a_message_of_a_log_may_have_any_number_of_recipients() {
    let place = Place::new();
    let head = "Nov 30 10:00:00 mx postfix/smtpd[1]: ABCDEF1234: client=h[192.0.2.1]\n\
                Nov 30 10:00:00 mx postfix/qmgr[1]: ABCDEF1234: from=<a@b.test>, size=1234, \
                nrcpt=60000 (queue active)\n";
    let each = |n: usize| {
        format!(
            "Nov 30 10:00:01 mx postfix/smtp[2]: ABCDEF1234: to=<u{n}@d{n}.test>, relay=r[192.0.2.2]\
             :25, delay=1, dsn=2.0.0, status=sent (250 ok)\n"
        )
    };
    let rows: String = (0..60_000).map(each).collect();
    place.write("mail.log", &format!("{head}{rows}"));
    let (code, said) = place.run(&["trace", "mail.log", "--output", "trace.csv"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("to 60000 destinations"), "{said}");
    assert!(Path::new(&place.path("trace.csv")).exists());
}
