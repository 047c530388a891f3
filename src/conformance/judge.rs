//! What is said of a target, from what was heard and seen. Pure.

use memchr::memmem;

pub mod server;

use std::collections::HashMap;

use super::case::Question;
use super::client::{Addresses, Heard};
use super::far_end::Arrived;
use super::finding::Verdict;
use crate::smtp::content::has_bare;

/// A verdict, and what was seen, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// In words.
    pub observed: String,
    /// Whether it may yet become another.
    pub waits: bool,
    /// Whether it stands only where the target has nothing left to try.
    pub is_of_silence: bool,
    /// The message stays in the queue, as it should.
    pub put_off: bool,
}

/// What is known of one case of a client.
pub struct Facts<'a> {
    /// What the client heard.
    pub heard: &'a [Heard],
    /// Whose addresses.
    pub addresses: &'a Addresses,
    /// Everything that arrived at obedient servers.
    pub arrived: &'a [Arrived],
    /// Whether the target was still there after it.
    pub alive: bool,
}

fn found(verdict: Verdict, observed: impl Into<String>) -> Finding {
    Finding {
        verdict,
        observed: observed.into(),
        waits: false,
        is_of_silence: false,
        put_off: false,
    }
}

fn as_yet(verdict: Verdict, observed: impl Into<String>) -> Finding {
    Finding { waits: true, ..found(verdict, observed) }
}

/// Nothing more was seen of a message.
fn silence(observed: impl Into<String>) -> Finding {
    Finding { is_of_silence: true, ..as_yet(Verdict::Violates, observed) }
}

/// Findings, where the target's queue still holds so many messages when all is over: one that was not
/// seen again may yet be tried, by a schedule that is not ours. What is there because it should be
/// says nothing of the rest.
#[must_use]
pub fn with_queue(findings: Vec<Finding>, queued: u64) -> Vec<Finding> {
    let put_off = findings.iter().filter(|finding| finding.put_off).count() as u64;
    let queued = queued.saturating_sub(put_off);
    let judged = |finding: Finding| match finding.is_of_silence && queued > 0 {
        true => untold(&format!("{}; its queue holds {queued}", finding.observed)),
        false => finding,
    };
    findings.into_iter().map(judged).collect()
}

/// What is said of a target that ended by itself: whatever was asked, the case brought it down.
#[must_use]
pub fn ended(how: &str) -> Finding {
    found(Verdict::Violates, format!("the target ended: {how}"))
}

/// What is said of a case that could not be played.
#[must_use]
pub fn untold(why: &str) -> Finding {
    found(Verdict::Untold, why)
}

impl Facts<'_> {
    /// Messages that came for this recipient.
    fn at<'b>(&'b self, recipient: &'b str) -> impl Iterator<Item = &'b Arrived> {
        let same = move |address: &String| address.eq_ignore_ascii_case(recipient);
        self.arrived.iter().filter(move |one| one.to.iter().any(same))
    }

    fn last(&self) -> Option<&Heard> {
        self.heard.last()
    }

    /// What to say of a message that did not arrive.
    fn missing(&self, refused: Verdict) -> Finding {
        let returned = self.at(&self.addresses.from).next().is_some();
        match (self.was_accepted(), returned) {
            (_, true) => found(refused, "taken, and returned to the sender"),
            (true, false) => as_yet(
                Verdict::Violates,
                format!("accepted ({}), never arrived", self.last_words()),
            ),
            (false, false) => found(refused, format!("not taken: {}", self.last_words())),
        }
    }

    fn was_accepted(&self) -> bool {
        self.last().is_some_and(|heard| heard.code().starts_with('2'))
    }

    fn was_refused(&self) -> bool {
        self.last().is_some_and(|heard| heard.code().starts_with(['4', '5']))
    }

    fn last_words(&self) -> String {
        words(self.last())
    }
}

