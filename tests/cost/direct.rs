//! The generator straight into the sink, with the ledger: all that mailbench does for a message.
//! One thread, so that what is counted does not depend on who runs beside whom.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mailbench::clock::{Clock, Time};
use mailbench::ledger::Ledger;
use mailbench::plan::Plan;
use mailbench::scenario::model::Engine;
use mailbench::smtp::dialogue::Extension;
use mailbench::traffic::{self, Gauges, Instruments};
use mailbench::{scenario, sink};
use tokio_util::sync::CancellationToken;

const SCENARIO: &str = r#"
seed = 7
[target]
kind = "direct"
[load]
model = "closed"
warm_up = "0s"
sessions = 20
messages_per_session = 1000000
messages = 1
[smtp]
chunking = false
[message]
size = "4KiB"
[[destination]]
domain = "one.test"
"#;

/// How content goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By DATA: two round trips a message.
    Data,
    /// By BDAT with the envelope: one.
    Chunk,
}

/// Offers so many messages, pipelined, and sees them arrive.
pub(crate) fn offer(messages: u64, by: By) {
    let text = SCENARIO.replace("messages = 1\n", &format!("messages = {messages}\n"));
    let text = text.replace("chunking = false", &format!("chunking = {}", by == By::Chunk));
    let scenario = scenario::parse("cost", &text, &[]).expect("a scenario").scenario;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
        let plan = Plan::new(&scenario, None);
        let clock = Clock::start();
        let mut offered = Engine::Native.extensions();
        offered.extend((by == By::Chunk).then_some(Extension::Chunking));
        let settings = sink::Settings {
            identity: Some(plan.identity().clone()),
            destinations: vec!["one.test".to_owned()],
            extensions: Some(offered),
            ..sink::Settings::at(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
        };
        let sink = sink::start(settings, clock, ledger.clone()).await.expect("a sink");
        sink.measured_from(Time::ZERO);
        let peer = traffic::peer(&scenario.smtp, sink.address()).expect("a way to talk");
        let to = traffic::Settings::new(&scenario, peer, clock.now());
        let gauges = Arc::new(Gauges::default());
        let instruments = Instruments { clock, ledger: ledger.clone(), gauges };
        let stop = CancellationToken::new();
        traffic::offer(plan, to, instruments, stop).await.expect("offered");
        sink.stop().await;
        let tally = ledger.tally();
        assert_eq!((tally.accepted, tally.delivered), (messages, messages), "{tally:?}");
    });
}
