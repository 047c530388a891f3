//! Fourteen real mail clients hand mail on, each for an MTA, and none is accused of anything: every
//! message arrives at the sink, whole but for what a client lawfully does to it.

use crate::pipeline::client::Client;
use crate::pipeline::{Behaviour, HONEST, Pipeline, SCENARIO, Style};
use crate::support::{Lab, free_address, side_by_side};

/// What would be an accusation, or a doubt.
const ACCUSATIONS: [&str; 16] = [
    "lost",
    "unaccounted",
    "pending",
    "corrupted",
    "altered",
    "phantom",
    "foreign",
    "misrouted",
    "smuggled",
    "readdressed_violations",
    "copied_violations",
    "duplicates",
    "delivered_after_refusal",
    "delivered_before_end_of_data",
    "ambiguous_receptions",
    "unconfirmed",
];

/// What a client was found guilty of; none of them is of anything.
fn accusations(client: &Client) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = free_address();
    let style = Style { client: Some(*client), ..HONEST.style };
    let pipeline = Pipeline::start(Behaviour { style, ..HONEST }, sink, false, folder.path());
    let mut lab = Lab::new(SCENARIO)
        .set("load.rate", "20/s")
        .set("load.messages", "6")
        .set("load.drain", "120s")
        .set("target.address", &pipeline.address.to_string())
        .set("target.queue_command", &pipeline.queue_command())
        .set("sink.listen", &sink.to_string());
    for (key, value) in client.changes() {
        lab = lab.set(&format!("target.changes.{key}"), value);
    }
    let ran = lab.run();
    let mut found: Vec<String> = Vec::new();
    if ran.code != 0 || ran.count("delivered") != 6 {
        found.push(format!("{client:?}: exit {}, {ran}", ran.code));
        return found;
    }
    let accused = ACCUSATIONS.iter().map(|name| (name, ran.count(name)));
    found
        .extend(accused.filter(|(_, n)| *n > 0).map(|(name, n)| format!("{client:?}: {n} {name}")));
    found
}

#[test]
fn fourteen_clients_are_accused_of_nothing() {
    let here = Client::ALL.into_iter().filter(|client| client.is_here());
    let found = side_by_side(here, 4, accusations).concat();
    assert!(found.is_empty(), "{} accusations:\n{}", found.len(), found.join("\n"));
}
