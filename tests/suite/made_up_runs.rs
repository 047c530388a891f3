//! Made-up runs: a journal written event by event, judged as a stored run is.

use mailbench::clock::Time;
use mailbench::ledger::event::{
    Attempt, AttemptOutcome, Event, Period, Proof, Pulse, RunFacts, SubmitResult, Submitted,
};
use mailbench::ledger::journal::{self, Writer};
use mailbench::measure::{self, results::Findings};
use mailbench::plan::Plan;
use mailbench::probe::{Identity, MessageId, ProbeId};
use mailbench::scenario;
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

/// A scenario and the events of a run of it. Times in milliseconds.
pub(crate) struct Run {
    pub(crate) scenario: String,
    pub(crate) events: Vec<Event>,
    plan: Plan,
    receptions: u64,
}

pub(crate) fn ms(millis: u64) -> Time {
    Time(millis * 1_000_000)
}

/// One destination, open model, constant rate, no warm-up.
pub(crate) fn steady(rate: u32, seconds: u32, more: &str) -> String {
    format!(
        "name = \"made-up\"\nquestion = \"What does the judgement say?\"\nseed = 7\n\
         [target]\nkind = \"relay\"\n\
         [load]\nmodel = \"open\"\narrival = \"constant\"\nrate = \"{rate}/s\"\n\
         warm_up = \"0s\"\nduration = \"{seconds}s\"\ndrain = \"30s\"\n\
         [[destination]]\ndomain = \"a.test\"\nweight = 1\n{more}"
    )
}

impl Run {
    pub(crate) fn new(scenario: String) -> Run {
        let loaded = scenario::parse("made-up.toml", &scenario, &[]).expect("a scenario");
        let plan = Plan::new(&loaded.scenario, None);
        let mut run = Run { scenario, events: vec![Event::Run(facts())], plan, receptions: 0 };
        run.period(0, Period::Measured);
        run
    }

    pub(crate) fn period(&mut self, at: u64, period: Period) {
        self.events.push(Event::Period { at: ms(at), period });
    }

    /// A message of one recipient: due, handed over, sent, answered.
    pub(crate) fn submit(&mut self, id: u64, times: [Time; 4], result: SubmitResult) {
        let [due, at, sent, done] = times;
        let message = MessageId(id);
        self.events.push(Event::Offered { message, recipients: 1, due, at });
        self.events.push(Event::Submitted(Submitted {
            message,
            session: 1,
            sent,
            done,
            stages: vec![(Stage::EndOfData, 700)],
            results: vec![result],
        }));
    }

    /// An attempt at the sink, from `at` on, a millisecond long; confirmed when it was taken.
    pub(crate) fn attempt(&mut self, id: u64, number: u32, at: Time, outcome: AttemptOutcome) {
        let whole = matches!(outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld);
        self.receptions += u64::from(whole);
        let reception = whole.then_some(self.receptions);
        let ended = Time(at.0 + 1_000_000);
        let code = match outcome {
            AttemptOutcome::Taken => Some(250),
            AttemptOutcome::Deferred => Some(451),
            AttemptOutcome::Rejected => Some(550),
            _ => None,
        };
        self.events.push(Event::Attempt(Attempt {
            probe: ProbeId(id),
            destination: self.plan.destination_of(ProbeId(id)),
            number,
            session: id,
            started: at,
            ended,
            stage: if whole { Stage::EndOfData } else { Stage::RcptTo },
            outcome,
            reply: code.map(|code| Reply::new(code, None, "made up")),
            fault: None,
            reception,
            content: None,
        }));
        if let (Some(reception), AttemptOutcome::Taken) = (reception, outcome) {
            self.events.push(Event::Confirmed { reception, at: ended, proof: Proof::Command });
        }
    }

    /// A look at a quiet instrument each second.
    pub(crate) fn pulses(&mut self, seconds: u64, waiting: u32) {
        for second in 0..seconds {
            let at = ms(second * 1000 + 500);
            self.events.push(Event::Pulse(Pulse { at, waiting, ..Pulse::default() }));
        }
    }

    /// Load stops, the queue is looked at, the run is closed.
    pub(crate) fn end(&mut self, load_stop: u64, close: u64, queued: u64) {
        self.period(load_stop, Period::Drain);
        let at = ms(close);
        self.events.push(Event::Queue { at, total: queued, active: 0, deferred: queued });
        self.period(close, Period::Closed);
    }

    /// Writes the journal, cut short by `cut` bytes, and judges it.
    pub(crate) fn judge_cut(&self, cut: u64) -> Findings {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let mut writer = Writer::create(&path).expect("a journal");
        self.events.iter().for_each(|event| writer.append(event));
        drop(writer);
        let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the journal");
        let length = file.metadata().expect("its length").len();
        file.set_len(length - cut).expect("shorter");
        let loaded = scenario::parse("made-up.toml", &self.scenario, &[]).expect("a scenario");
        let mut reader = journal::open(&path).expect("a journal");
        measure::judge(&loaded, &mut reader)
    }

    pub(crate) fn judge(&self) -> Findings {
        self.judge_cut(0)
    }
}

pub(crate) fn accepted() -> SubmitResult {
    SubmitResult::Accepted { reply: Reply::new(250, None, "ok") }
}

fn facts() -> RunFacts {
    RunFacts {
        id: "01".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        identity: Identity { tag: "tag".to_owned(), nonce: "nonce".to_owned() },
        scenario_sha256: "00".to_owned(),
        command: "mailbench run made-up.toml".to_owned(),
        version: "0.1.0".to_owned(),
        environment: vec![("cores".to_owned(), "2".to_owned())],
        target_kind: "relay".to_owned(),
        target_version: "0.1.0".to_owned(),
        target_address: "127.0.0.1:2525".to_owned(),
        untranslated: Vec::new(),
    }
}
