//! What is said of a target, from what was heard and seen. Pure.

use memchr::memmem;

use super::case::{Asked, Manner, Question};
use super::client::{Addresses, Heard};
use super::far_end::{Arrived, Seen};
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
    Finding { verdict, observed: observed.into(), waits: false }
}

fn as_yet(verdict: Verdict, observed: impl Into<String>) -> Finding {
    Finding { verdict, observed: observed.into(), waits: true }
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

/// What is said in a case of a client.
#[must_use]
pub fn client(question: &Question, facts: &Facts<'_>) -> Finding {
    if !facts.alive {
        return found(Verdict::Violates, "after it the target greeted nobody any more");
    }
    match question {
        Question::Smuggled { sequence, legal } => smuggled(sequence, *legal, facts),
        Question::Whole { body, refused, altered } => whole(body, *refused, *altered, facts),
        Question::Once { refused } => once(*refused, facts),
        Question::Normalised => normalised(facts),
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

fn smuggled(sequence: &[u8], legal: bool, facts: &Facts<'_>) -> Finding {
    if facts.at(&facts.addresses.other).next().is_some() {
        return found(Verdict::Vulnerable, "the message inside arrived as one of its own");
    }
    let verbatim = |one: &Arrived| memmem::find(&one.content, sequence).is_some();
    match facts.at(&facts.addresses.to).next() {
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
        (true, _) => found(Verdict::Conforms, format!("answered {}", heard.join(", "))),
        (false, Some((wrong, wanted))) => {
            found(otherwise, format!("{} where {wanted} was expected", words(Some(wrong))))
        }
        (false, None) => found(
            otherwise,
            format!("{} of {} replies came: {}", heard.len(), codes.len(), heard.join(", ")),
        ),
    }
}

fn fresh(facts: &Facts<'_>) -> Finding {
    if facts.at(&facts.addresses.other).next().is_some() {
        return found(Verdict::Violates, "it reached a recipient of the transaction before");
    }
    once(Verdict::Violates, facts)
}

fn injected(facts: &Facts<'_>) -> Finding {
    let Some(secured) = facts.heard.iter().position(|heard| *heard == Heard::Secured) else {
        // Banner, EHLO, and then STARTTLS.
        let offered = facts.heard.get(2).is_some_and(|heard| heard.code() == "220");
        return match offered && facts.heard.contains(&Heard::NotSecured) {
            true => found(Verdict::Hardened, "the connection was given up"),
            false => found(Verdict::Untold, "it offers no STARTTLS"),
        };
    };
    match facts.heard.get(secured + 1) {
        Some(Heard::Reply(reply)) => {
            let reply = reply.trim_end().to_owned();
            found(Verdict::Vulnerable, format!("answered under TLS: `{reply}`"))
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

/// What is known of one case of a server.
pub struct ServerFacts<'a> {
    /// What the submission of its message heard.
    pub heard: &'a [Heard],
    /// The message's recipients.
    pub recipients: &'a [String],
    /// What the server saw.
    pub seen: &'a Seen,
    /// DSNs that came back for it.
    pub returned: &'a [Arrived],
}

impl ServerFacts<'_> {
    fn taken(&self, recipient: &str) -> usize {
        let same = |one: &&Arrived| one.to.iter().any(|to| to.eq_ignore_ascii_case(recipient));
        self.seen.arrived.iter().filter(|one| one.taken).filter(same).count()
    }

    fn first(&self) -> usize {
        self.recipients.first().map_or(0, |recipient| self.taken(recipient))
    }
}

/// What is said in a case of a server.
#[must_use]
pub fn server(manner: &Manner, facts: &ServerFacts<'_>) -> Finding {
    let refusal = facts.heard.iter().find(|heard| heard.code().starts_with(['4', '5']));
    if refusal.is_some() || !facts.heard.last().is_some_and(|it| it.code().starts_with('2')) {
        let why = format!("its message was not taken: {}", words(refusal.or(facts.heard.last())));
        let fair = matches!(manner.asked, Asked::SevenBit | Asked::AsciiAddress);
        return match refusal.filter(|_| fair) {
            Some(_) => found(Verdict::Conforms, why),
            None => found(Verdict::Untold, why),
        };
    }
    if facts.seen.connections == 0 {
        return match facts.returned.len() {
            0 => as_yet(Verdict::Untold, "the target never came"),
            _ => found(Verdict::Conforms, "returned without a try"),
        };
    }
    match &manner.asked {
        Asked::Delivered => delivered(facts, true),
        Asked::Understood => delivered(facts, false),
        Asked::NotTaken => not_taken(facts),
        Asked::Patient(least) => patient(*least, facts),
        Asked::EachAsTold => each_as_told(facts),
        Asked::Returned => match facts.returned.len() {
            0 => as_yet(Verdict::Violates, "nothing was returned to the sender"),
            1 => found(Verdict::Conforms, "returned to the sender, once"),
            many => found(Verdict::Violates, format!("returned to the sender {many} times")),
        },
        Asked::Anew => anew(facts),
        Asked::SevenBit => seven_bit(facts),
        Asked::AsciiAddress => ascii_address(facts),
    }
}

fn delivered(facts: &ServerFacts<'_>, trouble: bool) -> Finding {
    let (copies, tries) = (facts.first(), facts.seen.connections);
    match (copies, facts.returned.len()) {
        (0, 0) => as_yet(Verdict::Violates, format!("not delivered, in {tries} connections")),
        (0, _) if trouble => found(Verdict::Violates, "returned, not tried again"),
        (0, _) => found(Verdict::Violates, "returned to the sender"),
        (1, 0) => {
            let secured = facts.seen.arrived.iter().any(|one| one.taken && one.secured);
            let how = if secured { "under TLS" } else { "in the clear" };
            found(Verdict::Conforms, format!("delivered {how}, in {tries} connections"))
        }
        (1, _) => found(Verdict::Violates, "delivered and returned"),
        (many, _) => found(Verdict::Tolerates, format!("delivered {many} times")),
    }
}

/// The first connection said what is no success.
fn not_taken(facts: &ServerFacts<'_>) -> Finding {
    let again = facts.seen.arrived.iter().filter(|one| one.connection > 1).count();
    match (again, facts.returned.len()) {
        (0, 0) => {
            as_yet(Verdict::Violates, "taken for a success: neither tried again nor returned")
        }
        (0, _) => found(Verdict::Conforms, "returned to the sender"),
        (many, _) => found(Verdict::Conforms, format!("tried again, {many} more")),
    }
}

fn patient(least: std::time::Duration, facts: &ServerFacts<'_>) -> Finding {
    let mut ends = facts.seen.arrived.iter().map(|one| one.at);
    let (Some(first), second) = (ends.next(), ends.next()) else {
        return as_yet(Verdict::Untold, "no content came");
    };
    match second.map(|second| second.since(first)) {
        Some(gap) if gap < least => {
            found(Verdict::Violates, format!("sent again after {:.1} s", gap.as_secs_f64()))
        }
        _ => {
            let waits = facts.first() == 0;
            let observed = format!("waited {} s for the reply", least.as_secs());
            Finding { waits, ..found(Verdict::Conforms, observed) }
        }
    }
}

fn each_as_told(facts: &ServerFacts<'_>) -> Finding {
    let copies: Vec<usize> = facts.recipients.iter().map(|one| facts.taken(one)).collect();
    let returned = facts.returned.len();
    let taken = facts.seen.arrived.iter().filter(|one| one.taken);
    let spilled = taken.filter(|one| one.to.len() > 1).count();
    let seen = format!("copies {copies:?}, returned {returned} times");
    match (copies.as_slice(), returned) {
        ([1, 0, 1], 1) if spilled == 0 => found(Verdict::Conforms, seen),
        ([first, _, third], _) if *first > 1 || *third > 1 => {
            found(Verdict::Violates, format!("sent again to who had it: {seen}"))
        }
        _ => as_yet(Verdict::Violates, seen),
    }
}

fn anew(facts: &ServerFacts<'_>) -> Finding {
    let mut secured = facts.seen.said.iter().filter(|said| said.secured);
    let Some(first) = secured.next() else {
        let waits = facts.first() == 0;
        let tried = facts.seen.said.iter().any(|said| said.line.eq_ignore_ascii_case("STARTTLS"));
        let finding = match tried {
            true => found(Verdict::Hardened, "it gave the handshake up"),
            false => found(Verdict::Untold, "it uses no TLS"),
        };
        return Finding { waits, ..finding };
    };
    if !first.line.to_ascii_uppercase().starts_with("EHLO") {
        return found(Verdict::Violates, format!("after the handshake it said `{}`", first.line));
    }
    match first.more {
        true => found(Verdict::Vulnerable, "it took what came before the handshake for the reply"),
        false => found(Verdict::Conforms, "EHLO after the handshake, and its reply awaited"),
    }
}

/// How long the case's server lets the reply to EHLO wait.
pub const EHLO_DELAY: std::time::Duration = std::time::Duration::from_secs(2);

fn seven_bit(facts: &ServerFacts<'_>) -> Finding {
    let Some(one) = facts.seen.arrived.first() else {
        return match facts.returned.len() {
            0 => as_yet(Verdict::Untold, "neither delivered nor returned"),
            _ => found(Verdict::Conforms, "returned to the sender"),
        };
    };
    match one.content.is_ascii() {
        true => found(Verdict::Conforms, "converted to seven bits"),
        false => found(Verdict::Violates, "octets above 127 were sent all the same"),
    }
}

fn ascii_address(facts: &ServerFacts<'_>) -> Finding {
    let sent = facts.seen.said.iter().find(|said| !said.line.is_ascii());
    match (sent, facts.returned.len()) {
        (Some(said), _) => found(Verdict::Violates, format!("it said `{}`", said.line)),
        (None, 0) => as_yet(Verdict::Untold, "neither delivered nor returned"),
        (None, _) => found(Verdict::Conforms, "returned to the sender"),
    }
}
