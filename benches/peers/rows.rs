//! The rows that compare rates and CPU.

use std::process::Command;

use crate::contest::{Target, Turn, hold};
use crate::process::{self, Load, Server, Tools};
use crate::runs::{self, Shape};

/// Every such row whose name is wanted.
pub(crate) fn all(wanted: &dyn Fn(&str) -> bool, tools: Option<&Tools>, runs: usize) {
    if let Some(tools) = tools {
        generator(wanted, tools, runs);
        sink(wanted, tools, runs);
        direct_against_peers(wanted, tools, runs);
    }
    direct_against_exchange(wanted, runs);
    if wanted("open") {
        open();
    }
    if wanted("relay") {
        relay(runs);
    }
}

/// As the issue has it: 20 sessions, 4 KiB.
const REUSED: Load = Load { messages: 100_000, sessions: 20, size: 4096, reused: true };
/// Straight from generator to sink: enough for seconds.
const DIRECT: u64 = 300_000;
const SINGLE: Load = Load { messages: 30_000, reused: false, ..REUSED };

fn turn(load: &Load, wall: f64, cpu: f64) -> Turn {
    Turn { rate: load.messages as f64 / wall, cpu: cpu / load.messages as f64 * 1e6 }
}

/// Lets `client` send `load` into `smtp-sink`; CPU of the client.
fn into_smtp_sink(tools: &Tools, load: &Load, client: impl Fn(&Server) -> Command) -> Turn {
    let server = Server::smtp_sink(tools);
    let cost = process::run(&mut client(&server));
    server.stop();
    turn(load, cost.wall, cost.cpu)
}

fn our_generator(load: &Load, pipelining: bool, to: &Server) -> Command {
    let reuse = if load.reused { 1_000_000 } else { 1 };
    // smtp-sink takes no BDAT.
    let shape = Shape { reuse, pipelining, chunking: false, ..Shape::direct(load.messages) };
    process::part(&["generator", &shape.scenario(), &to.address.to_string()])
}

fn generator(wanted: &dyn Fn(&str) -> bool, tools: &Tools, runs: usize) {
    let cases = [
        ("generator", &REUSED, false, &[Target::Cpu(1.0), Target::Rate(1.0)][..]),
        ("generator-pipelining", &REUSED, true, &[Target::Cpu(0.6)]),
        ("connections-generator", &SINGLE, false, &[Target::Rate(1.0)]),
    ];
    for (name, load, pipelining, targets) in cases {
        if wanted(name) {
            let ours =
                || into_smtp_sink(tools, load, |server| our_generator(load, pipelining, server));
            let theirs =
                || into_smtp_sink(tools, load, |server| tools.source(load, server.address));
            hold(name, targets, runs, ours, theirs);
        }
    }
}

/// Lets `smtp-source` send `load` into a server; CPU of the server.
fn from_smtp_source(tools: &Tools, load: &Load, server: Server) -> Turn {
    let cost = process::run(&mut tools.source(load, server.address));
    turn(load, cost.wall, server.stop())
}

fn sink(wanted: &dyn Fn(&str) -> bool, tools: &Tools, runs: usize) {
    let cases = [
        ("sink", &REUSED, &[Target::Cpu(0.75)][..]),
        ("connections-sink", &SINGLE, &[Target::Rate(1.0)]),
    ];
    for (name, load, targets) in cases {
        if wanted(name) {
            let ours = || {
                let folder = tempfile::tempdir().expect("a folder");
                let server = Server::mailbench_sink(&folder.path().join("journal.bin"));
                from_smtp_source(tools, load, server)
            };
            let theirs = || from_smtp_source(tools, load, Server::smtp_sink(tools));
            hold(name, targets, runs, ours, theirs);
        }
    }
}

/// `smtp-source` into `smtp-sink`; CPU of both.
fn peers(tools: &Tools, load: &Load) -> Turn {
    let server = Server::smtp_sink(tools);
    let cost = process::run(&mut tools.source(load, server.address));
    turn(load, cost.wall, cost.cpu + server.stop())
}