fn words(heard: Option<&Heard>) -> String {
    match heard {
        Some(Heard::Reply(text)) => format!("`{}`", text.trim_end().replace("\r\n", " / ")),
        Some(Heard::Silence) => "silence".to_owned(),
        Some(Heard::Closed) => "the connection was closed".to_owned(),
        Some(Heard::Secured) => "a handshake, and nothing after it".to_owned(),
        Some(Heard::NotSecured) => "the handshake failed".to_owned(),
        None => "nothing".to_owned(),
    }
}

/// Whether the reply to EHLO, the second that was heard, offers this.
#[must_use]
pub fn offers(heard: &[Heard], extension: &str) -> bool {
    match heard.get(1) {
        Some(Heard::Reply(text)) => {
            text.lines().any(|line| line.get(4..).is_some_and(|it| it.trim_end() == extension))
        }
        _ => false,
    }
}

/// What is said in a case of a client.
#[must_use]
pub fn client(question: &Question, facts: &Facts<'_>) -> Finding {
    if !facts.alive {
        return found(Verdict::Violates, "after it the target greeted nobody any more");
    }
    match question {
        Question::Smuggled { sequence, last, legal } => smuggled(sequence, last, *legal, facts),
        Question::Whole { body, refused, altered } => whole(body, *refused, *altered, facts),
        Question::Once { refused } => once(*refused, facts),
        Question::Normalised => normalised(facts),
        Question::Denied => match facts.was_accepted() {
            true => found(Verdict::Vulnerable, format!("taken: {}", facts.last_words())),
            false if facts.was_refused() => {
                found(Verdict::Conforms, format!("not taken: {}", facts.last_words()))
            }
            false => untold(&format!("no answer: {}", facts.last_words())),
        },
        Question::Served => served(facts),
        Question::Each { recipients } => each(recipients, facts),
        Question::Literal { address, trick } => literal(address, trick, facts),
        Question::Nothing => match facts.at(&facts.addresses.to).count() {
            0 => found(Verdict::Conforms, "nothing arrived"),
            many => found(Verdict::Violates, format!("{many} messages arrived")),
        },
        Question::AtMostOnce => match facts.at(&facts.addresses.to).count() {
            many @ 0..=1 => found(Verdict::Conforms, format!("{many} arrived")),
            many => found(Verdict::Violates, format!("{many} copies arrived")),
        },
        Question::Codes { codes, otherwise } => check_codes(codes, *otherwise, facts),
        Question::Fresh => fresh(facts),
        Question::Injected => injected(facts),
        Question::Answered { lines } => answered(*lines, facts),
        Question::LoopStopped => match facts.at(&facts.addresses.to).count() {
            0 => found(Verdict::Conforms, format!("it went no further: {}", facts.last_words())),
            _ => found(Verdict::Tolerates, "it was passed on once more"),
        },
    }
}

fn smuggled(sequence: &[u8], last: &[u8], legal: bool, facts: &Facts<'_>) -> Finding {
    if facts.at(&facts.addresses.other).next().is_some() {
        return found(Verdict::Vulnerable, "the message inside arrived as one of its own");
    }
    let verbatim = |one: &Arrived| holds(&one.content, sequence);
    let whole = |one: &Arrived| memmem::find(&one.content, last).is_some();
    match facts.at(&facts.addresses.to).next() {
        Some(one) if !whole(one) => {
            found(Verdict::Violates, "it ended the message; what followed was no part of it")
        }
        Some(one) if verbatim(one) && !legal => {
            found(Verdict::Violates, "one message, passed on with the sequence as it was")
        }
        Some(one) if verbatim(one) => {
            found(Verdict::Conforms, "one message, the sequence untouched inside it")
        }
        Some(_) => found(Verdict::Conforms, "one message, the sequence made harmless"),
        None => facts.missing(Verdict::Hardened),
    }
}

