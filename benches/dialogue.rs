//! What one transaction costs a server side: commands read, dialogue walked, replies written; and
//! how fast content is searched for its end.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mailbench::smtp::command::Command;
use mailbench::smtp::content::{Unstuffer, stuffed};
use mailbench::smtp::dialogue::{Dialogue, Extension, Known, Terms, Turn};
use mailbench::smtp::line::{Line, Lines};

const TRANSACTION: &[u8] = b"MAIL FROM:<b+01abcdef.7@bounce.mailbench.test> SIZE=4096\r\n\
    RCPT TO:<mb+7@gmail.test>\r\n\
    DATA\r\n";

fn terms() -> Arc<Terms> {
    Arc::new(Terms {
        name: "sink.mailbench.test".to_owned(),
        extensions: vec![Extension::Pipelining, Extension::Size],
        size: 1 << 20,
        recipients: 100,
        lmtp: false,
        known: Known::default(),
    })
}

/// One turn: answered and settled as answered.
fn turn(dialogue: &mut Dialogue, turn: Turn, out: &mut Vec<u8>) {
    let reply = dialogue.answer(&turn);
    reply.encode(out);
    dialogue.settle(turn, &reply);
}

fn transaction(dialogue: &mut Dialogue, out: &mut Vec<u8>) {
    let (mut lines, mut rest) = (Lines::default(), TRANSACTION);
    loop {
        let (used, line) = lines.next(rest);
        let Line::Whole(line) = line else { break };
        turn(dialogue, Turn::Command(Command::parse(line)), out);
        rest = &rest[used..];
    }
    turn(dialogue, Turn::EndOfData { size: 4096 }, out);
}

fn bench(criterion: &mut Criterion) {
    let mut dialogue = Dialogue::new(terms());
    let mut out = Vec::new();
    turn(&mut dialogue, Turn::Command(Command::parse(b"EHLO bench.test")), &mut out);
    criterion.bench_function("dialogue/one transaction", |bencher| {
        bencher.iter(|| {
            out.clear();
            transaction(&mut dialogue, &mut out);
            black_box(out.len())
        });
    });

    let text = "An ordinary line of mail, of an ordinary length, and then the next.\r\n";
    let wire = stuffed(text.repeat(1000).as_bytes());
    let mut group = criterion.benchmark_group("content");
    group.throughput(Throughput::Bytes(wire.len() as u64));
    group.bench_function("to the final dot", |bencher| {
        bencher.iter(|| {
            let mut bytes = 0;
            let end = Unstuffer::default().feed(&wire, |part| bytes += part.len());
            black_box((end, bytes))
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
