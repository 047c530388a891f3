//! Owns every bound, named, with its reason.
//!
//! A queue, pool, buffer or loop elsewhere names its bound here. Reaching one is recorded
//! in the ledger as [`crate::ledger::event::Event::Limit`], never a silent wait.

mod content;
mod disk;
mod files;
mod judging;
mod mail;

use std::time::Duration;

pub use content::*;
pub use disk::*;
pub use files::*;
pub use judging::*;
pub use mail::*;

/// Longest command line a server side reads, CRLF included. RFC 5321 §4.5.3.1.4 asks for 512, and
/// extensions add parameters (RFC 3461 alone 500); AUTH with an initial response takes 12,288 octets
/// of base64 (RFC 4954 §4).
pub const COMMAND_LINE: usize = 12_288 + 64;

/// Longest AUTH line with an initial response that a client sends, CRLF included: a longer response
/// follows a challenge (RFC 4954 §4).
pub const INITIAL_RESPONSE_LINE: usize = 512;

/// Bytes of an over-long command line a server side throws away before it gives the peer up.
pub const LINE_DISCARDED: usize = 1024 * 1024;

/// Longest reply a client reads, all its lines together; no reply has more than a few dozen.
pub const REPLY: usize = 64 * 1024;

/// Iterations of its hash that a server may ask for at a SCRAM log-in: about half a second.
/// RFC 7677 §4 asks for at least 4096; a server could ask for an hour.
pub const SCRAM_ITERATIONS: u32 = 1_000_000;

/// Largest message content the sink or relay takes, in bytes.
pub const MESSAGE_SIZE: u64 = 128 * 1024 * 1024;

/// Recipients in one transaction. RFC 5321 §4.5.3.1.8 asks for at least 100.
pub const RECIPIENTS: usize = 1000;

/// Messages in one scenario: probe numbers and histories are dense arrays.
pub const MESSAGES: u64 = 1 << 32;

/// How far the number of a newly offered probe may lie beyond the count of all offered so far: every
/// session holds one message that is not recorded yet.
pub const OFFER_GAP: u64 = (TRAFFIC_SESSIONS * RECIPIENTS) as u64;

/// Messages in a trace of arrivals: it is held in memory, about 30 bytes a message.
pub const TRACE_ROWS: usize = 10_000_000;

/// Destinations of a trace that `mailbench trace` writes: a scenario may name some of its own beside
/// them. The rarest share one name.
pub const TRACE_DESTINATIONS: usize = 65_000;

/// Destinations in one scenario; a destination number is a `u16`.
pub const DESTINATIONS: usize = 65_535;

/// Fault rules in one scenario; a rule number is a `u16`.
pub const FAULTS: usize = 1024;

/// `[[abuse]]` entries in one scenario; the number of an entry is a `u16`.
pub const ABUSES: usize = 256;

/// Bad clients at a time, all kinds together: each holds one of our sockets and one of the target's.
pub const ABUSE_SESSIONS: u32 = 5_000;

/// `[[chaos]]` entries in one scenario.
pub const CHAOS: usize = 256;

/// Time a command of the user's may take that `[[chaos]]` runs; then it is killed.
pub const HOOK: Duration = Duration::from_secs(60);

/// Longest duration a scenario may state: ten years, far from any overflow of sums.
pub const TIMESPAN: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Parts of the path of a `--set` override; no key lies nearly as deep.
pub const OVERRIDE_DEPTH: usize = 32;

/// Highest rate a scenario may state, messages a second; beyond it due times coincide.
pub const RATE: f64 = 10_000_000.0;

/// Longest name of a scenario, fault or variant: it becomes the name of a folder or a column.
pub const NAME: usize = 100;

/// Simultaneous deliveries a scenario may ask of a target: as many as the sink can answer.
pub const DELIVERIES: u32 = SINK_SESSIONS as u32;

/// Simultaneous sessions at the sink; more are answered `421`.
pub const SINK_SESSIONS: usize = 20_000;

/// Destinations up to which each has an address of its own at the sink: each takes a port, a file
/// descriptor, and words on the command line of the embedded relay.
pub const ROUTES: usize = 1024;

/// Connections the kernel holds ready for the sink; Linux cuts it to `net.core.somaxconn`.
pub const SINK_BACKLOG: u32 = 4096;

