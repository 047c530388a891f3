//! The sequence of messages: what a dispatcher must make in the time between two of them.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mailbench::plan::Plan;
use mailbench::scenario;

const MESSAGES: u64 = 1000;

fn plan(arrival: &str) -> Plan {
    let text = format!(
        "question = \"How fast?\"\n[target]\nkind = \"direct\"\n\
         [load]\narrival = \"{arrival}\"\nrate = \"20000/s\"\nmessages = {MESSAGES}\n\
         warm_up = \"0s\"\n\
         [message]\nsize = {{ dist = \"lognormal\", median = \"8KiB\", sigma = 1.1 }}\n\
         [[destination]]\ndomain = \"a.test\"\nweight = 60\n\
         [[destination]]\ndomain = \"b.test\"\nweight = 40\n"
    );
    let loaded = scenario::parse("bench", &text, &[]).expect("a valid scenario");
    Plan::new(&loaded.scenario, None)
}

fn offers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("offers");
    group.throughput(Throughput::Elements(MESSAGES));
    for arrival in ["constant", "poisson", "on-off"] {
        let plan = plan(arrival);
        group.bench_function(BenchmarkId::from_parameter(arrival), |bench| {
            bench.iter(|| black_box(&plan).offers().map(|offer| offer.size).sum::<u64>());
        });
    }
    group.finish();
}

fn envelopes(criterion: &mut Criterion) {
    let plan = plan("poisson");
    let offer = plan.offers().next().expect("an offer");
    criterion.bench_function("envelope", |bench| bench.iter(|| plan.envelope(black_box(&offer))));
}

criterion_group!(benches, offers, envelopes);
criterion_main!(benches);
