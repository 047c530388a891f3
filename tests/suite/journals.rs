//! Journals as actors would write them, told step by step, and their judgement as a stored run
//! gets it: written through the ledger, read back from the file.

use std::collections::BTreeMap;

use mailbench::clock::Time;
use mailbench::ledger::event::{
    Attempt, AttemptOutcome, Change, ContentCheck, Dsn, DsnAction, DsnRecipient, Event, Period,
    Proof, RunFacts, SubmitResult, Submitted, TargetChange,
};
use mailbench::ledger::history::{History, Planned, Reading, Terms};
use mailbench::ledger::journal;
use mailbench::ledger::{Ledger, Tally};
use mailbench::measure::correctness::conservation::{Conservation, Inputs, conservation};
use mailbench::measure::correctness::evidence;
use mailbench::probe::address::Letters;
use mailbench::probe::{DestinationId, Identity, MessageId, ProbeId};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

/// Destinations: a probe goes to its number modulo this.
pub(crate) const DESTINATIONS: u16 = 3;

/// When the measured period of every story begins.
pub(crate) const MEASURED_MS: u64 = 1_000;

/// A journal being told; every step takes a millisecond.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    now_ms: u64,
    /// The number of the latest reception.
    pub(crate) reception: u64,
}

impl Story {
    /// A run against a relay, its measured period just begun.
    pub(crate) fn begin() -> Story {
        let events = vec![Event::Run(facts())];
        let mut story = Story { events, now_ms: 0, reception: 0 };
        story.period(Period::WarmUp);
        story.now_ms = MEASURED_MS;
        story.period(Period::Measured);
        story
    }