fn direct(shape: &Shape) -> Turn {
    shape.run().turn(shape.messages)
}

fn direct_against_peers(wanted: &dyn Fn(&str) -> bool, tools: &Tools, runs: usize) {
    if wanted("direct-peers") {
        let shape = Shape::direct(DIRECT);
        hold(
            "direct-peers",
            &[Target::Rate(4.0)],
            runs,
            || direct(&shape),
            || peers(tools, &REUSED),
        );
    }
    if wanted("connections-direct") {
        let shape = Shape { reuse: 1, ..Shape::direct(SINGLE.messages) };
        let (ours, theirs) = (|| direct(&shape), || peers(tools, &SINGLE));
        hold("connections-direct", &[Target::Rate(1.0)], runs, ours, theirs);
    }
}

/// A bare exchange of the octets and round trips of one message, as `strace` shows them.
fn exchange(rounds: &str, messages: u64) -> Turn {
    let messages_word = messages.to_string();
    let cost = process::run(&mut process::part(&["exchange", rounds, &messages_word, "20"]));
    Turn { rate: messages as f64 / cost.wall, cpu: cost.cpu / messages as f64 * 1e6 }
}

fn direct_against_exchange(wanted: &dyn Fn(&str) -> bool, runs: usize) {
    let cases = [
        ("direct-exchange", (true, true), "4220:50"),
        ("direct-exchange-data", (true, false), "120:80,4105:17"),
        ("direct-exchange-plain", (false, false), "70:21,30:24,6:35,4105:17"),
    ];
    for (name, (pipelining, chunking), rounds) in cases {
        if wanted(name) {
            let messages = DIRECT;
            let shape = Shape { pipelining, chunking, ..Shape::direct(messages) };
            let theirs = || exchange(rounds, messages);
            hold(name, &[Target::Rate(0.8)], runs, || direct(&shape), theirs);
        }
    }
}

/// 5,000 a second, evenly: how late messages are handed over.
fn open() {
    let scenario = "name = \"open\"\nseed = 7\n[target]\nkind = \"direct\"\n[load]\n\
        model = \"open\"\narrival = \"poisson\"\nrate = \"5000/s\"\nwarm_up = \"2s\"\n\
        duration = \"10s\"\nsessions = 200\nmessages_per_session = 1000\n\
        [message]\nsize = \"4KiB\"\n[[destination]]\ndomain = \"d.test\"\n";
    let ran = runs::run(scenario);
    let lag = |stat: &str| ran.figure(&format!("/latency/schedule_lag/{stat}")) / 1000.0;
    println!(
        "open: schedule_lag at 5000/s p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms; {:.0} % of the \
         machine; p99 < 1 ms: {}",
        lag("p50"),
        lag("p99"),
        lag("p999"),
        ran.figure("/resources/cpu_share") * 100.0,
        crate::contest::met(lag("p99") < 1.0)
    );
}

/// The relay and Postfix, both durable, from 20 sessions to the sink.
fn relay(runs: usize) {
    let shape = |kind: &str, messages| Shape {
        target: format!(
            "kind = \"{kind}\"\n[target.delivery]\nconcurrency = 20\nper_destination = 20\n"
        ),
        ..Shape::direct(messages)
    };
    let (ours, theirs) = (shape("relay", 20_000), shape("postfix", 4_000));
    let turn = |shape: &Shape| {
        let ran = shape.run();
        // End to end: from the first message to the last delivery.
        let took = ran.figure("/run/measured_to_s") - ran.figure("/run/measured_from_s")
            + ran
                .report
                .pointer("/queue/drain_time_s")
                .and_then(serde_json::Value::as_f64)
                .unwrap_or(0.0);
        let messages = shape.messages as f64;
        Turn { rate: messages / took, cpu: ran.cpu / messages * 1e6 }
    };
    hold("relay", &[Target::Rate(3.0)], runs, || turn(&ours), || turn(&theirs));
}