/// Bytes a session of the sink reads ahead, and of replies it owes before it writes them.
pub const SINK_BUFFER: usize = 8192;

/// How long a session of the sink keeps its buffer for a peer that says nothing: long against any
/// round trip, so that no busy session ever gives it back.
pub const SINK_BUFFER_HELD: Duration = Duration::from_secs(1);

/// Text of a reply that is too long on purpose (`garble = "long-line"`).
pub const LONG_REPLY: usize = 64 * 1024;

/// Time between the bytes of a reply that is split on purpose, so that each has its own segment.
pub const SPLIT_REPLY: Duration = Duration::from_millis(5);

/// How long a client of `conformance` waits for a reply: some servers delay error replies.
pub const CONFORMANCE_REPLY: Duration = Duration::from_secs(15);

/// How long `conformance` waits for accepted mail and for retries.
pub const CONFORMANCE_WAIT: Duration = Duration::from_secs(60);

/// Minimum queue lifetime of a target under `conformance`: longer than the test, so that no mail
/// bounces for its age.
pub const CONFORMANCE_GIVE_UP: Duration = Duration::from_secs(60 * 60);

/// How long `conformance` waits for mail that should not come, once everything expected has come.
pub const CONFORMANCE_REST: Duration = Duration::from_secs(4);

/// How long `conformance` waits for a target to relay a message it has just accepted, and for the
/// effect of a case to show.
pub const CONFORMANCE_SETTLE: Duration = Duration::from_secs(1);

/// How long after a test server misbehaved the exit of the target is attributed to that server.
pub const CONFORMANCE_BLAME: Duration = Duration::from_secs(5);

/// Octets that a test server of `conformance` sends of a reply without end.
pub const CONFORMANCE_REPLY_OCTETS: usize = 64 * 1024 * 1024;

/// Octets of one message that a test server of `conformance` keeps.
pub const CONFORMANCE_MESSAGE: usize = 16 * 1024 * 1024;

/// Subjects whose attempts the sink counts: probes two bytes each, strangers about 40.
pub const ATTEMPT_COUNTERS: usize = 1 << 25;

/// How long a server side reads on after it has closed its own half of a connection.
pub const CLOSE_DRAIN: Duration = Duration::from_secs(2);

/// How long the sink waits for its sessions when it is stopped.
pub const SINK_STOP: Duration = Duration::from_secs(5);

/// Simultaneous sessions of the traffic generator.
pub const TRAFFIC_SESSIONS: usize = 10_000;

/// Commands a client writes before it reads their replies (RFC 2920). With more, the replies could
/// fill the socket buffers of both sides while both wait.
pub const PIPELINE: usize = 100;

/// Largest content that a client sends by BDAT together with its envelope, before it knows whether
/// a recipient is taken: a message of ordinary size goes in one write.
pub const PIPELINED_CONTENT: usize = 64 * 1024;

/// Time a session waits for the reply to QUIT before it goes on without it: long against a round
/// trip, so that the connection is closed before the next one is opened.
pub const QUIT_ANSWERED: Duration = Duration::from_millis(250);

/// How long a client waits for the reply to QUIT: nothing depends on it.
pub const QUIT: Duration = Duration::from_secs(5);

/// Due messages waiting for a free session. Beyond it the dispatcher records a limit event and
/// waits; due times stay as they were, so the wait is measured.
pub const DISPATCH_QUEUE: usize = 100_000;

/// Messages prepared ahead of their due time, so that writing their text is not latency.
pub const PREPARED: usize = 1024;

/// Bytes of message text held ready. A message beyond it is written by its session, just before it
/// is sent: a deep queue of due messages must not hold their texts.
pub const PREPARED_BYTES: u64 = 64 * 1024 * 1024;

/// Longest text that a task of the runtime writes itself, which takes some ten microseconds; a
/// longer one is written where blocking is allowed.
pub const TEXT_AT_ONCE: u64 = 64 * 1024;

/// Frames of messages held ready, about 600 bytes each: one a destination and number of digits. A
/// message beyond them has its own made.
pub const FRAMES: usize = 16_384;

/// The dispatcher sleeps until this long before a due time and yields for the rest: a thread
/// wakes up late by about as much on a busy machine.
pub const DISPATCH_SPIN: Duration = Duration::from_micros(200);

