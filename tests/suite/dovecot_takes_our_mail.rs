//! Dovecot takes our traffic by LMTP (RFC 2033): each recipient has a reply of its own, and what it
//! said of each holds in the mailboxes and at the sink.
//!
//! Passed over with a line that says so where Dovecot is not below `MAILBENCH_MTA_PREFIX` or the
//! tests are not root's.

use mailbench::ledger::event::SubmitResult;
use mailbench::plan::{Offer, Plan};
use mailbench::probe::{ProbeId, content::Verifier};
use mailbench::scenario::{self, model::Scenario};
use mailbench::smtp::stage::Stage;
use mailbench::traffic;

use crate::dovecot::Dovecot;
use crate::offered::{Offered, offered_as};
use crate::support::{Lab, free_address};

const SCENARIO: &str = r#"
name = "lmtp"
seed = 7
[target]
kind = "external"
address = "TARGET"
[load]
arrival = "constant"
rate = "20/s"
warm_up = "0s"
duration = "1s"
drain = "20s"
sessions = 3
messages_per_session = 4
[smtp]
protocol = "lmtp"
chunking = CHUNKING
[sink]
listen = "SINK"
[message]
size = "3KiB"
recipients = 3
[[destination]]
domain = "a.test"
[[destination]]
domain = "b.test"
"#;

/// The recipient whom Dovecot does not know.
const UNKNOWN: ProbeId = ProbeId(4);

/// The recipient whose mailbox cannot be opened.
const BROKEN: ProbeId = ProbeId(7);

/// Four messages a connection, of three at a time: with every reply read, each is good for more.
const MOST_CONNECTIONS: usize = 8;

fn scenario(chunking: bool) -> Scenario {
    let text = SCENARIO.replace("TARGET", "127.0.0.1:1").replace("SINK", "127.0.0.1:2");
    let text = text.replace("CHUNKING", &chunking.to_string());
    scenario::parse("lmtp.toml", &text, &[]).expect("a scenario").scenario
}

/// Every probe of a plan with its recipient and the offer it is part of.
fn probes(plan: &Plan) -> Vec<(ProbeId, String, Offer)> {
    let offers = plan.offers().chain([plan.preflight()]);
    let probes = offers.flat_map(|offer| {
        let recipients = plan.envelope(&offer).recipients;
        (0..)
            .zip(recipients)
            .map(move |(index, recipient)| (offer.message.probe(index), recipient, offer.clone()))
    });
    probes.collect::<Vec<_>>()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_of_each_recipient_is_so_in_the_mailboxes_by_data() {
    stored(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_of_each_recipient_is_so_in_the_mailboxes_by_bdat() {
    stored(true).await;
}

async fn stored(chunking: bool) {
    let scenario = scenario(chunking);
    let known = probes(&Plan::new(&scenario, None));
    let users = known.iter().filter(|(probe, ..)| *probe != UNKNOWN).map(|(probe, name, _)| {
        let home = if *probe == BROKEN { "userdb_home=/dev/null/x" } else { "" };
        format!("{name}:{{PLAIN}}x::::::{home}")
    });
    let Some(dovecot) = Dovecot::start(&users.collect::<Vec<_>>()) else { return };
    let mut peer = traffic::peer(&scenario.smtp, dovecot.address).expect("a peer");
    peer.address = dovecot.address;
    let offered = offered_as(&scenario, peer, None).await;
    assert_eq!(offered.results.len(), 20, "{}", dovecot.log());
    check_stages(&offered, chunking);
    let has = |stages: &[(Stage, u32)]| stages.iter().any(|(stage, _)| *stage == Stage::Connect);
    let connections = offered.results.iter().filter(|it| has(&it.stages)).count();
    assert!(connections <= MOST_CONNECTIONS, "{connections} connections");
    let said = |probe: ProbeId| {
        let mut results = offered.results.iter().flat_map(|submitted| {
            (0..).zip(&submitted.results).map(|(index, it)| (submitted.message.probe(index), it))
        });
        results.find(|(it, _)| *it == probe).map(|(_, result)| result)
    };
    let mut accepted = 0;
    for (probe, recipient, offer) in &known {
        let Some(result) = said(*probe) else { continue };
        let held = dovecot.mailbox(recipient);
        match result {
            SubmitResult::Refused { stage: Stage::RcptTo, reply } if *probe == UNKNOWN => {
                assert_eq!((reply.code, held.len()), (550, 0), "{reply}");
            }
            SubmitResult::Refused { stage: Stage::EndOfData, reply } if *probe == BROKEN => {
                assert_eq!((reply.code, held.len()), (451, 0), "{reply}");
            }
            SubmitResult::Accepted { reply } => {
                // Its own reply, not another's.
                assert!(reply.to_string().contains(&format!("<{recipient}>")), "{reply}");
                assert_eq!(held.len(), 1, "{recipient} has it as often");
                check(&held[0], &offered.plan, offer, recipient);
                accepted += 1;
            }
            other => panic!("{recipient}: {other:?}\n{}", dovecot.log()),
        }
    }
    assert_eq!(accepted, 58, "all of 60 but two");
}

/// Each transaction went by the command that was asked for.
fn check_stages(offered: &Offered, chunking: bool) {
    let by_data = |stages: &[(Stage, u32)]| stages.iter().any(|(stage, _)| *stage == Stage::Data);
    for submitted in &offered.results {
        assert_eq!(by_data(&submitted.stages), !chunking, "{:?}", submitted.stages);
    }
}

/// A mailbox's message is the one sent, to the byte, after whom it is from.
fn check(held: &[u8], plan: &Plan, offer: &Offer, recipient: &str) {
    let mut verifier = Verifier::new();
    verifier.feed(held);
    let seen = verifier.finish().ok().expect("as it was sent");
    assert_eq!((seen.message, &seen.changes[..]), (Some(offer.message), &[][..]), "{recipient}");
    assert!(held.ends_with(&plan.text(offer)), "the text of {recipient}");
    let sender = format!("Return-Path: <{}>\r\n", plan.envelope(offer).reverse_path);
    assert!(held.starts_with(sender.as_bytes()), "{}", String::from_utf8_lossy(held));
}

/// Dovecot passes all but one recipient on to the sink, by SMTP: a whole run with its ledger.
#[test]
fn what_it_passes_on_is_all_delivered() {
    let sink = free_address();
    let (host, port) = (sink.ip(), sink.port());
    let passed = format!("proxy=y nopassword=y host={host} port={port} protocol=smtp");
    let known = probes(&Plan::new(&scenario(false), None));
    let users = known.iter().filter(|(probe, ..)| *probe != UNKNOWN);
    let users = users.map(|(_, name, _)| format!("{name}:::::::{passed}"));
    let Some(dovecot) = Dovecot::start(&users.collect::<Vec<_>>()) else { return };
    let text = SCENARIO.replace("TARGET", &dovecot.address.to_string());
    let text = text.replace("SINK", &sink.to_string()).replace("CHUNKING", "false");
    let ran = Lab::new(&text).run();
    ran.assert_code(0);
    assert_eq!((ran.count("refused"), ran.count("delivered")), (1, 59), "{ran}");
    let connections = ran.report()["latency"]["stage_connect"]["count"].as_u64();
    assert!(connections <= Some(MOST_CONNECTIONS as u64), "{connections:?} connections");
}
