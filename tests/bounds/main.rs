//! Readers of stored and foreign input under an allocator that counts: whatever stands in a journal,
//! a history, a report, a DSN, delivered mail, a mail log or a trace, its reader allocates no more than a constant
//! and a multiple of the input. Inputs are changed at random, from a seed.
//!
//! A program of its own, since an allocator is for a whole program. `MAILBENCH_FUZZ_SECONDS` for
//! each reader, 2 unless told otherwise.

use std::alloc::System;
use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mailbench::clock::{Clock, Time};
use mailbench::ledger::dsn::{self, Arrival};
use mailbench::ledger::event::{
    Attempt, AttemptOutcome, Dsn, DsnAction, DsnRecipient, Event, Period, Proof, Pulse,
    SubmitResult, Submitted, Usage,
};
use mailbench::ledger::journal::{MAGIC, Reader};
use mailbench::maillog::Log;
use mailbench::measure;
use mailbench::measure::results::Results;
use mailbench::probe::compare::compare;
use mailbench::probe::{DestinationId, Identity, MessageId, ProbeId, recognition};
use mailbench::run::history;
use mailbench::scenario;
use mailbench::seed::{Key, Purpose, Seed};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;
use rand::RngExt as _;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Tests of one program run beside each other, and what one allocates is counted for all.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// Bytes allocated, all of them together, for one input: at most `constant` and `each` a byte of it.
struct Bound {
    constant: usize,
    each: usize,
}

fn budget() -> Duration {
    let told = std::env::var("MAILBENCH_FUZZ_SECONDS").ok();
    Duration::from_secs(told.and_then(|seconds| seconds.parse().ok()).unwrap_or(2))
}

/// Until it is dropped no other test runs: what its preparations allocate would be counted, too.
fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Changes bytes of `text`: single ones, runs that repeat, numbers that become great, cuts.
fn changed(text: &[u8], rng: &mut impl rand::Rng) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..rng.random_range(0..6) {
        let at = rng.random_range(0..=text.len());
        match rng.random_range(0..6) {
            0 if at < text.len() => text[at] ^= 1 << rng.random_range(0..8),
            1 => drop(text.splice(at..at, [rng.random()])),
            2 => {
                let piece = text[at..(at + 40).min(text.len())].repeat(rng.random_range(1..60));
                drop(text.splice(at..at, piece));
            }
            3 => drop(text.drain(at..(at + rng.random_range(0..80)).min(text.len()))),
            4 => drop(text.splice(at..at, b"99999999999999999999".iter().copied())),
            _ => text.truncate(at.max(text.len() / 2)),
        }
    }
    text
}

/// Feeds changed texts to a reader and holds what it allocates against the bound.
fn bounded(name: &str, texts: &[Vec<u8>], bound: &Bound, mut read: impl FnMut(&[u8])) {
    let clock = Clock::start();
    // What is made once and kept is made here.
    texts.iter().for_each(|text| read(text));
    let (mut tried, mut most) = (0_u64, (0, 0));
    while clock.now().offset() < budget() || tried < 50 {
        let key = Key { subject: tried, ..Key::default() };
        let mut rng = Seed(23).stream(Purpose::Text, key);
        let text = changed(&texts[rng.random_range(0..texts.len())], &mut rng);
        let region = Region::new(ALLOCATOR);
        read(&text);
        let allocated = region.change().bytes_allocated;
        let allowed = bound.constant + bound.each * text.len();
        let shown = &text[..text.len().min(200)];
        assert!(
            allocated <= allowed,
            "{name}, text {tried} of {} bytes: {allocated} bytes are allocated, {allowed} allowed: \
             b\"{}\"",
            text.len(),
            shown.escape_ascii()
        );
        most = most.max((allocated, text.len()));
        tried += 1;
    }
    let (allocated, length) = most;
    eprintln!("{name}: {tried} texts; at most {} KiB, for one of {length} bytes", allocated / 1024);
}

#[test]
fn dsns() {
    let _alone = alone();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dsn");
    let files = std::fs::read_dir(folder).expect("fixtures").flatten();
    let texts: Vec<Vec<u8>> = files.filter_map(|file| std::fs::read(file.path()).ok()).collect();
    let identity = Identity { tag: "tag".to_owned(), nonce: "run".to_owned() };
    let recipient = "b+run.3@bounce.mailbench.test";
    bounded("DSNs", &texts, &Bound { constant: MIB, each: 300 }, |text| {
        let arrival = Arrival { at: Time::ZERO, session: 0, reverse_path: "", recipient };
        drop(dsn::read(text, &identity, &arrival));
    });
}