/// The dispatcher's longest sleep: how soon it sees that it is to stop.
pub const DISPATCH_SLEEP: Duration = Duration::from_millis(20);

/// How long a place in the session pool rests after a connection that could not be opened, so
/// that a target that is down is not hammered; short, so that due messages do not pile up and
/// pass for a slow generator.
pub const RECONNECT: Duration = Duration::from_millis(20);

/// Idle time after which a server side closes a session. RFC 5321 §4.5.3.2.7 asks for 5 minutes.
pub const SERVER_IDLE: Duration = Duration::from_secs(300);

/// A confirmed reception that ended at most this long before a kill of the target excuses one
/// further copy: the target may have read its `250` and died before it had noted that.
pub const KILL_WINDOW: Duration = Duration::from_secs(1);

/// A FIN that comes this much before the time noted for a kill of the target is still the kill's
/// doing: the signal is sent and noted in two steps.
pub const KILL_SKEW: Duration = Duration::from_millis(100);

/// Highest latency a histogram holds; beyond it a value is counted as overflow.
pub const HISTOGRAM_HIGH_US: u64 = 3_600_000_000;

/// Significant decimal digits of a histogram (0.1 %).
pub const HISTOGRAM_DIGITS: u8 = 3;

/// Bytes of journal kept in memory before they are written.
pub const JOURNAL_BUFFER: usize = 256 * 1024;

/// Bytes of a journal record that is encoded on the stack; a longer one is put together on the heap.
pub const JOURNAL_STACK: usize = 512;

/// Bytes of the largest journal record, its head left out: none longer is written, and one that
/// claims to be marks a damaged journal. A message with [`RECIPIENTS`] replies of [`REPLY_TEXT`]
/// fits.
pub const JOURNAL_RECORD: usize = 1024 * 1024;

/// Bytes of a text of others (a reply, a diagnostic, a command) that are kept in the ledger.
pub const REPLY_TEXT: usize = 512;

/// Violations listed with their evidence in a report; the counts are always complete.
pub const VIOLATIONS_LISTED: usize = 100;

/// Lines of evidence kept of one violation.
pub const EVIDENCE_LINES: usize = 50;

/// Time to wait for the target's greeting before the run is given up.
pub const TARGET_START: Duration = Duration::from_secs(30);

/// Time an external target has, once it greets, to write its process id.
pub const PID_FILE: Duration = Duration::from_secs(5);

/// Time a target has to stop in order before it is killed.
pub const TARGET_STOP: Duration = Duration::from_secs(10);

/// Lines of a target's output kept for the task that waits for an announcement.
pub const TARGET_LINES: usize = 64;

/// Bytes of one line of a target's output kept for them, and read at a time.
pub const TARGET_LINE: usize = 8 * 1024;

/// Bytes of a queue file in which an MTA says how a message stands: before recipients and text.
pub const QUEUE_FILE: u64 = 8 * 1024;

/// Time a queue command may take.
pub const QUEUE_COMMAND: Duration = Duration::from_secs(10);

/// Recipients the relay holds before it answers `452` and `421`, by default: a few
/// hundred bytes of memory each.
pub const RELAY_QUEUE: u64 = 1_000_000;

/// Simultaneous sessions at the relay's intake; more are answered `421`.
pub const RELAY_SESSIONS: usize = 4_000;

/// Message content the relay holds in memory, over all sessions and deliveries. Beyond it new
/// content is answered `452`; beyond half of it content is read back from the store.
pub const RELAY_CONTENT: usize = 256 * 1024 * 1024;

/// Orders waiting for the relay's committer; more wait at their sender.
pub const RELAY_ORDERS: usize = 4_096;

/// Orders in one transaction of the relay's store.
pub const RELAY_COMMIT_BATCH: usize = 1_024;

/// How long the relay lets results of deliveries wait for a commit they can share. Far below
/// [`KILL_WINDOW`], within which a kill may cause a copy.
pub const RELAY_COMMIT_LINGER: Duration = Duration::from_millis(20);

/// Wait after a first failed commit of the relay's store; it doubles with each further one.
pub const RELAY_STORE_FIRST_RETRY: Duration = Duration::from_millis(5);

