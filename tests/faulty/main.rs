//! The relay as a process under a system that refuses its calls: whatever it has accepted is
//! delivered, and when the system is well again so is the relay.
//!
//! `shim.c` lets calls fail by a schedule: which calls, with which error, after how many, how many
//! times. All of it follows from the number of the schedule. `MAILBENCH_FAULT_SCHEDULES` says how
//! many there are (400 unless told otherwise; CI runs 10,000).

mod next_hop;
mod relay;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::seed::{Key, Purpose, Seed};
use next_hop::NextHop;
use rand::RngExt as _;
use relay::{Client, Relay, Sent, Shim};

/// Calls that fail together: the shim's bits, how many of them may succeed before, and with which
/// errors they fail.
const CLASSES: [(&str, u32, u32, &[i32]); 11] = [
    ("write", 1, 16, &[ENOSPC, EDQUOT, EIO]),
    ("sync", 2, 4, &[EIO, ENOSPC]),
    ("read", 4, 4, &[EIO]),
    ("open", 8, 2, &[EMFILE, EIO, ENOSPC]),
    ("accept", 16, 1, &[EMFILE, ENFILE, ENOBUFS, ECONNABORTED]),
    ("socket", 32, 1, &[EMFILE, ENOBUFS]),
    ("connect", 64, 1, &[EIO, ENOBUFS, ETIMEDOUT]),
    ("talk", 128, 24, &[EIO, ENOBUFS, ECONNRESET]),
    ("resize and map", 256 | 512, 2, &[ENOSPC, EIO]),
    ("all of the disk", 1 | 2 | 4 | 8 | 256 | 512, 24, &[ENOSPC, EIO, EMFILE]),
    ("everything", 1023, 40, &[ENOSPC, EIO, EMFILE]),
];

const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const ECONNABORTED: i32 = 103;
const ECONNRESET: i32 = 104;
const ENOBUFS: i32 = 105;
const ETIMEDOUT: i32 = 110;
const EDQUOT: i32 = 122;

/// Schedules between two checks that all that was accepted has arrived.
const CHECKED: u64 = 50;

/// Schedules in one life of the relay, which a SIGKILL ends; it starts again while calls fail.
const LIFE: u64 = 20;

/// Exit code for what the system refuses.
const UNREACHABLE: i32 = 106;

/// How long the relay may take to be well again, and to deliver what it has.
const RECOVERED: Duration = Duration::from_secs(20);

/// One schedule of failures.
#[derive(Debug)]
struct Schedule {
    name: &'static str,
    classes: u32,
    error: i32,
    skip: u32,
    count: u32,
    mails: u32,
}

impl Schedule {
    fn numbered(number: u64) -> Schedule {
        let key = Key { subject: number, ..Key::default() };
        let mut rng = Seed(17).stream(Purpose::FaultOdds, key);
        let (name, classes, most, errors) = CLASSES[rng.random_range(0..CLASSES.len())];
        Schedule {
            name,
            classes,
            error: errors[rng.random_range(0..errors.len())],
            skip: rng.random_range(0..most),
            count: 1 << rng.random_range(0..5),
            mails: rng.random_range(1..4),
        }
    }
}

fn schedules() -> u64 {
    let told = std::env::var("MAILBENCH_FAULT_SCHEDULES").ok();
    told.and_then(|told| told.parse().ok()).unwrap_or(400)
}

/// What was sent, and what of it the relay took.
#[derive(Default)]
struct Books {
    next: u64,
    accepted: HashSet<u64>,
    refused: u64,
    broken: u64,
    injected: u64,
}

impl Books {
    /// Sends one mail; whether it was accepted.
    fn send(&mut self, relay: &Relay, client: &mut Option<Client>) -> bool {
        self.next += 1;
        let number = self.next;
        match relay.send(client, number) {
            Sent::Accepted => {
                self.accepted.insert(number);
                return true;
            }
            Sent::Refused => self.refused += 1,
            Sent::Broken => self.broken += 1,
        }
        false
    }
}

/// One schedule: mail is sent while calls fail; then they succeed, and mail is accepted again.
fn run(schedule: &Schedule, (relay, shim): (&Relay, &Shim), books: &mut Books, clock: Clock) {
    let mut client = None;
    shim.arm(schedule.classes, schedule.error, schedule.skip, schedule.count);
    for _ in 0..schedule.mails {
        books.send(relay, &mut client);
    }
    // Deliveries follow a moment later.
    relay::pause(Duration::from_millis(2));
    books.injected += u64::from(shim.disarm());
    let since = clock.now();
    while !books.send(relay, &mut client) {
        let waited = clock.now().since(since);
        assert!(waited < RECOVERED, "no mail is accepted {waited:?} after {schedule:?}");
        relay::pause(Duration::from_millis(2));
    }
}

/// Starts the relay while calls fail, perhaps in vain, and then in any case.
fn restart(schedule: &Schedule, queue: &Path, hop: &NextHop, shim: &Shim) -> Relay {
    shim.arm(schedule.classes, schedule.error, 4 * schedule.skip, schedule.count);
    let relay = Relay::start(queue, hop.address, shim);
    shim.disarm();
    let started = relay.map_err(|code| assert_eq!(code, Some(UNREACHABLE), "{schedule:?}"));
    started.unwrap_or_else(|()| Relay::start(queue, hop.address, shim).expect("a relay"))
}

/// Waits until the next hop has all that was accepted.
fn check(books: &Books, hop: &NextHop, clock: Clock, about: &dyn std::fmt::Debug) {
    let since = clock.now();
    loop {
        let missing = hop.missing(&books.accepted);
        if missing.is_empty() {
            return;
        }
        let waited = clock.now().since(since);
        assert!(waited < RECOVERED, "accepted and not delivered: {missing:?}, up to {about:?}");
        relay::pause(Duration::from_millis(5));
    }
}

#[test]
fn accepted_mail_is_never_lost_and_the_relay_recovers() {
    let Some(shim) = Shim::build() else {
        return relay::skip("no C compiler: the relay is not run under a failing system");
    };
    let (hop, clock) = (NextHop::start(), Clock::start());
    let folder = relay::queue_folder();
    let mut books = Books::default();
    let mut relay = Relay::start(folder.path(), hop.address, &shim).expect("a relay");
    let total = schedules();
    for number in 0..total {
        let schedule = Schedule::numbered(number);
        assert!(relay.is_alive(), "the relay ended before schedule {number}, {schedule:?}");
        run(&schedule, (&relay, &shim), &mut books, clock);
        if number % CHECKED == CHECKED - 1 || number + 1 == total {
            check(&books, &hop, clock, &(number, schedule.name));
        }
        if number % LIFE == LIFE - 1 {
            relay.kill();
            relay = restart(&schedule, folder.path(), &hop, &shim);
        }
    }
    let Books { accepted, refused, broken, injected, .. } = &books;
    eprintln!(
        "{total} schedules, {injected} calls failed: {} mails accepted and delivered, {refused} \
         refused, {broken} without an answer",
        accepted.len()
    );
    assert!(*injected > total / 4, "{injected} calls failed in {total} schedules");
    assert!(*refused > 0 && *broken > 0, "the failures reach intake and store");
}
