//! What the ledger costs: recording one event while a run is under load, and judging a stored
//! run of a hundred thousand messages.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mailbench::clock::Time;
use mailbench::ledger::Ledger;
use mailbench::ledger::event::{
    Attempt, AttemptOutcome, ContentCheck, Event, Period, Proof, SubmitResult, Submitted,
};
use mailbench::ledger::history::{History, Planned, Reading, Terms};
use mailbench::measure::correctness::conservation::{Inputs, conservation};
use mailbench::probe::address::Letters;
use mailbench::probe::{DestinationId, MessageId, ProbeId};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

/// Messages of the run that is judged.
const MESSAGES: u64 = 100_000;

/// Events recorded in one round.
const RECORDS: u64 = 10_000;

/// Makes the event of message number so-and-so.
type Maker = fn(u64) -> Event;

fn offered(number: u64) -> Event {
    let at = Time(number * 1_000);
    Event::Offered { message: MessageId(number), recipients: 1, due: at, at }
}

fn submitted(number: u64) -> Event {
    let reply = Reply::new(250, None, "2.0.0 Ok: queued as 4F1B2C3D");
    Event::Submitted(Submitted {
        message: MessageId(number),
        session: number % 50,
        sent: Time(number * 1_000),
        done: Time(number * 1_000 + 500),
        stages: vec![(Stage::MailFrom, 120), (Stage::Data, 90), (Stage::EndOfData, 4_000)],
        results: vec![SubmitResult::Accepted { reply }],
    })
}

fn attempt(number: u64) -> Event {
    Event::Attempt(Attempt {
        probe: ProbeId(number),
        destination: Some(DestinationId(0)),
        number: 1,
        session: number % 50,
        started: Time(number * 1_000 + 600),
        ended: Time(number * 1_000 + 900),
        stage: Stage::EndOfData,
        outcome: AttemptOutcome::Taken,
        reply: Some(Reply::new(250, None, "Ok")),
        fault: None,
        reception: Some(number),
        content: Some(ContentCheck {
            message: Some(MessageId(number)),
            bytes: 4_096,
            changes: Vec::new(),
        }),
    })
}

fn run() -> Vec<Event> {
    let mut events = Vec::new();
    for number in 0..MESSAGES {
        let (reception, at) = (number, Time(number * 1_000 + 950));
        let confirmed = Event::Confirmed { reception, at, proof: Proof::Command };
        events.extend([offered(number), submitted(number), attempt(number), confirmed]);
    }
    let at = Time(MESSAGES * 2_000);
    events.push(Event::Queue { at, total: 0, active: 0, deferred: 0 });
    events.push(Event::Period { at, period: Period::Closed });
    events
}

fn history(events: &[Event]) -> History {
    let plan = |_, _| {
        Some(Planned { destination: DestinationId(0), null_sender: false, unsendable: false })
    };
    let mut reading = Reading::new(&plan, Terms::default());
    events.iter().for_each(|event| reading.observe(event));
    reading.finish()
}

/// Each round writes a journal of its own, so that the disk does not fill.
fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(RECORDS));
    let kinds: [(&str, Maker); 3] =
        [("offered", offered), ("submitted", submitted), ("attempt", attempt)];
    for (name, event) in kinds {
        let events: Vec<Event> = (0..RECORDS).map(event).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || {
                    let folder = tempfile::tempdir().expect("a folder");
                    let ledger = Ledger::create(&folder.path().join("journal.bin"));
                    (ledger.expect("a journal"), folder)
                },
                |(ledger, _)| events.iter().for_each(|event| ledger.record(event)),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn judging(criterion: &mut Criterion) {
    let events = run();
    let domains = ["one.test".to_owned()];
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(MESSAGES)).sample_size(10);
    group.bench_function("history", |bencher| bencher.iter(|| history(&events)));
    group.bench_function("conservation", |bencher| {
        let inputs = Inputs {
            measured: &|_| true,
            domains: &domains,
            letters: Letters::default(),
            unexcused_bound: 0,
        };
        bencher.iter_batched_ref(
            || history(&events),
            |history| conservation(history, &inputs),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, recording, judging);
criterion_main!(benches);