/// Mail as a target may deliver it: whatever it made of a message, it is recognised and compared with
/// what was sent.
#[test]
fn contents() {
    let _alone = alone();
    let part = |n: usize| format!("--b\r\nContent-Type: text/plain\r\n\r\npart {n}\r\n");
    let parts: String = (0..200).map(part).collect();
    let nested: String = (0..100)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    let inside = "Content-Type: message/rfc822\r\n\r\n".repeat(100);
    let head = "X-Mailbench: tag 3\r\nFrom: <a@a.test>\r\nTo: <b@b.test>\r\nSubject: =?utf-8?q?x?=\r\n\
                Date: Mon, 30 Nov 2026 10:00:00 +0000\r\nMessage-ID: <3.tag@a.test>\r\n";
    let encoded =
        "Content-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=utf-7\r\n\r\n";
    let texts: Vec<Vec<u8>> = [
        format!("{head}\r\ntext\r\n"),
        format!("{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"),
        format!("{head}{nested}"),
        format!("{head}{inside}x\r\n"),
        format!("{head}{encoded}{}", "aGVsbG8g\r\n".repeat(100)),
    ]
    .map(String::into_bytes)
    .to_vec();
    let own = Identity { tag: "tag".to_owned(), nonce: "run".to_owned() };
    let sent = texts.clone();
    bounded("contents", &texts, &Bound { constant: 4 * MIB, each: 2000 }, |text| {
        let _whose = recognition::belongs(text, &own);
        sent.iter().for_each(|sent| drop(compare(sent, text)));
    });
}

#[test]
fn histories() {
    let _alone = alone();
    let row = br#"{"schema_version":1,"run":"a","started_at":"","commit":null,"scenario":"s","scenario_sha256":"x","target_kind":"relay","target_version":"1","tool_version":"1","environment":{},"exit_code":0,"counted":true,"figures":{"e2e_response.p50":1.5}}"#;
    let text = [&row[..], b"\n"].concat().repeat(20);
    bounded("histories", &[text], &Bound { constant: MIB, each: 100 }, |text| {
        drop(history::read_lines(text).expect("memory can be read"));
    });
}

#[test]
fn mail_logs() {
    let _alone = alone();
    let postfix = "Nov 30 10:00:00 mx postfix/smtpd[1]: ABCDEF1234: client=h[192.0.2.1]\n\
                   Nov 30 10:00:00 mx postfix/qmgr[1]: ABCDEF1234: from=<a@b.test>, size=1234, \
                   nrcpt=1 (queue active)\nNov 30 10:00:01 mx postfix/smtp[2]: ABCDEF1234: \
                   to=<u@d.test>, relay=r[192.0.2.2]:25, delay=1, dsn=2.0.0, status=sent (250 ok)\n\
                   Nov 30 10:00:02 mx postfix/qmgr[1]: ABCDEF1234: removed\n";
    let exim = "2026-11-30 10:00:00 1abcde-000001-AA <= a@b.test H=h [192.0.2.1] P=esmtp S=1234\n\
                2026-11-30 10:00:01 1abcde-000001-AA => u@d.test R=r T=t H=h [192.0.2.2]\n\
                2026-11-30 10:00:02 1abcde-000001-AA Completed\n";
    let texts = [postfix.repeat(10).into_bytes(), exim.repeat(10).into_bytes()];
    bounded("mail logs", &texts, &Bound { constant: MIB, each: 200 }, |text| {
        let mut log = Log::until(jiff::civil::Date::constant(2026, 12, 1));
        String::from_utf8_lossy(text).lines().for_each(|line| log.line(line));
        drop(log.finish());
    });
}

#[test]
fn traces() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.csv");
    let scenario = format!(
        "name = \"t\"\n[load]\narrival = \"trace\"\ntrace = \"{}\"\n[[destination]]\ndomain = \"a.test\"\n",
        path.display()
    );
    let rows: String = (0..50).map(|n| format!("{n}.5,{},a.test b.test\n", 100 + n)).collect();
    let text = format!("time,size,destinations\n{rows}").into_bytes();
    bounded("traces", &[text], &Bound { constant: 4 * MIB, each: 3000 }, |text| {
        std::fs::write(&path, text).expect("written");
        if let Err(error) = scenario::parse("s.toml", &scenario, &[]) {
            drop(error.to_string());
        }
    });
}

#[test]
fn reports() {
    let _alone = alone();
    let (loaded, journal) = (loaded(), journal(&events()));
    let mut reader = Reader::new(Cursor::new(&journal[..])).expect("a journal");
    let results = measure::judge(&loaded, &mut reader).results;
    let text = serde_json::to_vec(&results).expect("JSON");
    bounded("reports", &[text], &Bound { constant: MIB, each: 100 }, |text| {
        drop(serde_json::from_slice::<Results>(text));
    });
}

fn loaded() -> scenario::Loaded {
    let text = "name = \"t\"\n[load]\nrate = \"20/s\"\nwarm_up = \"0s\"\nduration = \"10s\"\n\
                [[destination]]\ndomain = \"a.test\"\n[thresholds]\nlost = \"== 0\"\n";
    scenario::parse("t.toml", text, &[]).expect("a scenario")
}

