//! What was seen of each listed violation, in order of time: a second look at the journal, taken
//! only when there is something to prove.

use std::collections::HashMap;

use crate::clock::Time;
use crate::ledger::event::{
    Attempt, AttemptOutcome, Difference, Event, Readdressed, SubmitResult, Submitted, TargetChange,
};
use crate::limits;
use crate::measure::results::Violation;
use crate::probe::rewriting::{RecipientForm, recipient_form};
use crate::probe::{MessageId, ProbeId};

/// Adds to each violation what the events say about it.
pub fn attach(
    violations: &mut [Violation],
    events: impl IntoIterator<Item = Event>,
    domains: &[String],
) {
    let mut search = Search::new(violations, domains);
    for event in events {
        search.look_at(&event);
    }
    let found = search.lines;
    for (violation, mut lines) in violations.iter_mut().zip(found) {
        lines.sort_by_key(|(at, _)| *at);
        let more = lines.len().saturating_sub(limits::EVIDENCE_LINES);
        lines.truncate(limits::EVIDENCE_LINES);
        violation
            .evidence
            .extend(lines.into_iter().map(|(at, text)| format!("{:.3} s: {text}", at.seconds())));
        if more > 0 {
            violation.evidence.push(format!("and {more} more"));
        }
    }
}

struct Search<'a> {
    domains: &'a [String],
    /// Violations by probe, and by message once its offer was seen.
    probes: HashMap<u64, Vec<usize>>,
    messages: HashMap<u64, Vec<usize>>,
    /// Violations by the receptions that bear on them.
    receptions: HashMap<u64, Vec<usize>>,
    /// What differs in receptions whose attempts are still to come.
    differing: HashMap<u64, Vec<String>>,
    lines: Vec<Vec<(Time, String)>>,
}

impl<'a> Search<'a> {
    fn new(violations: &[Violation], domains: &'a [String]) -> Search<'a> {
        let mut probes: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, violation) in violations.iter().enumerate() {
            if let Some(probe) = violation.probe {
                probes.entry(probe).or_default().push(index);
            }
        }
        let lines = vec![Vec::new(); violations.len()];
        let (messages, receptions, differing) = Default::default();
        Search { domains, probes, messages, receptions, differing, lines }
    }

    fn look_at(&mut self, event: &Event) {
        match event {
            Event::Offered { message, recipients, due, at } => {
                for probe in (0..*recipients).map(|nth| message.probe(nth)) {
                    let about = self.about(probe);
                    if about.is_empty() {
                        continue;
                    }
                    self.messages.entry(message.0).or_default().extend(&about);
                    self.say(&about, *due, || format!("message {} due", message.0));
                    self.say(&about, *at, || "handed to a session".to_owned());
                }
            }
            Event::Submitted(submitted) => self.submitted(submitted),
            Event::Attempt(attempt) => self.attempted(attempt),
            Event::ContentDiffers { reception, differences, .. } => {
                let lines = differences.iter().map(describe_difference).collect();
                self.differing.insert(*reception, lines);
            }
            Event::Confirmed { reception, at, .. } => {
                let about = self.receptions.get(reception).cloned().unwrap_or_default();
                let text = || format!("reception {reception} confirmed by the target's next step");
                self.say(&about, *at, text);
            }
            Event::Dsn(dsn) => {
                for block in &dsn.recipients {
                    let about = block.probe.map(|probe| self.about(probe)).unwrap_or_default();
                    let sender = if dsn.null_sender { "" } else { ", not from <>" };
                    let text = || format!("DSN: {:?} {}{sender}", block.action, block.status);
                    self.say(&about, dsn.at, text);
                }
            }
            Event::Readdressed(seen) => {
                let about = self.about(seen.probe);
                self.say(&about, seen.at, || describe_envelope(seen));
            }
            Event::Recognised(seen) => {
                let about = self.about(seen.attempt.probe);
                let text = || {
                    let (to, from) = (&seen.recipient, &seen.reverse_path);
                    let content = describe_content(&seen.attempt);
                    format!(
                        "a copy for <{to}> from <{from}>, which is not a recipient of its message{content}"
                    )
                };
                self.say(&about, seen.attempt.ended, text);
                self.differences(&about, &seen.attempt);
            }
            Event::Notice(notice) => {
                let about = notice.message.map(|message| self.messages.get(&message.0));
                let about = about.flatten().cloned().unwrap_or_default();
                let sender = if notice.null_sender { "" } else { ", not from <>" };
                let text = || format!("notice ({:?}): {:?}{sender}", notice.kind, notice.subject);
                self.say(&about, notice.at, text);
            }
            Event::Target { at, change } => {
                let what = match change {
                    TargetChange::Killed | TargetChange::Died { .. } => "was killed or died",
                    TargetChange::PowerLost { .. } => "lost power",
                    _ => return,
                };
                let all: Vec<usize> = (0..self.lines.len()).collect();
                self.say(&all, *at, || format!("the target {what}"));
            }
            _ => {}
        }
    }

