//! The cases, a value each. Their numbers are those of the literature: I is us as a client, O is
//! us as a server.

mod order;
mod patience;
mod relaying;
mod replies;
mod servers;
mod servers_tls;
mod size;
mod smuggling;
mod text;

use super::case::{Act, Asked, Case, Manner, Moment, Question, Script, Step, Strike, Times};
use super::finding::Verdict;

/// Where obedient servers are: all mail of clients' cases goes there.
pub const OBEDIENT: &str = "obedient.test";

/// Every case; those about patience take so long.
#[must_use]
pub fn all(times: &Times) -> Vec<Case> {
    let parts = [
        smuggling::cases(),
        text::cases(),
        order::cases(),
        size::cases(),
        relaying::cases(),
        replies::cases(),
        servers::cases(),
        servers_tls::cases(),
        patience::cases(times),
    ];
    parts.into_iter().flatten().collect()
}

/// What a case is called and by which text it is judged.
struct Heading<'a> {
    id: &'static str,
    title: &'a str,
    expected: &'static str,
    source: &'static str,
    mandated: bool,
}

fn client(heading: &Heading, steps: Vec<Step>, question: Question) -> Case {
    let act = Act::Client(Script { steps, domain: OBEDIENT, question, pipelines: false });
    case(heading, act)
}

/// A case that says several commands in one write, as PIPELINING allows.
fn pipelining(heading: &Heading, steps: Vec<Step>, question: Question) -> Case {
    let act = Act::Client(Script { steps, domain: OBEDIENT, question, pipelines: true });
    case(heading, act)
}

fn server(heading: &Heading, manner: Manner) -> Case {
    case(heading, Act::Server(manner))
}

/// Misbehaves so once.
fn once(moment: Moment, strike: Strike, asked: Asked) -> Manner {
    Manner { strikes: vec![(moment, strike)], tries: 1, asked, ..Manner::default() }
}

/// Never behaves.
fn always(moment: Moment, strike: Strike, asked: Asked) -> Manner {
    Manner { tries: usize::MAX, ..once(moment, strike, asked) }
}

fn case(heading: &Heading, act: Act) -> Case {
    Case {
        id: heading.id.to_owned(),
        title: heading.title.to_owned(),
        expected: heading.expected,
        source: heading.source,
        mandated: heading.mandated,
        act,
    }
}

fn say(text: impl AsRef<[u8]>) -> Step {
    Step::Say(text.as_ref().to_vec())
}

/// EHLO, MAIL and RCPT of the case's addresses, and DATA, each after the reply to the last.
fn envelope() -> Vec<Step> {
    envelope_with("")
}

/// The same, with parameters of MAIL.
fn envelope_with(parameters: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mail = format!("MAIL FROM:<@FROM@>{parameters}\r\n");
    for line in ["EHLO client.mailbench.test\r\n", &mail, "RCPT TO:<@TO@>\r\n", "DATA\r\n"] {
        steps.extend([say(line), Step::Hear(1)]);
    }
    steps
}

/// A header section of ordinary length and its blank line.
const HEADER: &[u8] = b"From: <@FROM@>\r\nTo: <@TO@>\r\nSubject: conformance\r\n\
    Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <@TO@>\r\n\r\n";

/// One message with this body, given as it goes over the wire, and the reply to it.
fn message(wire_body: &[u8]) -> Vec<Step> {
    let mut steps = envelope();
    steps.extend([say([HEADER, wire_body, b".\r\n"].concat()), Step::Hear(1)]);
    steps
}

/// A message whose body must arrive as it is.
fn whole(heading: &Heading, body: &[u8], refused: Verdict, altered: Verdict) -> Case {
    let stuffed = crate::smtp::content::stuffed(body);
    let wire = stuffed.strip_suffix(b".\r\n").unwrap_or(&stuffed);
    client(heading, message(wire), Question::Whole { body: body.to_vec(), refused, altered })
}
