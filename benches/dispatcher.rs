//! What it costs to release a message that is already due: the bound of the dispatcher's rate.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mailbench::clock::{Clock, Time};
use mailbench::ledger::Ledger;
use mailbench::traffic::dispatcher::{Patience, dispatch};
use mailbench::traffic::{Gauges, Instruments};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const MESSAGES: u64 = 10_000;

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
    let gauges = Arc::new(Gauges::default());
    let instruments = Instruments { clock: Clock::start(), ledger, gauges };
    let patience = Patience { stop: CancellationToken::new(), full_for: Duration::from_secs(1) };
    let mut group = criterion.benchmark_group("dispatcher");
    group.throughput(Throughput::Elements(MESSAGES));
    group.bench_function("release", |bencher| {
        bencher.iter_batched(
            || mpsc::channel(MESSAGES as usize),
            |(queue, released)| {
                let mut source = (0..MESSAGES).map(|number| (Time::ZERO, number));
                let dispatched = dispatch(&mut source, &queue, &instruments, &patience);
                assert!(dispatched.held.is_none());
                released
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