/// Whether content holds a sequence as it was. A line end that a server made whole is none of it:
/// `CRLF.CRLF`, which a line with a dot is, holds neither `LF.CRLF` nor `CRLF.CR`.
fn holds(content: &[u8], sequence: &[u8]) -> bool {
    memmem::find_iter(content, sequence).any(|at| {
        let completed_before = sequence.starts_with(b"\n") && at > 0 && content[at - 1] == b'\r';
        let completed_after =
            sequence.ends_with(b"\r") && content.get(at + sequence.len()) == Some(&b'\n');
        !completed_before && !completed_after
    })
}

fn body_of(content: &[u8]) -> &[u8] {
    memmem::find(content, b"\r\n\r\n").map_or(&[][..], |at| &content[at + 4..])
}

fn whole(body: &[u8], refused: Verdict, altered: Verdict, facts: &Facts<'_>) -> Finding {
    let mut came = facts.at(&facts.addresses.to);
    match (came.next(), came.next()) {
        (Some(_), Some(_)) => found(Verdict::Violates, "it arrived more than once"),
        (Some(one), None) if body_of(&one.content) == body => {
            found(Verdict::Conforms, "it arrived, byte for byte")
        }
        (Some(one), None) => {
            let (sent, came) = (body.len(), body_of(&one.content).len());
            found(altered, format!("its body of {sent} octets arrived otherwise, in {came}"))
        }
        (None, _) => facts.missing(refused),
    }
}

fn once(refused: Verdict, facts: &Facts<'_>) -> Finding {
    match facts.at(&facts.addresses.to).count() {
        1 => found(Verdict::Conforms, "it arrived once"),
        0 => facts.missing(refused),
        many => found(Verdict::Violates, format!("it arrived {many} times")),
    }
}

fn normalised(facts: &Facts<'_>) -> Finding {
    match facts.at(&facts.addresses.to).next() {
        Some(one) if has_bare(&one.content) => {
            found(Verdict::Violates, "passed on with a bare CR or LF")
        }
        Some(_) => found(Verdict::Conforms, "passed on with CRLF alone"),
        None => facts.missing(Verdict::Hardened),
    }
}

fn check_codes(codes: &[&str], otherwise: Verdict, facts: &Facts<'_>) -> Finding {
    let heard: Vec<&str> = facts.heard.iter().map(Heard::code).collect();
    let fits = |(code, wanted): (&&str, &&str)| {
        wanted.is_empty() || wanted.split('|').any(|one| code.starts_with(one) && !code.is_empty())
    };
    let all = heard.len() >= codes.len() && heard.iter().zip(codes).all(fits);
    let wrong = facts.heard.iter().zip(codes).find(|(one, wanted)| !fits((&one.code(), wanted)));
    match (all, wrong) {
        (true, _) => found(Verdict::Conforms, format!("answered {}", in_runs(&heard))),
        (false, Some((wrong, wanted))) => {
            found(otherwise, format!("{} where {wanted} was expected", words(Some(wrong))))
        }
        (false, None) => found(
            otherwise,
            format!("{} of {} replies came: {}", heard.len(), codes.len(), in_runs(&heard)),
        ),
    }
}

