//! What one verdict costs: the sink asks for one at every stage of every transaction.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use mailbench::clock::Time;
use mailbench::fault::defer::Defer;
use mailbench::fault::delay::Delay;
use mailbench::fault::judge;
use mailbench::fault::judge::Moment;
use mailbench::fault::limit::Limits;
use mailbench::fault::rule::{Action, Odds, Rule, Scope};
use mailbench::fault::stall::Stall;
use mailbench::probe::DestinationId;
use mailbench::quantity::{Law, Quantity};
use mailbench::seed::Seed;
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

fn rule(stage: Stage, odds: u32, action: Action) -> Rule {
    let scope = Scope { destination: None, stage, during: None, attempts: None, odds: Odds(odds) };
    Rule { name: "a rule".to_owned(), scope, action }
}

fn rules() -> Vec<Rule> {
    let wait = Action::Defer(Defer(Reply::new(451, None, "wait")));
    let law = Law::LogNormal { median: 0.1, sigma: 1.0 };
    let drawn = Quantity::Drawn { law, min: None, max: None };
    vec![
        rule(Stage::RcptTo, 100_000_000, wait),
        rule(Stage::EndOfData, 1_000_000_000, Action::Delay(Delay(drawn))),
        rule(Stage::EndOfData, 50_000_000, Action::Stall(Stall(Duration::from_secs(1)))),
    ]
}

fn bench(criterion: &mut Criterion) {
    let rules = rules();
    for (name, stage) in [
        ("no rule holds", Stage::MailFrom),
        ("one draw of odds", Stage::RcptTo),
        ("a drawn delay and one draw of odds", Stage::EndOfData),
    ] {
        let mut subject = 0;
        let mut limits = Limits::default();
        criterion.bench_function(&format!("judge/{name}"), |bencher| {
            bencher.iter(|| {
                subject += 1;
                let moment = Moment {
                    stage,
                    destination: Some(DestinationId(0)),
                    at: Some(Duration::from_secs(5)),
                    subject,
                    attempt: 1,
                    session: 1,
                    now: Time::ZERO,
                };
                black_box(judge(&rules, Seed(7), &moment, &mut limits))
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
