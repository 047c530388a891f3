//! Whatever a peer says, a command prints or a file of others holds, it is shown and never obeyed: by
//! no terminal and no CI server, on stdout, on stderr and in no format.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use mailbench::conformance::finding::ConformanceReport;
use mailbench::conformance::render as conformance;
use mailbench::measure::capacity::results::Capacity;
use mailbench::measure::comparison::results::Comparison;
use mailbench::measure::results::{Findings, Results};
use mailbench::report::forms;
use mailbench::report::view::View;
use mailbench::report::{self, Format};
use serde_json::{Value, json};

use crate::hostile_text::{HOSTILE, assert_inert, poisoned};
use crate::report_formats::comparison::compared;
use crate::report_formats::fixture::rich::rich;
use crate::support::{SMALL, mailbench};

/// Fields that hold data: histograms, a digest, and the scenario with its lines.
const DATA: [&str; 3] = ["hdr", "scenario_sha256", "scenario"];

/// The reply of a hostile server, of several lines.
const REPLY: &[u8] =
    b"550-5.7.1 no \x1b[31m\x07\r\n550-::error::pwned\r\n550-##vso[task.complete]x\r\n\
                       550 ##teamcity[buildStop] \xe2\x80\xae \xc2\x9b2J\r\n";

/// A server that takes mail up to a command, and answers that and all others so.
fn server(refuses: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, refuses));
        }
    });
    address
}

fn serve(mut stream: TcpStream, refuses: &str) -> std::io::Result<()> {
    if refuses == "banner" {
        let reply = String::from_utf8_lossy(REPLY).replace("550", "554");
        return stream.write_all(reply.as_bytes());
    }
    stream.write_all(b"220 x.test\r\n")?;
    let mut content = false;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        let command = if content { "." } else { line.split(' ').next().unwrap_or_default() };
        if content && line != "." {
            continue;
        }
        content = command == "DATA" && refuses != "DATA";
        let reply: &[u8] = match command {
            it if it == refuses => REPLY,
            "DATA" => b"354 go on\r\n",
            _ => b"250 2.0.0 ok\r\n",
        };
        stream.write_all(reply)?;
    }
    Ok(())
}

/// A folder with a scenario, and the program in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new(scenario: &str) -> Place {
        let place = Place(tempfile::tempdir().expect("a folder"));
        place.write("s.toml", scenario);
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("written");
    }

    /// Runs it; what it prints, and says, is inert, and it is no bug.
    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        let mut command = mailbench();
        command.args(words).current_dir(self.0.path()).env("NO_COLOR", "1");
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "summary");
        let Output { status, stdout, stderr } = command.output().expect("it runs");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let both = format!("{stdout}{stderr}");
        assert!(!matches!(status.code(), None | Some(1)), "{words:?}: {status} {both}");
        // Annotations for GitHub are commands, those of mailbench itself.
        let own = |line: &&str| !line.starts_with("::error file=s.toml,title=mailbench");
        let others: Vec<&str> = both.lines().filter(own).collect();
        assert_inert(&format!("{words:?}"), &others.join("\n"));
        both
    }

    fn external(address: SocketAddr, more: &str) -> Place {
        let target = format!("kind = \"external\"\naddress = \"{address}\"\n{more}");
        let sink = "[sink]\nlisten = \"127.0.0.1:0\"\n";
        Place::new(&(SMALL.replace("kind = \"relay\"", &target) + sink))
    }
}

#[test]
fn replies_of_the_target_in_errors() {
    for stage in ["banner", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        let place = Place::external(server(stage), "");
        let look = ["doctor", "target", "s.toml", "--wait", "1s"];
        for words in [["run", "s.toml"].as_slice(), &look] {
            let said = place.run(words);
            let greets = stage == "EHLO"; // refused, it is followed by HELO
            let shown = said.contains("no \\x1b[31m") || said.contains("no \\u{1b}[31m");
            assert!(greets || shown, "{stage} {words:?}: {said}");
            if stage == "banner" {
                break; // each waits half a minute for another greeting
            }
        }
    }
}

