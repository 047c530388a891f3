//! Fuzzing on the stable toolchain: texts from a corpus, changed at random by proptest, which also
//! makes what fails small. Bounded by time, not by cases.

use std::path::Path;
use std::time::Duration;

use mailbench::clock::Clock;
use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// What often lies beyond a bound.
const TOKENS: [&[u8]; 16] = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b".",
    b"\r\n.\r\n",
    b"<",
    b">",
    b"\"",
    b"=",
    b"\xff\xfe",
    b"99999999999999999999",
    b"-1",
    b"%",
    b"[[",
    b"\xf0\x9f\x92\xa9",
];

#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Token(Index, usize),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (at(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, new)| Change::Insert(at, new)),
        (at(), 0..TOKENS.len()).prop_map(|(at, which)| Change::Token(at, which)),
        (at(), 1_usize..40).prop_map(|(at, many)| Change::Remove(at, many)),
        (at(), 1_usize..40, 1_usize..30).prop_map(|(at, of, times)| Change::Repeat(at, of, times)),
        (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change, corpus: &[Vec<u8>]) {
    let place = |at: &Index, text: &[u8]| at.index(text.len() + 1);
    match change {
        Change::Flip(at, byte) if !text.is_empty() => {
            let at = at.index(text.len());
            text[at] ^= byte;
        }
        Change::Flip(..) => {}
        Change::Insert(at, new) => {
            let at = place(at, text);
            text.splice(at..at, new.iter().copied());
        }
        Change::Token(at, which) => {
            let at = place(at, text);
            text.splice(at..at, TOKENS[*which].iter().copied());
        }
        Change::Remove(at, many) => {
            let at = place(at, text);
            text.drain(at..(at + many).min(text.len()));
        }
        Change::Repeat(at, of, times) => {
            let at = place(at, text);
            let piece = text[at..(at + of).min(text.len())].repeat(*times);
            text.splice(at..at, piece);
        }
        Change::Splice(at, other, from) => {
            let other = &corpus[other.index(corpus.len())];
            let at = place(at, text);
            text.truncate(at);
            text.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
}

/// How long a target is fuzzed: `MAILBENCH_FUZZ_SECONDS`, 2 unless told otherwise.
pub(crate) fn budget() -> Duration {
    let told = std::env::var("MAILBENCH_FUZZ_SECONDS").ok();
    Duration::from_secs(told.and_then(|seconds| seconds.parse().ok()).unwrap_or(2))
}

/// Every file in `folder`, which lies in this repository.
pub(crate) fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("a corpus");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a text")).collect()
}

/// Feeds changed texts to `target` until `time` is over. The smallest found that makes it panic,
/// and how many were tried.
pub(crate) fn find(
    corpus: &[Vec<u8>],
    time: Duration,
    target: impl Fn(&[u8]),
) -> Result<u64, Vec<u8>> {
    let clock = Clock::start();
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let mut seed = [7; 32];
    if let Ok(told) = std::env::var("MAILBENCH_FUZZ_SEED") {
        seed[..8].copy_from_slice(&told.parse::<u64>().expect("a number").to_le_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy = (any::<Index>(), prop::collection::vec(change(), 0..6));
    let made = strategy.prop_map(|(which, changes)| {
        let mut text = corpus[which.index(corpus.len())].clone();
        changes.iter().for_each(|change| apply(&mut text, change, corpus));
        text
    });
    let mut tried = 0;
    while clock.now().offset() < time {
        let outcome = runner.run(&made, |text| {
            target(&text);
            Ok(())
        });
        match outcome {
            Ok(()) => tried += 64,
            Err(TestError::Fail(_, text)) => return Err(text),
            Err(TestError::Abort(reason)) => panic!("the fuzzer stopped: {reason}"),
        }
    }
    Ok(tried)
}

/// The same, which must find nothing.
#[track_caller]
pub(crate) fn clean(name: &str, corpus: &[Vec<u8>], target: impl Fn(&[u8])) {
    match find(corpus, budget(), target) {
        Ok(tried) => {
            assert!(tried > 0);
            eprintln!("{name}: {tried} texts");
        }
        Err(text) => panic!("{name} panics on b\"{}\"", text.escape_ascii()),
    }
}
