//! Message text: making a whole one, sealing it, and checking it as the sink does.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mailbench::plan::Plan;
use mailbench::probe::MessageId;
use mailbench::probe::content::{Verifier, seal};
use mailbench::scenario;

/// What a read from a socket brings at most.
const CHUNK: usize = 16 * 1024;

fn plan(parts: &str, size: &str) -> Plan {
    let text = format!(
        "question = \"How fast?\"\n[target]\nkind = \"direct\"\n[load]\nrate = \"100/s\"\n\
         [message]\nsize = \"{size}\"\nparts = \"{parts}\"\n\
         [[destination]]\ndomain = \"a.test\"\nweight = 1\n"
    );
    let loaded = scenario::parse("bench", &text, &[]).expect("a valid scenario");
    Plan::new(&loaded.scenario, None)
}

fn texts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text");
    for (parts, size) in [("text", "4KiB"), ("alternative", "4KiB"), ("mixed", "64KiB")] {
        let plan = plan(parts, size);
        let offer = plan.offers().next().expect("an offer");
        group.throughput(Throughput::Bytes(offer.size));
        let name = BenchmarkId::new(parts, size);
        group.bench_function(name, |bench| bench.iter(|| plan.text(black_box(&offer))));
    }
    group.finish();
}

fn contents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("content");
    for size in ["4KiB", "64KiB"] {
        let plan = plan("text", size);
        let text = plan.text(&plan.offers().next().expect("an offer"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("seal", size), |bench| {
            bench.iter(|| seal("tag", MessageId(7), 1, black_box(&text)));
        });
        group.bench_function(BenchmarkId::new("verify", size), |bench| {
            bench.iter(|| {
                let mut verifier = Verifier::new();
                black_box(&text).chunks(CHUNK).for_each(|chunk| verifier.feed(chunk));
                verifier.finish().ok()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, texts, contents);
criterion_main!(benches);
