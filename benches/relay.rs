//! What the relay's queue costs: a durable message from commit to removal, by how many share a
//! commit, and the choice of the next delivery in a long queue.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mailbench::clock::Time;
use mailbench::queue::ordering::Entry;
use mailbench::queue::ordering::OrderingKind;
use mailbench::queue::ready::{Answer, Ready};
use mailbench::relay::budget::Budget;
use mailbench::relay::mail::{Content, Envelope, Mail, MailId};
use mailbench::relay::rows::{self, Change};
use mailbench::relay::store::Store;

/// Octets of one message.
const SIZE: usize = 4096;

/// Deliveries that wait while one is chosen.
const WAITING: u64 = 100_000;

fn mail(id: MailId, content: &Arc<Content>) -> Mail {
    let envelope = Envelope {
        id,
        reverse_path: format!("b+{id}@bounce.test"),
        priority: 0,
        eight_bit: false,
        utf8: false,
        accepted: Time(1_795_545_045_000_000_000),
    };
    let recipients = vec![format!("mb+{id}@destination.test")];
    Mail { envelope: Arc::new(envelope), recipients, content: Arc::clone(content) }
}

/// As the committer works: each transaction takes new mails and removes those before.
fn store(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay/commit");
    let octets = vec![b'x'; SIZE];
    let content = Arc::new(Content { octets, charge: Budget::new(SIZE).charge() });
    for batch in [1_i64, 32, 256] {
        group.throughput(Throughput::Elements(batch.unsigned_abs()));
        group.bench_with_input(BenchmarkId::from_parameter(batch), &batch, |bencher, &batch| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut store = Store::open(folder.path(), true).expect("a store");
            let mut next = 1;
            bencher.iter(|| {
                let taken = store.transaction(|transaction| {
                    for id in next..next + batch {
                        rows::insert(transaction, &mail(id, &content))?;
                        let message = id - batch;
                        let change = Change { message, done: vec![0], ..Change::default() };
                        rows::apply(transaction, &change)?;
                    }
                    Ok(())
                });
                taken.expect("written");
                next += batch;
            });
        });
    }
    group.finish();
}

fn ready(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay/next_delivery");
    for ordering in [OrderingKind::Fifo, OrderingKind::LoadAware] {
        let mut ready = Ready::new(ordering, 100, 20);
        let domains: Vec<Arc<str>> = (0..100).map(|n| Arc::from(format!("d{n}.test"))).collect();
        let entry = |id: u64| Entry {
            id,
            destination: Arc::clone(&domains[id as usize % domains.len()]),
            due: Time(id),
            accepted: Time(id),
            priority: 0,
        };
        (0..WAITING).for_each(|id| ready.push(entry(id)));
        let mut next = WAITING;
        group.bench_function(format!("{ordering:?}"), |bencher| {
            bencher.iter(|| {
                ready.push(entry(next));
                next += 1;
                let given = ready.next(Time(u64::MAX)).expect("one is due");
                ready.release(&given.destination, Answer::Final);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, store, ready);
criterion_main!(benches);