/// A small run, with an event of every kind that holds a number.
fn events() -> Vec<Event> {
    let at = |ms: u64| Time(ms * 1_000_000);
    let period = |ms, period| Event::Period { at: at(ms), period };
    let mut all = vec![period(0, Period::WarmUp), period(1, Period::Measured)];
    for n in 0..10 {
        let ms = 10 + 100 * n;
        let (message, probe) = (MessageId(n), ProbeId(n));
        all.push(Event::Offered { message, recipients: 1, due: at(ms), at: at(ms) });
        let reply = Reply::new(250, None, "ok");
        let results = vec![SubmitResult::Accepted { reply: reply.clone() }];
        let (sent, done) = (at(ms), at(ms + 5));
        let stages = vec![(Stage::EndOfData, 500)];
        all.push(Event::Submitted(Submitted { message, session: n, sent, done, stages, results }));
        all.push(Event::Attempt(Attempt {
            probe,
            destination: Some(DestinationId(0)),
            number: 1,
            session: n,
            started: at(ms + 6),
            ended: at(ms + 8),
            stage: Stage::EndOfData,
            outcome: AttemptOutcome::Taken,
            reply: Some(reply),
            fault: None,
            reception: Some(n),
            content: None,
        }));
        all.push(Event::Confirmed { reception: n, at: at(ms + 9), proof: Proof::Command });
        all.push(Event::Pulse(Pulse { at: at(ms), ..Pulse::default() }));
        all.push(Event::Usage(Usage { at: at(ms), ..Usage::default() }));
        all.push(Event::Hiccup { from: at(ms), to: at(ms + 20) });
        all.push(Event::Queue { at: at(ms), total: n, active: 0, deferred: n });
    }
    all.push(Event::Dsn(Dsn {
        at: at(2000),
        session: 1,
        null_sender: true,
        message: Some(MessageId(3)),
        recipients: vec![DsnRecipient {
            probe: Some(ProbeId(3)),
            action: DsnAction::Failed,
            status: "5.0.0".to_owned(),
            diagnostic: String::new(),
        }],
        flaws: Vec::new(),
    }));
    all.extend([period(2001, Period::Drain), period(2500, Period::Closed)]);
    all
}

/// A journal of these records.
fn sealed(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut journal = MAGIC.to_vec();
    for body in bodies {
        journal.extend(u32::try_from(body.len()).expect("a length").to_le_bytes());
        journal.extend(crc32fast::hash(body).to_le_bytes());
        journal.extend(body);
    }
    journal
}

fn bodies(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(|event| postcard::to_stdvec(event).expect("encoded")).collect()
}

fn journal(events: &[Event]) -> Vec<u8> {
    sealed(&bodies(events))
}

/// Judging a journal of a few records takes no gigabytes, whatever numbers stand in it: the bodies
/// are changed, and sealed again. A day of seconds is allowed, as every second has its row.
#[test]
fn journals() {
    let _alone = alone();
    let (loaded, bodies) = (loaded(), bodies(&events()));
    let whole = bodies.iter().map(Vec::len).sum::<usize>();
    let texts: Vec<Vec<u8>> = vec![vec![0; whole]];
    let mut number = 0;
    let bound = Bound { constant: 200 * MIB, each: 40_000 };
    bounded("journals", &texts, &bound, |_| {
        number += 1;
        let key = Key { subject: number, ..Key::default() };
        let mut rng = Seed(29).stream(Purpose::Text, key);
        let mut bodies = bodies.clone();
        for _ in 0..rng.random_range(0..8) {
            let which = rng.random_range(0..bodies.len());
            bodies[which] = changed_record(&bodies[which], &mut rng);
        }
        judge(&loaded, &sealed(&bodies));
    });
}

/// A record in which bytes are others, or a number has become as great as it can be.
fn changed_record(body: &[u8], rng: &mut impl rand::Rng) -> Vec<u8> {
    let mut body = body.to_vec();
    let at = rng.random_range(0..body.len());
    match rng.random_range(0..3) {
        0 => body[at] ^= 1 << rng.random_range(0..8),
        1 => body[at] = rng.random(),
        _ => {
            // A variable-length number of up to 63 bits.
            let great = vec![0xff; rng.random_range(1..9)].into_iter().chain([0x7f]);
            drop(body.splice(at..=at, great));
        }
    }
    body
}

fn judge(loaded: &scenario::Loaded, journal: &[u8]) {
    let Ok(mut reader) = Reader::new(Cursor::new(journal)) else { return };
    drop(measure::judge(loaded, &mut reader));
}

/// Messages that lie as far apart as they may: each once made room for ten million more.
#[test]
fn messages_far_apart_take_no_room_between_them() {
    let _alone = alone();
    let loaded = loaded();
    let gap = mailbench::limits::OFFER_GAP;
    let far = |nth: u64| Event::Offered {
        message: MessageId(nth * (gap - 1)),
        recipients: 1,
        due: Time(2_000_000),
        at: Time(2_000_000),
    };
    let mut events = vec![Event::Period { at: Time(0), period: Period::Measured }];
    events.extend((0..45).map(far));
    let journal = journal(&events);
    assert!(journal.len() < 2000, "{} bytes", journal.len());
    let region = Region::new(ALLOCATOR);
    judge(&loaded, &journal);
    let allocated = region.change().bytes_allocated;
    eprintln!("a journal of {} bytes: {} MiB", journal.len(), allocated / MIB);
    assert!(allocated < 64 * MIB, "{allocated} bytes");
}