#[test]
fn commands_of_the_scenario() {
    let print = "printf 'no\\033[31m\\n::error::x\\n##vso[y]\\n' | tee /dev/stderr; exit 3";
    let hostile = |key: &str| format!("{key} = [\"sh\", \"-c\", {print:?}]\n");
    for commands in [
        hostile("start_command"),
        hostile("queue_command"),
        "start_command = [\"\\u001b[31m\\n::error::x\"]\n".to_owned(),
        "queue_command = [\"\\u001b[31m\\n::error::x\"]\n".to_owned(),
    ] {
        let place = Place::external(server("none"), &commands);
        place.run(&["run", "s.toml"]);
        place.run(&["doctor", "target", "s.toml", "--wait", "1s"]);
        place.run(&["check", "s.toml"]);
    }
}

#[test]
fn a_scenario_and_what_is_wrong_with_it() {
    let question = serde_json::to_string(&HOSTILE.replace('\u{e0041}', "")).expect("a string");
    let asking = SMALL.replace("\"Does mail arrive?\"", &question);
    let place = Place::new(&asking);
    let said = place.run(&["check", "s.toml"]);
    assert!(said.contains("question = \"no\\U0000001B[31m"), "{said}");
    place.write("again.toml", &said);
    assert_eq!(
        place.run(&["check", "again.toml"]).split_once('\n'),
        said.split_once('\n').map(|(_, rest)| ("# again.toml", rest))
    );
    let simulate = ["simulate", "s.toml", "--set", "simulate.service=\"1ms\"", "--output", "run"];
    assert!(place.run(&simulate).contains("no\\x1b[31m"));
    for format in Format::ALL {
        place.run(&["report", "run", "--format", format.name()]);
    }
    place.run(&["plan", "s.toml", "--limit", "3"]);
    for wrong in [
        asking.replace("question", "\"\\u001b[31m##vso[x]\\u202e\""),
        asking.replace("question", "\"##vso[x]\u{202e}\u{9b}2J\u{61c}\""),
        asking.replace("\"60/s\"", "\"\"\"\n::error::x ##[error]y\u{2066}\"\"\""),
        asking.replace("\"60/s\"", "\"##teamcity[x]\u{7f}\""),
        asking.replace("name = \"small\"", "name = \"\\u001b[31m\\n::error::x\""),
        asking.replace("\"one.test\"", "\"##vso[x].test\\u202e\""),
        format!("{asking}[thresholds]\n\"::error::x\\u001b\" = \"##vso[y]\"\n"),
        format!("{asking}[[fault]]\nname = \"\\n::error::x\"\nstage = \"##vso[y]\"\n"),
        format!("{asking}\n::error::x ##vso[y] \u{202e}\n"),
    ] {
        place.write("wrong.toml", &wrong);
        place.run(&["check", "wrong.toml"]);
        place.run(&["run", "wrong.toml"]);
    }
    place.run(&["check", "s.toml", "--set", "load.rate=\u{1b}[31m\n::error::x"]);
    place.run(&["check", "no\u{1b}[31m\n::error::x##vso[y].toml"]);
}

#[test]
fn a_history_of_others() {
    let row = |n: u64| {
        json!({ "schema_version": 1, "run": format!("{n}{HOSTILE}"), "started_at": HOSTILE,
            "commit": HOSTILE, "scenario": HOSTILE, "scenario_sha256": "x", "target_kind": HOSTILE,
            "target_version": HOSTILE, "tool_version": HOSTILE, "environment": {HOSTILE: HOSTILE},
            "exit_code": 0, "counted": true, "figures": {
                HOSTILE: 1.0 + n as f64, "e2e_response.p50": if n < 26 { 20_000.0 + (n * 7 % 5) as f64 } else { 24_000.0 }
            }, "at_least": [] })
    };
    let rows: Vec<String> = (0..30).map(|n| row(n).to_string()).collect();
    let place = Place::new(SMALL);
    place.write(
        "h.jsonl",
        &(rows.join("\n") + "\n" + HOSTILE + "\n{\"schema_version\":1,\"\u{202e}"),
    );
    for format in ["terminal", "json", "html"] {
        place.run(&["history", "h.jsonl", "--format", format]);
    }
    let said = place.run(&["history", "h.jsonl", "--check"]);
    assert!(said.contains("changed for the worse") && said.contains("no\\x1b[31m"), "{said}");
}