    pub(crate) fn period(&mut self, period: Period) {
        let at = self.now();
        self.events.push(Event::Period { at, period });
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    pub(crate) fn offer(&mut self, message: u64, recipients: u16) {
        let (message, due, at) = (MessageId(message), self.now(), self.tick());
        self.events.push(Event::Offered { message, recipients, due, at });
    }

    pub(crate) fn submit(&mut self, message: u64, results: Vec<SubmitResult>) {
        let (message, sent, done) = (MessageId(message), self.now(), self.tick());
        let stages = Vec::new();
        self.events.push(Event::Submitted(Submitted {
            message,
            session: 1,
            sent,
            done,
            stages,
            results,
        }));
    }

    /// Offered and accepted.
    pub(crate) fn accept(&mut self, message: u64, recipients: u16) {
        self.offer(message, recipients);
        self.submit(message, vec![accepted(); usize::from(recipients)]);
    }

    /// An attempt that took no content.
    pub(crate) fn fail(&mut self, probe: u64, outcome: AttemptOutcome, stage: Stage) {
        let attempt = self.attempt(probe, outcome, stage);
        self.events.push(Event::Attempt(attempt));
    }

    /// Content of `message` seen whole under the address of `probe`; gives the reception.
    pub(crate) fn receive(&mut self, probe: u64, message: u64, outcome: AttemptOutcome) -> u64 {
        let content =
            ContentCheck { message: Some(MessageId(message)), bytes: 4096, changes: Vec::new() };
        self.receive_content(probe, content, outcome)
    }

    pub(crate) fn receive_content(
        &mut self,
        probe: u64,
        content: ContentCheck,
        outcome: AttemptOutcome,
    ) -> u64 {
        self.reception += 1;
        let mut attempt = self.attempt(probe, outcome, Stage::EndOfData);
        attempt.reception = Some(self.reception);
        attempt.content = Some(content);
        self.events.push(Event::Attempt(attempt));
        self.reception
    }

    /// Received whole and confirmed by the next command.
    pub(crate) fn deliver(&mut self, probe: u64, message: u64) {
        let reception = self.receive(probe, message, AttemptOutcome::Taken);
        self.confirm(reception, Proof::Command);
    }

    pub(crate) fn confirm(&mut self, reception: u64, proof: Proof) {
        let at = self.tick();
        self.events.push(Event::Confirmed { reception, at, proof });
    }

    pub(crate) fn kill(&mut self) {
        let at = self.tick();
        self.events.push(Event::Target { at, change: TargetChange::Killed });
    }

    pub(crate) fn bounce(&mut self, probe: u64, message: u64) {
        let recipient = DsnRecipient {
            probe: Some(ProbeId(probe)),
            action: DsnAction::Failed,
            status: "5.0.0".to_owned(),
            diagnostic: String::new(),
        };
        let at = self.tick();
        self.events.push(Event::Dsn(Dsn {
            at,
            session: 9,
            null_sender: true,
            message: Some(MessageId(message)),
            recipients: vec![recipient],
            flaws: Vec::new(),
        }));
    }

    /// The run ends, the target reporting this many messages in its queue.
    pub(crate) fn end(&mut self, queued: u64) {
        self.period(Period::Drain);
        let at = self.tick();
        self.events.push(Event::Queue { at, total: queued, active: 0, deferred: queued });
        self.now_ms += 1;
        self.period(Period::Closed);
    }

    pub(crate) fn judge(&self) -> Conservation {
        judge(&self.events, Terms::default())
    }

    fn attempt(&mut self, probe: u64, outcome: AttemptOutcome, stage: Stage) -> Attempt {
        let (started, ended) = (self.now(), self.tick());
        let before = |event: &&Event| matches!(event, Event::Attempt(it) if it.probe.0 == probe);
        let number = 1 + self.events.iter().filter(before).count();
        Attempt {
            probe: ProbeId(probe),
            destination: Some(destination(probe)),
            number: u32::try_from(number).expect("a small number"),
            session: 7,
            started,
            ended,
            stage,
            outcome,
            reply: None,
            fault: None,
            reception: None,
            content: None,
        }
    }

    fn now(&self) -> Time {
        Time(self.now_ms * 1_000_000)
    }

    fn tick(&mut self) -> Time {
        self.now_ms += 1;
        self.now()
    }
}

pub(crate) fn accepted() -> SubmitResult {
    SubmitResult::Accepted { reply: reply(250) }
}

pub(crate) fn refused(stage: Stage) -> SubmitResult {
    SubmitResult::Refused { stage, reply: reply(554) }
}

pub(crate) fn reply(code: u16) -> Reply {
    Reply::new(code, None, "as told")
}

pub(crate) fn damaged(message: u64, change: Change) -> ContentCheck {
    ContentCheck { message: Some(MessageId(message)), bytes: 4096, changes: vec![change] }
}

pub(crate) fn destination(probe: u64) -> DestinationId {
    DestinationId(u16::try_from(probe % u64::from(DESTINATIONS)).expect("a small number"))
}

/// The sums a run sees while these events happen.
pub(crate) fn tally_of(events: &[Event]) -> Tally {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
    events.iter().for_each(|event| ledger.record(event));
    ledger.tally()
}

/// Writes the events through a ledger and reads the history back from its file.
pub(crate) fn history_of(events: &[Event], terms: Terms) -> History {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.bin");
    let ledger = Ledger::create(&path).expect("a journal");
    events.iter().for_each(|event| ledger.record(event));
    ledger.flush();
    let plan = |_, probe: ProbeId| {
        Some(Planned { destination: destination(probe.0), null_sender: false, unsendable: false })
    };
    let mut reading = Reading::new(&plan, terms);
    journal::open(&path).expect("a journal").for_each(|event| reading.observe(&event));
    reading.finish()
}

pub(crate) fn judge(events: &[Event], terms: Terms) -> Conservation {
    let history = history_of(events, terms);
    let domains: Vec<String> = (0..DESTINATIONS).map(|n| format!("d{n}.test")).collect();
    let measured = |due: Time| due >= Time(MEASURED_MS * 1_000_000);
    let inputs = Inputs {
        measured: &measured,
        domains: &domains,
        letters: Letters::default(),
        unexcused_bound: 0,
    };
    let mut judged = conservation(&history, &inputs);
    evidence::attach(&mut judged.violations, events.iter().cloned(), &domains);
    judged
}

/// The counts that are not zero, out of those that name a class or a violation.
pub(crate) fn found(judged: &Conservation) -> BTreeMap<&str, u64> {
    const NOT_CLASSES: [&str; 10] = [
        "offered",
        "accepted",
        "refused",
        "indeterminate",
        "not_sent",
        "deferred",
        "receptions",
        "ambiguous_receptions",
        "reordered",
        "overtaking",
    ];
    let counts = judged.counts.iter().map(|(name, count)| (name.as_str(), *count));
    counts.filter(|(name, count)| *count > 0 && !NOT_CLASSES.contains(name)).collect()
}

fn facts() -> RunFacts {
    RunFacts {
        id: "run".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        identity: Identity { tag: "tag".to_owned(), nonce: "nonce".to_owned() },
        scenario_sha256: String::new(),
        command: String::new(),
        version: String::new(),
        environment: Vec::new(),
        target_kind: "relay".to_owned(),
        target_version: String::new(),
        target_address: String::new(),
        untranslated: Vec::new(),
    }
}
