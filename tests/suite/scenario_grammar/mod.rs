//! What a scenario says is what is meant, and what is written back says the same.

use std::time::Duration;

use mailbench::fault::chaos::kill::Kill;
use mailbench::fault::chaos::pause::Pause;
use mailbench::fault::chaos::restart::Restart;
use mailbench::fault::chaos::run::Run;
use mailbench::fault::chaos::{Act, Chaos, When};
use mailbench::fault::disconnect::Disconnect;
use mailbench::fault::rule::{Action, Attempts, Hangup, Limit, Odds, Window};
use mailbench::fault::script::Script;
use mailbench::fault::throttle::Throttle;
use mailbench::quantity::{Law, Quantity};
use mailbench::queue::schedule::Growth;
use mailbench::scenario::model::{
    AbuseKind, Arrival, Changes, Extent, External, HeaderChanges, LoadModel, RecipientChange,
    Scenario, Segment, SenderChange, Submission, TargetKind, TargetSpec, TlsTerms,
};
use mailbench::scenario::{self, Override, Provenance};
use mailbench::smtp::client::{Mechanism, Protocol, Trust};
use mailbench::smtp::envelope::Ret;
use mailbench::smtp::stage::Stage;

/// Every key that is built, with a value that is not its default.
const EVERYTHING: &str = include_str!("everything.toml");

const SMALL: &str = "[load]\nrate = \"50/s\"\n[[destination]]\ndomain = \"a.test\"\n";

fn read(text: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<Override> =
        overrides.iter().map(|pair| pair.parse().expect("an override")).collect();
    let loaded = scenario::parse("everything.toml", text, &overrides);
    loaded.unwrap_or_else(|error| panic!("{error}")).scenario
}

/// Where a threshold stands differs between the two texts; all else must not.
fn without_places(mut scenario: Scenario) -> Scenario {
    scenario.thresholds.iter_mut().for_each(|threshold| threshold.lines = (0, 0));
    scenario
}

#[track_caller]
fn reads_back(text: &str, overrides: &[&str]) {
    let pairs: Vec<Override> = overrides.iter().map(|pair| pair.parse().expect("a pair")).collect();
    let loaded = scenario::parse("x.toml", text, &pairs).unwrap_or_else(|e| panic!("{e}"));
    let again = scenario::parse("y.toml", &loaded.resolved, &[])
        .unwrap_or_else(|error| panic!("{error}\n{}", loaded.resolved));
    assert_eq!(without_places(loaded.scenario), without_places(again.scenario));
    assert_eq!(loaded.resolved, again.resolved);
    assert_eq!(loaded.sha256, again.sha256);
}

/// Every key of `[compare]`.
const COMPARE: &str = r#"
[compare]
pairs = 3
cool_down = "5s"
extend = false
margin = "10%"
rate_margin = 0.02
gate = ["drain_time"]
[[compare.variant]]
name = "plain"
[[compare.variant]]
name = "other"
set = { "load.rate" = "70/s", "load.sessions" = 9, "smtp.pipelining" = false }
"#;

