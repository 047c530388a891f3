//! What is said of a target that met a server of ours.

use std::time::Duration;

use super::super::case::{Asked, Manner};
use super::super::client::Heard;
use super::super::far_end::{Arrived, Said, Seen};
use super::super::finding::Verdict;
use super::{Finding, as_yet, found, silence, words};
use crate::clock::Time;
use crate::limits;

/// What is known of one case of a server.
pub struct ServerFacts<'a> {
    /// What the submission of its message heard.
    pub heard: &'a [Heard],
    /// The message's recipients.
    pub recipients: &'a [String],
    /// What the server saw.
    pub seen: &'a Seen,
    /// How many DSNs came back for it.
    pub returned: usize,
    /// When the other message arrived that was submitted beside it.
    pub companion: Option<Time>,
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
    if facts.seen.connections == 0 && !matches!(manner.asked, Asked::NextHost) {
        return match facts.returned {
            0 => as_yet(Verdict::Untold, "the target never came"),
            _ => found(Verdict::Conforms, "returned without a try"),
        };
    }
    match &manner.asked {
        Asked::Delivered | Asked::NextHost => delivered(facts, true),
        Asked::OnlySecured => only_secured(facts),
        Asked::Understood => delivered(facts, false),
        Asked::NotTaken => not_taken(facts),
        Asked::EitherWay => match (facts.seen.arrived.len(), facts.returned) {
            (_, 1..) => found(Verdict::Violates, "returned to the sender"),
            (0, 0) => as_yet(Verdict::Violates, "it never came"),
            (1, 0) => found(Verdict::Conforms, "taken for a success"),
            (many, 0) => found(Verdict::Conforms, format!("tried again, {} more", many - 1)),
        },
        Asked::NotHeldUp => not_held_up(facts),
        Asked::NoReturnOfReturn => no_return_of_return(facts),
        Asked::Patient(least) => patient(*least, facts),
        Asked::EachAsTold => each_as_told(facts),
        Asked::Returned => match facts.returned {
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
    match (copies, facts.returned) {
        (0, 0) if tries < 2 => silence(format!("not delivered, in {tries} connections")),
        (0, 0) => as_yet(Verdict::Violates, format!("not delivered, in {tries} connections")),
        (0, _) if trouble => returned_after(tries),
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

fn only_secured(facts: &ServerFacts<'_>) -> Finding {
    let clear = facts.seen.arrived.iter().any(|one| !one.secured);
    let tries = facts.seen.connections;
    match (clear, facts.returned) {
        (true, _) => found(Verdict::Vulnerable, "sent in the clear"),
        (false, 0) => Finding {
            // Whether it gives in at the next try.
            waits: tries < 2,
            put_off: true,
            ..found(Verdict::Conforms, format!("put off, {tries} times so far"))
        },
        (false, _) => returned_after(tries),
    }
}

fn returned_after(tries: usize) -> Finding {
    match tries {
        0..=1 => found(Verdict::Violates, "returned, not tried again"),
        _ => found(Verdict::Violates, format!("returned, after {tries} connections")),
    }
}

/// The first connection said what is no success.
fn not_taken(facts: &ServerFacts<'_>) -> Finding {
    let again = facts.seen.arrived.iter().filter(|one| one.connection > 1).count();
    match (again, facts.returned) {
        (0, 0) => silence("taken for a success: neither tried again nor returned"),
        (0, _) => found(Verdict::Conforms, "returned to the sender"),
        (many, _) => found(Verdict::Conforms, format!("tried again, {many} more")),
    }
}

fn patient(least: Duration, facts: &ServerFacts<'_>) -> Finding {
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
    let returned = facts.returned;
    let taken = facts.seen.arrived.iter().filter(|one| one.taken);
    let spilled = taken.filter(|one| one.to.len() > 1).count();
    let seen = format!("copies {copies:?}, returned {returned} times");
    match (copies.as_slice(), returned) {
        ([1, 0, 1], 1) if spilled == 0 => found(Verdict::Conforms, seen),
        ([first, _, third], _) if *first > 1 || *third > 1 => {
            found(Verdict::Violates, format!("sent again to who had it: {seen}"))
        }
        _ => silence(seen),
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
pub const EHLO_DELAY: Duration = Duration::from_secs(2);

fn seven_bit(facts: &ServerFacts<'_>) -> Finding {
    let Some(one) = facts.seen.arrived.first() else {
        return match facts.returned {
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
    // Taken by a server that was not offered the address.
    let elsewhere = facts.seen.arrived.iter().flat_map(|one| &one.to).next();
    match (sent, elsewhere, facts.returned) {
        (Some(said), _, _) => found(Verdict::Violates, format!("it said `{}`", said.line)),
        (None, Some(to), _) => {
            found(Verdict::Violates, format!("it was sent to another address: `{to}`"))
        }
        (None, None, 0) => as_yet(Verdict::Untold, "neither delivered nor returned"),
        (None, None, _) => found(Verdict::Conforms, "returned to the sender"),
    }
}

/// The least a client must wait for a reply, whichever: what is given up later is late.
const LEAST_PATIENCE: Duration = Duration::from_secs(600);

/// What was given up sooner held nobody up: the other message is submitted after it began.
const HELD_UP: Duration = Duration::from_secs(4);

fn not_held_up(facts: &ServerFacts<'_>) -> Finding {
    let Some(dawdled) = facts.seen.dawdled.first() else {
        return as_yet(Verdict::Untold, "it did not come as far as that");
    };
    let Some(other) = facts.companion else {
        return as_yet(Verdict::Violates, "other mail never arrived");
    };
    let Some((end, left)) = dawdled.ended else {
        return as_yet(Verdict::Conforms, "other mail arrived meanwhile");
    };
    let (length, octets) = (end.since(dawdled.from), dawdled.octets);
    let how = format!("after {:.1} s and {octets} octets", length.as_secs_f64());
    if other > end && length > HELD_UP {
        return found(Verdict::Violates, format!("other mail waited until it was over, {how}"));
    }
    match left {
        true => found(Verdict::Conforms, format!("given up {how}; other mail went on")),
        false if octets >= limits::CONFORMANCE_REPLY_OCTETS || length > LEAST_PATIENCE => {
            found(Verdict::Tolerates, format!("not given up {how}; other mail went on"))
        }
        false => found(Verdict::Conforms, format!("still awaited {how}; other mail went on")),
    }
}

fn no_return_of_return(facts: &ServerFacts<'_>) -> Finding {
    let null = |said: &&Said| said.line.to_ascii_uppercase().starts_with("MAIL FROM:<>");
    match facts.seen.said.iter().filter(null).count() {
        0 => as_yet(Verdict::Violates, "nothing was returned to the sender"),
        1 => found(Verdict::Conforms, "returned once; of that return, which was refused, no more"),
        many => found(Verdict::Violates, format!("returned, and returned again: {many} times")),
    }
}