#[test]
fn stored_results_of_others() {
    let place = Place::new(SMALL);
    place.run(&["simulate", "s.toml", "--set", "simulate.service=\"1ms\"", "--output", "run"]);
    let whole: Value = read(&place.0.path().join("run/report.json"));
    let (results, _) = poisoned::<Results>(whole.clone(), &DATA);
    let text = serde_json::to_string(&results).expect("JSON");
    place.write("a.json", &text);
    place.write("b.json", &whole.to_string());
    for format in ["terminal", "json", "markdown", "html", "junit", "openmetrics"] {
        place.run(&["report", "a.json", "--format", format]);
    }
    assert!(place.run(&["compare", "a.json", "b.json"]).contains("\\x1b[31m"), "the differences");
    place.run(&["compare", "--force", "a.json", "b.json"]);
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

/// Every string of a report at once, whoever it is of.
#[test]
fn every_string_of_a_report_in_every_format() {
    let whole = serde_json::to_value(rich().results).expect("JSON");
    let (results, count) = poisoned::<Results>(whole, &DATA);
    assert!(count > 100, "{count} strings");
    let findings = Findings { results, ..rich() };
    for format in Format::ALL {
        for width in [40, 80, 120] {
            let text = report::render(format, &findings, &View::plain(width)).expect("text");
            assert_inert(format.name(), &text);
            let is_marked_up = matches!(format, Format::Html | Format::Junit);
            assert!(!is_marked_up || !text.contains("<img src"), "{}", format.name());
        }
    }
}

#[test]
fn every_string_of_other_results_in_every_format() {
    let (compared, count) =
        poisoned::<Comparison>(serde_json::to_value(compared()).expect("JSON"), &[]);
    assert!(count > 10, "{count} strings");
    let place = Place::new(SMALL);
    let words = ["capacity", "s.toml", "--simulate", "--quick", "--output", "c"];
    place.run(&[&words[..], &["--set", "simulate.service=\"5ms\""]].concat());
    let found = read(&place.0.path().join("c/capacity.json"));
    let (capacity, count) = poisoned::<Capacity>(found, &[]);
    assert!(count > 10, "{count} strings");
    for format in forms::Format::ALL {
        let view = View::plain(80);
        let texts = [
            report::comparison::render(format, &compared, &view).expect("text"),
            report::capacity::render(format, &capacity, &view).expect("text"),
        ];
        for text in texts {
            assert_inert(format.name(), &text);
            let is_marked_up = matches!(format, forms::Format::Html | forms::Format::Junit);
            assert!(!is_marked_up || !text.contains("<img src"), "{}", format.name());
        }
    }
}

#[test]
fn every_string_of_a_conformance_report_in_every_format() {
    use conformance::Format as Form;
    let row = |verdict: &str, gates: bool| {
        json!({ "id": "a", "direction": "inbound", "title": "b", "expected": "c", "source": "d",
            "mandated": true, "observed": "e", "verdict": verdict, "gates": gates })
    };
    let rows = [row("violates", true), row("conforms", false)];
    let whole = json!({ "schema_version": 2, "tool": "a", "target_kind": "b", "target_version": "c",
        "started_at": "d", "rows": rows });
    let (found, count) = poisoned::<ConformanceReport>(whole, &[]);
    assert!(count >= 14, "{count} strings");
    let view = View::plain(80);
    for (format, verbose) in [
        (Form::Table, false),
        (Form::Table, true),
        (Form::Markdown, false),
        (Form::Json, false),
        (Form::Junit, false),
        (Form::Sarif, false),
    ] {
        let how = conformance::Presentation { scenario: HOSTILE, view: &view, verbose };
        assert_inert(&format!("{format:?}"), &conformance::render(&found, format, &how));
    }
}