/// Longest wait after a failed commit of the relay's store (disk full) before it is tried again.
pub const RELAY_STORE_RETRY: Duration = Duration::from_secs(1);

/// Commits whose new deliveries wait for the relay's scheduler.
pub const RELAY_COMMITS_AHEAD: usize = 64;

/// Wait for the store while another process (a shell, a count) holds it.
pub const RELAY_STORE_BUSY: Duration = Duration::from_secs(10);

/// Pages of write-ahead log before the relay's store is checkpointed (16 MiB).
pub const RELAY_WAL_PAGES: i64 = 4_096;

/// Header bytes returned in a report.
pub const RELAY_RETURNED_HEADERS: usize = 64 * 1024;

/// Received headers that prove a loop. RFC 5321 §6.3 asks for at least 100.
pub const RELAY_HOPS: usize = 100;

/// Idle connections the relay keeps to the next hop.
pub const RELAY_IDLE_CONNECTIONS: usize = 256;

/// How long the relay keeps an idle connection to the next hop.
pub const RELAY_IDLE: Duration = Duration::from_secs(5);

/// Time deliveries have to end after the relay was asked to stop.
pub const RELAY_STOP: Duration = Duration::from_secs(5);

/// Octets of replies a session of the relay gathers before it writes them.
pub const RELAY_REPLIES: usize = 64 * 1024;

/// Connections the kernel holds for the relay before it accepts them.
pub const RELAY_BACKLOG: u32 = 1_024;

/// How long after the latest moment its schedule allows a retry counts as missed: a queue run
/// and a busy machine may delay it, a lost timer never ends.
pub const RETRY_OVERDUE: Duration = Duration::from_secs(2);

/// Destinations to which a first look at a target (`mailbench doctor target`) sends a message each.
pub const CHECKUP_DESTINATIONS: usize = 100;

/// Messages of a closed load that `mailbench plan` prints by default.
pub const PLAN_SHOWN: u64 = 100;

/// Longest time a model of a target may take over one step.
pub const STEP: Duration = Duration::from_secs(3600);

/// Most messages and results that may share a commit in a model of a target.
pub const COMMIT_BATCH: u32 = 1_000_000;

/// Deliveries a simulated target holds before it refuses more: about 150 bytes each.
pub const SIMULATED_QUEUE: usize = 20_000_000;

/// Events of a simulation that may be kept for its journal: about 200 bytes each until they are
/// written.
pub const SIMULATED_EVENTS: usize = 4_000_000;

/// Destinations a simulation reports one by one; the others are added up.
pub const SIMULATED_DESTINATIONS: usize = 100;

/// Rows of the series of a simulation: a longer one has fewer rows than seconds.
pub const SIMULATED_ROWS: u64 = 7_200;

/// Pairs of a comparison: beyond, the null distribution of the test costs more than it tells.
pub const COMPARE_PAIRS: u32 = 200;

/// Variants of a comparison.
pub const COMPARE_VARIANTS: usize = 8;

/// Times an invalid run of a comparison is repeated: a machine that spoils three in a row will
/// spoil the next.
pub const COMPARE_REPEATS: u32 = 2;

/// Messages sampled for the live view's percentile, on their way and arrived: 99 % of so many are
/// known to within a few ranks, and a look at them costs well under a millisecond.
pub const LIVE_SAMPLE: usize = 4096;

/// Connections of scrapers served at once.
pub const SCRAPERS: usize = 16;
/// Runs of a history that are looked at: a change long ago is no news, and each of them lengthens
/// every series that changes are tested against.
pub const HISTORY_RUNS: usize = 500;
/// Trials of one capacity search; a search that needs more is not converging.
pub const CAPACITY_TRIALS: usize = 200;

/// Lowest rate of a trial, messages a second: below it a percentile takes minutes.
pub const CAPACITY_LEAST: f64 = 1.0;

/// Where a search begins in a scenario that names no rate, messages a second.
pub const CAPACITY_FIRST: f64 = 50.0;

/// How long the queue of an external target is waited for between two trials of a search: beyond it
/// the search ends, as what is left would be the next trial's mail.
pub const CAPACITY_EMPTY: Duration = Duration::from_secs(600);

/// How long the generator is tried against the sink alone.
pub const CAPACITY_CEILING: Duration = Duration::from_secs(4);