#[test]
fn variants_are_the_scenario_with_some_keys_set_otherwise() {
    let text = format!("{SMALL}{COMPARE}");
    let loaded = scenario::parse("x.toml", &text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let compare = loaded.scenario.compare.as_ref().expect("variants");
    assert_eq!((compare.pairs, compare.extend, compare.margin), (3, false, 0.10));
    assert_eq!(compare.gate.as_deref(), Some(&["drain_time".to_owned()][..]));
    assert_eq!(compare.cool_down, Duration::from_secs(5));
    let (name, other) = &loaded.variants[1];
    assert_eq!(name, "other");
    assert_eq!((other.scenario.load.sessions, other.scenario.smtp.pipelining), (9, false));
    assert!(other.scenario.compare.is_none() && !other.resolved.contains("compare"));
    assert!(other.resolved.contains("rate = \"70/s\""), "{}", other.resolved);
    assert_eq!(loaded.variants[0].1.scenario.load.sessions, loaded.scenario.load.sessions);
    reads_back(&text, &[]);
    let seeded = other.with_seed(mailbench::seed::Seed(41));
    assert!(seeded.resolved.contains("seed = 41\n") && seeded.sha256 != other.sha256);
}

#[test]
fn every_key_is_meant_as_written() {
    let scenario = read(EVERYTHING, &[]);
    assert_eq!((scenario.name.as_str(), scenario.seed.0), ("everything", 99));
    let address = "127.0.0.1:2525".parse().expect("an address");
    let command = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let external = External {
        address,
        queue_command: command(&["postqueue", "-j"]),
        start_command: command(&["./start", "now"]),
        stop_command: command(&["./stop"]),
        pid_file: Some("run/it.pid".into()),
    };
    assert_eq!(scenario.target.kind, TargetKind::External(external));
    let steps = vec![Duration::from_secs(1), Duration::from_secs(90)];
    assert_eq!(scenario.target.retry.kind, Growth::Steps { delays: steps });
    assert_eq!(scenario.target.delivery.per_destination, 3);
    declared_changes(&scenario.target.changes);
    assert_eq!(scenario.load.extent, Extent::Messages(1000));
    assert_eq!(scenario.smtp.timeouts.end_of_data, Duration::from_secs(7));
    how_mail_is_submitted(&scenario.smtp);
    let law = Law::LogNormal { median: 8192.0, sigma: 1.1 };
    let size = Quantity::Drawn { law, min: None, max: Some(5.0 * 1_048_576.0) };
    assert_eq!(scenario.message.size, size);
    assert_eq!(scenario.destinations[1].weight, 0.5);
    let metrics: Vec<&str> = scenario.thresholds.iter().map(|it| it.words.0.as_str()).collect();
    assert_eq!(metrics, ["lost", "e2e_response.p99", "e2e_response.p99", "backlog.max"]);
}

fn declared_changes(changes: &Changes) {
    let expected = Changes {
        headers: HeaderChanges::Any,
        subject: true,
        footer: true,
        reencoded: false,
        sender: SenderChange::Srs,
        recipient: RecipientChange::SubaddressStripped,
        copies: vec!["archive@a.test".to_owned()],
    };
    assert_eq!(*changes, expected);
}

#[test]
fn every_name_of_a_declared_change_is_read_and_written() {
    assert_eq!(read(SMALL, &[]).target.changes, Changes::default());
    let senders = ["unchanged", "srs", "batv", "verp", "any"];
    let recipients = ["unchanged", "subaddress-stripped", "alias", "any"];
    let pairs =
        [("headers", &["permitted", "any"][..]), ("sender", &senders), ("recipient", &recipients)];
    for (key, values) in pairs {
        for value in values {
            reads_back(SMALL, &[&format!("target.changes.{key}={value}")]);
        }
    }
    reads_back(SMALL, &["target.changes.copies=[\"a@a.test\", \"b@b.test\"]"]);
}

fn how_mail_is_submitted(smtp: &Submission) {
    assert!(!smtp.pipelining && smtp.chunking);
    assert_eq!(smtp.protocol, Protocol::Lmtp);
    let tls = TlsTerms {
        implicit: false,
        trust: Trust::File("ca.pem".into()),
        name: "mx.test".to_owned(),
        resumption: false,
    };
    assert_eq!(smtp.tls, Some(tls));
    let login = smtp.login.as_ref().expect("a login");
    assert_eq!((login.mechanism, login.user.as_str()), (Mechanism::CramMd5, "u"));
    assert_eq!(login.password_env, "MAILBENCH_PASSWORD");
    assert!(!smtp.dsn.envelope_id && smtp.dsn.original_recipient);
    assert_eq!(smtp.dsn.ret, Some(Ret::Headers));
    assert!(smtp.dsn.notify.is_some_and(|wanted| wanted.failure && !wanted.success));
    let range = smtp.sources.expect("a range");
    assert_eq!((range.address.octets(), range.prefix), ([127, 0, 3, 0], 24));
}

#[test]
fn verification_is_for_others_than_this_machine() {
    let trust = |address: &str, more: &str| {
        let target = format!("[target]\nkind = \"external\"\naddress = \"{address}\"\n");
        let text = format!("{SMALL}{target}[smtp]\ntls = \"starttls\"\n{more}");
        reads_back(&text, &[]);
        let tls = read(&text, &[]).smtp.tls.expect("TLS");
        (tls.trust, tls.name)
    };
    assert_eq!(trust("127.0.0.1:25", ""), (Trust::Any, "localhost".to_owned()));
    assert_eq!(trust("192.0.2.1:25", ""), (Trust::System, "192.0.2.1".to_owned()));
    assert_eq!(trust("192.0.2.1:25", "tls_verify = false").0, Trust::Any);
    assert_eq!(trust("[::1]:25", "tls_verify = true").0, Trust::System);
}

#[test]
fn every_fault_is_meant_as_written() {
    let scenario = read(EVERYTHING, &[]);
    let fault = |name: &str| {
        let rule = scenario.faults.iter().find(|rule| rule.name == name);
        rule.unwrap_or_else(|| panic!("no fault {name}"))
    };
    let scope = &fault("greylist").scope;
    assert_eq!(scope.destination.map(|id| id.0), Some(1));
    assert_eq!(scope.attempts, Some(Attempts { first: 1, last: Some(3) }));
    assert_eq!(scope.odds, Odds(250_000_000));
    let window = Window { start: Duration::from_secs(10), end: Duration::from_secs(20) };
    assert_eq!(scope.during, Some(window));
    let cut = Action::Disconnect(Disconnect { how: Hangup::Rst, after_bytes: Some(2048) });
    assert_eq!(fault("cut").action, cut);
    assert_eq!(fault("slow").action, Action::Throttle(Throttle { bytes_per_second: 2048.0 }));
    assert_eq!(fault("closed").scope.stage, Stage::Connect);
    assert_eq!(fault("few").action, Action::Limit(Limit::Connections(20)));
    let rate = Limit::Rate { per_second: 50.0, per_destination: true };
    assert_eq!(fault("paced").action, Action::Limit(rate));
    assert!(
        matches!(&fault("fault-8").action, Action::Script(Script(replies)) if replies.len() == 3)
    );
}

#[test]
fn all_chaos_is_meant_as_written() {
    let seconds = Duration::from_secs;
    let every = When::Every { every: seconds(10), jitter: seconds(2) };
    let run = |words: &[&str]| Act::Run(Run(words.iter().map(|word| (*word).to_owned()).collect()));
    let expected = [
        Chaos { at: When::Once(seconds(12)), act: run(&["./hook.sh", "now"]) },
        Chaos { at: every, act: run(&["true"]) },
    ];
    assert_eq!(read(EVERYTHING, &[]).chaos, expected);
    let act = |line: &str| {
        let text = format!("{SMALL}[[chaos]]\nat = {{ every = \"3s\" }}\n{line}\n");
        reads_back(&text, &["chaos.0.at.every=4s"]);
        read(&text, &[]).chaos.remove(0).act
    };
    assert_eq!(act("kill = {}"), Act::Kill(Kill { restart_after: None }));
    let restart_after = Some(seconds(3));
    assert_eq!(act("kill = { restart_after = \"3s\" }"), Act::Kill(Kill { restart_after }));
    assert_eq!(act("pause = \"5s\""), Act::Pause(Pause(seconds(5))));
    assert_eq!(act("restart = {}"), Act::Restart(Restart {}));
}

#[test]
fn warm_up_is_the_first_piece_of_an_open_load() {
    let flat = |rate: f64, seconds: u64| Segment {
        from_per_second: rate,
        to_per_second: rate,
        duration: Duration::from_secs(seconds),
    };
    let segments = |overrides: &[&str]| match read(SMALL, overrides).load.model {
        LoadModel::Open { segments, .. } => segments,
        LoadModel::Closed { .. } => Vec::new(),
    };
    assert_eq!(segments(&[]), [flat(50.0, 5), flat(50.0, 30)]);
    assert_eq!(segments(&["load.warm_up=0s"]), [flat(50.0, 30)]);
    assert_eq!(segments(&["load.messages=100"]), [flat(50.0, 5), flat(50.0, 2)]);
    let ramp = "load.segment=[{rate=\"10/s\", to=\"30/s\", duration=\"4s\"}]";
    let piece = Segment { to_per_second: 30.0, ..flat(10.0, 4) };
    assert_eq!(segments(&[ramp]), [flat(10.0, 5), piece]);
    assert_eq!(read(SMALL, &[ramp]).load.extent, Extent::Duration(Duration::from_secs(4)));
}

#[test]
fn overrides_take_the_paths_of_the_file() {
    let scenario = read(
        EVERYTHING,
        &[
            "seed=5",
            "load.duration=3s",
            "load.arrival=on-off",
            "destination.0.weight=7",
            "destination.b.test.weight=8",
            "fault.greylist.odds=0.5",
            "fault.0.attempts=2..",
            "target.kind=external",
            "thresholds.lost=<= 1",
            "thresholds.e2e_response{destination=a.test}.p50=< 1s",
            "message.size=2KiB",
        ],
    );
    assert_eq!(scenario.seed.0, 5);
    assert_eq!(scenario.load.extent, Extent::Duration(Duration::from_secs(3)));
    let second = Duration::from_secs(1);
    let LoadModel::Open { arrival, .. } = scenario.load.model else { panic!("an open load") };
    assert_eq!(arrival, Arrival::OnOff { on: second, off: second });
    assert_eq!([7.0, 8.0], [scenario.destinations[0].weight, scenario.destinations[1].weight]);
    assert_eq!(scenario.faults[0].scope.odds, Odds(500_000_000));
    assert_eq!(scenario.faults[0].scope.attempts, Some(Attempts { first: 2, last: None }));
    assert_eq!(scenario.thresholds[0].words.1, "<= 1");
    assert_eq!(scenario.thresholds[4].words.0, "e2e_response{destination=a.test}.p50");
    assert_eq!(scenario.message.size, Quantity::Constant(2048.0));
}

#[test]
fn a_resolved_scenario_reads_back_to_itself() {
    reads_back(EVERYTHING, &[]);
    reads_back(SMALL, &[]);
    for pair in [
        "load.model=closed",
        "load.arrival=constant",
        "load.arrival=on-off",
        "load.rate=7/h",
        "load.warm_up=0s",
        "load.messages=12345",
        "load.segment=[{rate=\"1/s\", to=\"3/s\", duration=\"2s\"}, {rate=\"3/s\", duration=\"1s\"}]",
        "load.segment=[{rate=\"3/s\", duration=\"1s\"}]",
        "target.retry.schedule=fixed",
        "target.kind=direct",
        "target={kind=\"postfix\", program=\"/a/postfix\", settings={b=\"c d\", e=3, f=true}}",
        "target.delivery.ordering=load-aware",
        "message.size={dist=\"uniform\", min=\"1kB\", max=\"2kB\"}",
        "message.size={dist=\"pareto\", min=\"1kB\", shape=1.5}",
        "message.size={dist=\"normal\", mean=\"9kB\", sd=\"1kB\", min=\"100B\"}",
        "message.recipients={dist=\"choice\", values=[1, 2.0, 5]}",
        "message.recipients={dist=\"exponential\", mean=1.7}",
    ] {
        let closed = "[load]\n[[destination]]\ndomain = \"a.test\"\n";
        reads_back(if pair.contains("closed") { closed } else { SMALL }, &[pair]);
    }
}

#[test]
fn relay_settings_read_back_to_themselves() {
    let TargetSpec { retry, delivery, .. } = read(EVERYTHING, &[]).target;
    let text = scenario::relay_settings_toml(&retry, &delivery);
    assert_eq!(scenario::relay_settings("relay.toml", &text).expect(&text), (retry, delivery));
    let error = scenario::relay_settings("relay.toml", "[retry]\nfirst = \"2\"\n[x]\n");
    let error = error.expect_err("two problems").to_string();
    assert!(
        error.contains("`2` is not a duration") && error.contains("unknown key `x`"),
        "{error}"
    );
}

#[test]
fn abuse_is_meant_as_written() {
    let text = format!(
        "{SMALL}[[abuse]]\nkind = \"slowloris\"\ninterval = \"250ms\"\nsessions = 7\n\
         during = \"1s..2s\"\n[[abuse]]\nname = \"off\"\nkind = \"disconnect\"\nstage = \"data\"\n\
         [[abuse]]\nkind = \"lying-size\"\nbytes = \"2MiB\"\npause = \"1s\"\n"
    );
    reads_back(&text, &["abuse.0.sessions=8"]);
    let all = read(&text, &[]).abuse;
    let interval = Duration::from_millis(250);
    assert_eq!(all[0].kind, AbuseKind::Slowloris { interval });
    assert_eq!((all[0].sessions, all[0].name.as_str()), (7, "slowloris"));
    assert_eq!(all[1].kind, AbuseKind::Disconnect { stage: Some(Stage::Data) });
    assert_eq!(all[2].kind, AbuseKind::LyingSize { bytes: 2 << 20 });
    assert_eq!((all[2].pause, all[2].during), (Duration::from_secs(1), None));
}

/// `conformance` offers no load.
#[test]
fn a_scenario_whose_target_is_examined_needs_no_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("target.toml");
    std::fs::write(&path, "[target]\nkind = \"relay\"\n").expect("written");
    assert!(mailbench::scenario::load(&path, &[]).is_err());
    assert!(mailbench::scenario::load_target(&path, &[], Provenance::Own).is_ok());
    std::fs::write(&path, "[target]\nkind = \"realy\"\n").expect("written");
    assert!(
        mailbench::scenario::load_target(&path, &[], Provenance::Own).is_err(),
        "what is there is checked"
    );
}
