//! `run --metrics ADDR`: a scraper reads the run while it goes on, and its end afterwards.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr};
use std::time::Duration;

use serde_json::Value;

use crate::other_readers_agree::{read, sample};
use crate::support::{Lab, mailbench, pass_over};

/// A run with its endpoint.
struct Served {
    lab: Lab,
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Served {
    fn start(linger: &str) -> Served {
        Served::of(Lab::small(""), linger)
    }

    fn of(lab: Lab, linger: &str) -> Served {
        let lab = lab.arg("--metrics").arg("127.0.0.1:0");
        let lab = lab.arg("--metrics-linger").arg(linger);
        let mut child = lab.start();
        let mut stderr = BufReader::new(child.stderr.take().expect("its stderr"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("its first line");
        let address = line.trim().strip_prefix("metrics at http://").expect("where it serves");
        let address = address.strip_suffix("/metrics").expect("the path").to_owned();
        Served { lab, child, stderr, address }
    }

    /// Head and body of the answer to a GET.
    fn get(&self, path: &str, accept: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        (head.to_owned(), body.to_owned())
    }

    /// What Prometheus' parser makes of the endpoint now; none where it is not installed.
    fn scrape(&self, reader: &str, accept: &str) -> Option<Value> {
        let (head, body) = self.get("/metrics", accept);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), body).expect("written");
        read(reader, &[file.path()])
    }

    /// Waits until the summary is printed: the run has ended, and its end is served.
    fn finish(mut self) {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).expect("the rest");
        let ran = self.lab.finish(self.child);
        ran.assert_code(0);
    }
}

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

#[test]
fn a_scraper_reads_the_run_and_its_end() {
    let mut served = Served::start("60s");
    let probes = |read: &Value| {
        sample(read, "mailbench_live_probes_total", &[("outcome", "offered")]).unwrap_or(0.0)
    };
    let live = loop {
        let Some(live) = served.scrape("openmetrics", OPENMETRICS) else { return abandon(served) };
        if probes(&live) > 0.0 {
            break live;
        }
        assert!(served.child.try_wait().expect("a child").is_none(), "no mail was seen on its way");
    };
    assert!(sample(&live, "mailbench_live_backlog", &[]).is_some());
    assert_eq!(sample(&live, "mailbench_exit_code", &[]), None, "it has not ended");
    let older = served.scrape("prometheus", "text/plain").expect("installed");
    assert!(probes(&older) >= probes(&live));

    let mut summary = BufReader::new(served.child.stdout.take().expect("its stdout")).lines();
    let result = summary.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("RESULT")));
    assert!(result.is_some(), "the summary comes before the linger");
    let end = served.scrape("openmetrics", OPENMETRICS).expect("installed");
    assert!(sample(&end, "mailbench_exit_code", &[]).is_some(), "{end}");
    let accepted = sample(&end, "mailbench_probes_total", &[("outcome", "accepted")]);
    assert!(accepted.is_some_and(|accepted| accepted > 0.0), "{end}");
    ends_within(&mut served.child, Duration::from_secs(45));
    served.finish();
}

#[test]
fn without_a_scraper_the_linger_ends() {
    let mut served = Served::start("1s");
    ends_within(&mut served.child, Duration::from_secs(40));
    served.finish();
}

#[test]
fn only_the_metrics_are_served() {
    let served = Served::start("0s");
    let (head, body) = served.get("/", "*/*");
    assert!(head.starts_with("HTTP/1.1 404 ") && body.contains("/metrics"), "{head}\n{body}");
    let (head, _) = served.get("/metrics", "text/plain");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    served.finish();
}

/// The run is in a network of its own; its scraper is not.
#[test]
fn an_isolated_run_is_scraped_from_outside() {
    if !nix::unistd::Uid::effective().is_root() {
        return pass_over("metrics of an isolated run", "a network namespace may need root");
    }
    let served = Served::of(Lab::small("").set("target.network", "isolated"), "0s");
    let (head, _) = served.get("/metrics", "text/plain");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    served.finish();
}

#[test]
fn other_machines_are_not_served_unless_allowed() {
    let mut command = mailbench();
    let output = command.args(["run", "scenarios/quickstart.toml", "--metrics", "0.0.0.0:0"]);
    let output = output.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("loopback only"), "{said}");
}

/// The readers are not installed: the run is ended, nothing is asserted.
fn abandon(mut served: Served) {
    served.child.kill().expect("killed");
    served.child.wait().expect("ended");
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn ends_within(child: &mut Child, most: Duration) {
    let look = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    while child.try_wait().expect("a child").is_none() {
        assert!(waited < most, "it still runs after {most:?}");
        std::thread::sleep(look);
        waited += look;
    }
}