    fn submitted(&mut self, submitted: &Submitted) {
        for (nth, result) in (0_u16..).zip(&submitted.results) {
            let about = self.about(submitted.message.probe(nth));
            self.say(&about, submitted.done, || describe_submission(result));
        }
    }

    fn attempted(&mut self, attempt: &Attempt) {
        let mut about = self.about(attempt.probe);
        let content = attempt.content.as_ref().and_then(|content| content.message);
        if let Some(MessageId(message)) = content {
            about.extend(self.messages.get(&message).into_iter().flatten());
        }
        about.sort_unstable();
        about.dedup();
        if about.is_empty() {
            return;
        }
        let text = self.describe_attempt(attempt);
        self.say(&about, attempt.ended, || text);
        self.differences(&about, attempt);
        if let Some(reception) = attempt.reception {
            self.receptions.entry(reception).or_default().extend(about);
        }
    }

    /// How the content of a reception differs, where that was noted.
    fn differences(&mut self, about: &[usize], attempt: &Attempt) {
        let noted = attempt.reception.and_then(|reception| self.differing.get(&reception));
        for line in noted.cloned().unwrap_or_default() {
            self.say(about, attempt.ended, || line);
        }
    }

    fn about(&self, probe: ProbeId) -> Vec<usize> {
        self.probes.get(&probe.0).cloned().unwrap_or_default()
    }

    fn say(&mut self, about: &[usize], at: Time, text: impl FnOnce() -> String) {
        let Some((last, others)) = about.split_last() else { return };
        let text = text();
        for index in others {
            self.lines[*index].push((at, text.clone()));
        }
        self.lines[*last].push((at, text));
    }

    fn describe_attempt(&self, attempt: &Attempt) -> String {
        let number = attempt.destination.map(|it| usize::from(it.0));
        let place =
            number.and_then(|at| self.domains.get(at)).map_or("elsewhere", |it| it.as_str());
        let outcome = match attempt.outcome {
            AttemptOutcome::Taken => "accepted, 250 written",
            AttemptOutcome::Withheld => "accepted, 250 withheld",
            AttemptOutcome::Deferred => "deferred",
            AttemptOutcome::Rejected => "rejected",
            AttemptOutcome::Broken => "broken off",
            AttemptOutcome::Abandoned => "abandoned by the target",
        };
        let mut text = format!(
            "attempt {} for probe {} at {place}: {outcome} at {}",
            attempt.number, attempt.probe.0, attempt.stage
        );
        if let Some(reply) = &attempt.reply {
            text += &format!(", {reply}");
        }
        text + &describe_content(attempt)
    }
}

/// Whose content it was, and what changed in it; empty where none was seen.
fn describe_content(attempt: &Attempt) -> String {
    let Some(content) = &attempt.content else { return String::new() };
    let whose = content.message.map_or("no message of this run".to_owned(), |it| it.0.to_string());
    let mut text = format!("; content of message {whose}, {} bytes", content.bytes);
    for change in &content.changes {
        text += &format!(", {}", change.name());
    }
    text
}

fn describe_envelope(seen: &Readdressed) -> String {
    let (from, to) = (&seen.reverse_path, &seen.recipient);
    let form = recipient_form(seen.probe, to);
    let recipient = match form {
        RecipientForm::Same => "as it was sent".to_owned(),
        other => format!("{}: <{to}>", other.name()),
    };
    format!("envelope of probe {}: sender <{from}>; recipient {recipient}", seen.probe.0)
}

/// What differs, and what would declare it.
fn describe_difference(it: &Difference) -> String {
    let Difference { change, field, sent, arrived } = it;
    let mut text = format!("{}: {field}: sent \"{sent}\", arrived \"{arrived}\"", change.name());
    if let Some(line) = change.declaration() {
        text += &format!("; declared by `{line}` in [target.changes]");
    }
    text
}

fn describe_submission(result: &SubmitResult) -> String {
    match result {
        SubmitResult::NotSent { stage, cause } => format!("not sent ({stage}: {cause})"),
        SubmitResult::Refused { stage, reply } => {
            format!("refused by the target at {stage}: {reply}")
        }
        SubmitResult::Broken { stage, cause } => {
            format!("connection to the target lost at {stage}: {cause}")
        }
        SubmitResult::Accepted { reply } => format!("accepted by the target: {reply}"),
        SubmitResult::Indeterminate { cause } => {
            format!("final dot sent, reply not read: {cause}")
        }
    }
}