/// `250, 250, 452` as `250 ×2, 452`.
fn in_runs(codes: &[&str]) -> String {
    let runs = codes.chunk_by(|one, next| one == next);
    let shown = runs.map(|run| match run.len() {
        1 => run[0].to_owned(),
        many => format!("{} ×{many}", run[0]),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn fresh(facts: &Facts<'_>) -> Finding {
    if facts.at(&facts.addresses.other).next().is_some() {
        return found(Verdict::Violates, "it reached a recipient of the transaction before");
    }
    once(Verdict::Violates, facts)
}

fn injected(facts: &Facts<'_>) -> Finding {
    let Some(secured) = facts.heard.iter().position(|heard| *heard == Heard::Secured) else {
        let broken = facts.last() == Some(&Heard::NotSecured);
        return match offers(facts.heard, "STARTTLS") {
            true if broken || facts.was_refused() => {
                found(Verdict::Hardened, format!("given up: {}", facts.last_words()))
            }
            true => untold(&format!("no answer to STARTTLS: {}", facts.last_words())),
            false => untold("it offers no STARTTLS"),
        };
    };
    match facts.heard.get(secured + 1) {
        Some(Heard::Reply(reply)) => {
            let reply = reply.trim_end().to_owned();
            found(Verdict::Vulnerable, format!("answered under TLS: `{reply}`"))
        }
        Some(Heard::Closed) => {
            found(Verdict::Hardened, "given up under TLS: the connection was closed")
        }
        _ => found(Verdict::Conforms, "what was said before the handshake was dropped"),
    }
}

fn answered(lines: usize, facts: &Facts<'_>) -> Finding {
    let codes: Vec<&str> = facts.heard.iter().map(Heard::code).collect();
    let refused = codes.iter().filter(|code| code.starts_with('5')).count();
    let turned_away = codes.contains(&"421") || codes.last() == Some(&"");
    match (refused >= lines, turned_away) {
        (true, _) => found(Verdict::Conforms, format!("{lines} answered 5yz, one by one")),
        (false, true) if refused > 0 => {
            found(Verdict::Hardened, format!("turned away after {refused}"))
        }
        _ => found(Verdict::Violates, format!("{refused} of {lines} were answered 5yz")),
    }
}

fn served(facts: &Facts<'_>) -> Finding {
    match (facts.at(&facts.addresses.to).count(), facts.last()) {
        (0, Some(Heard::Reply(_))) => facts.missing(Verdict::Hardened),
        (0, _) => found(Verdict::Violates, format!("it was not served: {}", facts.last_words())),
        _ => once(Verdict::Hardened, facts),
    }
}

/// Banner, EHLO and MAIL are answered before the recipients.
fn each(recipients: &[String], facts: &Facts<'_>) -> Finding {
    if !facts.was_accepted() {
        return facts.missing(Verdict::Hardened);
    }
    let mut copies: HashMap<String, usize> = HashMap::new();
    for to in facts.arrived.iter().flat_map(|one| &one.to) {
        *copies.entry(to.to_ascii_lowercase()).or_default() += 1;
    }
    let replies = facts.heard.iter().skip(3).map(Heard::code);
    let answered: Vec<(&String, &str)> = recipients.iter().zip(replies).collect();
    let accepted = answered.iter().filter(|(_, code)| code.starts_with("25"));
    let came: Vec<usize> = accepted
        .map(|(to, _)| copies.get(&to.to_ascii_lowercase()).copied().unwrap_or(0))
        .collect();
    let missing = came.iter().filter(|copies| **copies == 0).count();
    let doubled = came.iter().filter(|copies| **copies > 1).count();
    let (sent, many) = (recipients.len(), came.len());
    let seen = format!("{many} of {sent} accepted, {missing} of them missing, {doubled} doubled");
    match (missing, doubled, answered.iter().find(|(_, code)| *code == "552")) {
        (0, 0, Some(_)) => found(Verdict::Tolerates, format!("{seen}; 552 to the others")),
        (0, 0, None) => found(Verdict::Conforms, seen),
        (_, 0, _) => as_yet(Verdict::Violates, seen),
        _ => found(Verdict::Violates, seen),
    }
}

fn literal(address: &str, trick: &str, facts: &Facts<'_>) -> Finding {
    match (facts.at(trick).next(), facts.at(address).count()) {
        (Some(_), _) => found(Verdict::Vulnerable, format!("it was sent on to {trick}")),
        (None, 1..) => found(Verdict::Conforms, "it went to the address as it stands"),
        (None, 0) => facts.missing(Verdict::Hardened),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_made_whole_is_not_the_sequence() {
        let normalised = b"before\r\n.\r\nMAIL FROM:<x>\r\n";
        for sequence in [&b"\n.\r\n"[..], b"\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r.\r"] {
            assert!(!holds(normalised, sequence), "{}", sequence.escape_ascii());
            let verbatim = [b"before", sequence, b"MAIL FROM:<x>\r\n"].concat();
            assert!(holds(&verbatim, sequence), "{}", sequence.escape_ascii());
        }
    }
}
