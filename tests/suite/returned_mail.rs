//! What the embedded relay returns, the ledger reads without a flaw, about the right probes.

use mailbench::clock::Time;
use mailbench::ledger::dsn::{Arrival, read};
use mailbench::ledger::event::DsnAction;
use mailbench::plan::Plan;
use mailbench::probe::MessageId;
use mailbench::relay::dsn::report;
use mailbench::relay::mail::{Envelope, Recipient};
use mailbench::relay::settle::Failure;
use mailbench::scenario;
use mailbench::smtp::reply::EnhancedStatus;

const SCENARIO: &str = r#"
question = "Does it come back?"
[target]
kind = "relay"
[load]
rate = "10/s"
[message]
recipients = 2
[[destination]]
domain = "a.test"
weight = 1
"#;

const NOW: Time = Time(1_795_545_045_000_000_000);

fn failure(position: u16, address: &str) -> Failure {
    let last_reply = Some("smtp; 550 5.1.1 No such user".to_owned());
    let recipient = Recipient { position, address: address.to_owned(), last_reply };
    Failure { recipient, status: EnhancedStatus { class: 5, subject: 1, detail: 1 } }
}

#[test]
fn the_relays_report_is_read_without_a_flaw() {
    let loaded = scenario::parse("returned", SCENARIO, &[]).expect("valid");
    let plan = Plan::new(&loaded.scenario, Some("01jd9x".to_owned()));
    let offer = plan.offers().nth(3).expect("an offer");
    let envelope = plan.envelope(&offer);
    let failed: Vec<Failure> =
        (0..).zip(&envelope.recipients).map(|(n, to)| failure(n, to)).collect();
    let mail = Envelope {
        id: 4,
        reverse_path: envelope.reverse_path.clone(),
        priority: 0,
        eight_bit: false,
        utf8: false,
        accepted: NOW,
    };
    let content = report(9, &mail, &failed, &plan.text(&offer), NOW);
    // First to the VERP sender, then to an address that names nothing, so that the returned
    // header must.
    for recipient in [envelope.reverse_path.as_str(), "postmaster@bounce.mailbench.test"] {
        let arrival = Arrival { at: NOW, session: 1, reverse_path: "", recipient };
        let dsn = read(&content, plan.identity(), &arrival);
        assert_eq!(dsn.flaws, [""; 0]);
        assert_eq!(dsn.message, Some(MessageId(6)));
        let probes: Vec<_> = dsn.recipients.iter().map(|block| block.probe).collect();
        assert_eq!(probes, [0, 1].map(|index| Some(offer.message.probe(index))));
        assert!(dsn.recipients.iter().all(|block| block.action == DsnAction::Failed));
        assert_eq!(dsn.recipients[0].diagnostic, "smtp; 550 5.1.1 No such user");
    }
}
