//! The cases, a value each. `i` cases are inbound (mailbench is a client of the target), `o` cases
//! outbound (mailbench is the server to which the target relays).

mod order;
mod patience;
mod relaying;
mod replies;
mod servers;
mod servers_tls;
mod size;
mod smuggling;
mod text;

use super::case::{
    Case, ClientCheck, ClientScript, Misbehaviour, Script, ServerCheck, ServerScript, ServerStage,
    Step, Times,
};
use super::finding::Verdict;

/// Domain of the compliant server, the recipient of all mail in `i` cases.
pub const COMPLIANT: &str = "compliant.test";

/// Former names of cases, and the present ones.
pub const RENAMED: [(&str, &str); 1] = [("o11-three-fates", "o11-mixed-recipient-replies")];

/// Every case. `times` are the durations of the cases about timeouts.
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

/// Name, expectation and source of a case.
struct Heading<'a> {
    id: &'static str,
    title: &'a str,
    expected: &'static str,
    source: &'static str,
    mandated: bool,
}

fn client(heading: &Heading, steps: Vec<Step>, check: ClientCheck) -> Case {
    let script = ClientScript { steps, domain: COMPLIANT, check, pipelines: false };
    case(heading, Script::Client(script))
}

/// A case that sends several commands in one write, as PIPELINING permits.
fn pipelining(heading: &Heading, steps: Vec<Step>, check: ClientCheck) -> Case {
    let script = ClientScript { steps, domain: COMPLIANT, check, pipelines: true };
    case(heading, Script::Client(script))
}

fn server(heading: &Heading, script: ServerScript) -> Case {
    case(heading, Script::Server(script))
}

/// Misbehaves in the first attempt.
fn once(stage: ServerStage, misbehaviour: Misbehaviour, check: ServerCheck) -> ServerScript {
    let misbehaviour = vec![(stage, misbehaviour)];
    ServerScript { misbehaviour, attempts: 1, check, ..ServerScript::default() }
}

/// Misbehaves in every attempt.
fn always(stage: ServerStage, misbehaviour: Misbehaviour, check: ServerCheck) -> ServerScript {
    ServerScript { attempts: usize::MAX, ..once(stage, misbehaviour, check) }
}

fn case(heading: &Heading, script: Script) -> Case {
    Case {
        id: heading.id.to_owned(),
        title: heading.title.to_owned(),
        expected: heading.expected,
        source: heading.source,
        mandated: heading.mandated,
        script,
    }
}

fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

/// EHLO, MAIL, RCPT and DATA with the addresses of the case, each after the reply to the one before.
fn envelope() -> Vec<Step> {
    envelope_with("")
}

/// [`envelope`] with parameters of MAIL.
fn envelope_with(parameters: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mail = format!("MAIL FROM:<@FROM@>{parameters}\r\n");
    for line in ["EHLO client.mailbench.test\r\n", &mail, "RCPT TO:<@TO@>\r\n", "DATA\r\n"] {
        steps.extend([send(line), Step::AwaitReplies(1)]);
    }
    steps
}

/// An ordinary header section and the empty line after it.
const HEADER: &[u8] = b"From: <@FROM@>\r\nTo: <@TO@>\r\nSubject: conformance\r\n\
    Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <@TO@>\r\n\r\n";

/// Submits one message with this body, which is dot-stuffed already, and awaits the reply.
fn message(wire_body: &[u8]) -> Vec<Step> {
    let mut steps = envelope();
    steps.extend([send([HEADER, wire_body, b".\r\n"].concat()), Step::AwaitReplies(1)]);
    steps
}

/// A message whose body must be delivered unchanged.
fn body_unchanged(heading: &Heading, body: &[u8], rejected: Verdict, altered: Verdict) -> Case {
    let stuffed = crate::smtp::content::stuffed(body);
    let wire = stuffed.strip_suffix(b".\r\n").unwrap_or(&stuffed);
    let check = ClientCheck::BodyUnchanged { body: body.to_vec(), rejected, altered };
    client(heading, message(wire), check)
}
